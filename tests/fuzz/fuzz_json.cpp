// JSON: what the scan lets pass the parser behind it reads, and what is read survives being
// written.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "json/parse.h"
#include "json/write.h"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace json = tokenscaler::json;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto value = json::parse(text);
  if (!value) {
    // Internal would mean that the scan and the parser disagree.
    require(value.error().code != tokenscaler::ErrorCode::Internal);
    require(!value.error().where.empty() && !value.error().advice.empty());
    return 0;
  }
  for (const json::Layout layout : {json::Layout::Compact, json::Layout::Indented}) {
    const auto written = json::write(*value, layout);
    require(written.has_value());
    const auto again = json::parse(*written);
    require(again.has_value() && *again == *value);
  }
  return 0;
}
