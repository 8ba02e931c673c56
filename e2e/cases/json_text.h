// JSON for the configuration of Prometheus.
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace tokenscaler::e2e {

/// `text` as a JSON string with its quotes.
[[nodiscard]] std::string json_string(std::string_view text);
/// An object of strings.
[[nodiscard]] std::string json_object(const std::map<std::string, std::string>& members);

}  // namespace tokenscaler::e2e
