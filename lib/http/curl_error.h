// What libcurl's failures mean to a person and to a program. Only lib/http includes this.
#pragma once

#include <string_view>

#include <curl/curl.h>

#include "base/error.h"
#include "http/client.h"

namespace tokenscaler::http {

/// The error of a call that ended with `code`; `text` is what curl wrote into its error buffer.
/// `where` is left empty.
[[nodiscard]] Error curl_error(CURL* easy, CURLcode code, std::string_view text,
                               const CallLimits& limits);

/// The error of a call whose total deadline passed; it names what was being waited for.
[[nodiscard]] Error total_timeout_error(CURL* easy, const CallLimits& limits);

}  // namespace tokenscaler::http
