#include "cases/json_text.h"

#include <fmt/format.h>

namespace tokenscaler::e2e {

std::string json_string(std::string_view text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      result += '\\';
      result += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      result += fmt::format("\\u{:04x}", static_cast<unsigned char>(c));
    } else {
      result += c;
    }
  }
  return result + '"';
}

std::string json_object(const std::map<std::string, std::string>& members) {
  std::string result = "{";
  for (const auto& [name, value] : members) {
    if (result.size() > 1) result += ", ";
    result += json_string(name) + ": " + json_string(value);
  }
  return result + "}";
}

}  // namespace tokenscaler::e2e
