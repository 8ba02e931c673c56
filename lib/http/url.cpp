#include "http/url.h"

#include <algorithm>

namespace tokenscaler::http {

std::string printable(std::string_view text, std::size_t max_bytes) {
  std::string shown(text.substr(0, max_bytes));
  std::replace_if(
      shown.begin(), shown.end(), [](char c) { return c < 0x20 || c > 0x7E; }, '?');
  if (text.size() > max_bytes) shown += "...";
  return shown;
}

std::string redacted_url(std::string_view url) {
  constexpr std::size_t kMaxShownBytes = 300;
  std::string shown;
  if (const auto scheme_end = url.find("://"); scheme_end != std::string_view::npos) {
    shown = url.substr(0, scheme_end + 3);
    url.remove_prefix(scheme_end + 3);
  }
  url = url.substr(0, url.find_first_of("?#"));
  std::string_view authority = url.substr(0, url.find_first_of("/\\"));
  const std::string_view path = url.substr(authority.size());
  if (const auto at = authority.rfind('@'); at != std::string_view::npos) {
    authority.remove_prefix(at + 1);
  }
  shown.append(authority).append(path);
  return printable(shown, kMaxShownBytes);
}

}  // namespace tokenscaler::http
