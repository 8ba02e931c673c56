// The check that a text keeps RFC 8259 and the limits, before a parser may see it.
#pragma once

#include <string_view>

#include "base/result.h"
#include "json/parse.h"

namespace tokenscaler::json {

/// Success if `text` is one JSON document within `limits`, without duplicate keys, and every number
/// fits a double. Takes no memory for the values, only for the keys of the objects around a place.
[[nodiscard]] Status scan(std::string_view text, const Limits& limits);

}  // namespace tokenscaler::json
