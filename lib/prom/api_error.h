// Answers that are not a result, as errors that a person can act on.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "prom/answer.h"

namespace tokenscaler::prom {

/// `text` of a server as it may be shown: one line, at most kMaxServerText bytes, and without the
/// user info of addresses in it.
[[nodiscard]] std::string printable_text(std::string_view text);

/// An answer with `status: error`, or a JSON answer whose HTTP status is not a success.
[[nodiscard]] Error api_error(const RawAnswer& raw, std::string_view error_type,
                              std::string_view message);

/// An answer that is no JSON object: a login page, a proxy's text, a redirect.
[[nodiscard]] Error not_json_error(const RawAnswer& raw);

}  // namespace tokenscaler::prom
