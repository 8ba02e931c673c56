// What may be shown of a URL.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace tokenscaler::http {

/// `url` without user, password, query and fragment, any of which may hold a secret: the form for
/// errors, logs and status. Bytes that are not printable ASCII become `?`.
[[nodiscard]] std::string redacted_url(std::string_view url);

/// `text` cut to `max_bytes`, with every byte that is not printable ASCII as `?`: for words of a
/// peer inside our messages.
[[nodiscard]] std::string printable(std::string_view text, std::size_t max_bytes = 200);

}  // namespace tokenscaler::http
