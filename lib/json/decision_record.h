// A decision as JSON: the record that `recommend --output json` prints and the operator will keep.
#pragma once

#include <string>

#include "base/clock.h"
#include "json/value.h"
#include "scaling/decide.h"

namespace tokenscaler::json {

/// The whole decision. Rates are tokens/s or requests/s, times are RFC 3339 in UTC, amounts of
/// money are decimal strings beside their `currency`. What is not known is absent.
[[nodiscard]] Value encode(const scaling::Decision& decision);

/// `2026-11-23T01:02:03.004Z`
[[nodiscard]] std::string format_time(WallTime at);

}  // namespace tokenscaler::json
