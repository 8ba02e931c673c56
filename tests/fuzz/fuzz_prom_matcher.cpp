// No label value, however hostile, ends the literal that it stands in.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "prom/matcher.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tokenscaler::prom;
  const std::string_view value(reinterpret_cast<const char*>(data), size);
  for (const std::string& text : {quote(value), quote(escape_regex(value))}) {
    if (text.size() < 2 || text.front() != '"' || text.back() != '"') std::abort();
    for (std::size_t i = 1; i + 1 < text.size(); ++i) {
      if (text[i] == '"' || text[i] == '\n') std::abort();
      if (text[i] == '\\' && ++i + 1 >= text.size()) std::abort();
    }
  }
  return 0;
}
