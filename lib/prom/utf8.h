// UTF-8, for label values and the strings of answers. (lib/json has the same for documents; this
// folder does not link it, so that it can run under the sanitizers that cpprestsdk does not bear.)
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace tokenscaler::prom {

/// Length in bytes of the well-formed character at the start of `text`, which is not empty; 0 if
/// there is none (overlong forms and surrogates are not well-formed, RFC 3629).
[[nodiscard]] std::size_t utf8_length(std::string_view text);

/// Offset of the first byte that is not part of well-formed UTF-8, or npos.
[[nodiscard]] std::size_t find_invalid_utf8(std::string_view text);

/// Appends `point`, which is a code point and no surrogate.
void append_utf8(unsigned point, std::string& text);

}  // namespace tokenscaler::prom
