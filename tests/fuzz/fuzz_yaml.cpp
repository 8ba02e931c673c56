// YAML: no text breaks the reader, every value it makes has a JSON form, every field a place.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "json/field_path.h"
#include "json/write.h"
#include "yaml/document.h"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void visit(const tokenscaler::json::Value& value, const std::string& path,
           const tokenscaler::yaml::SourceMap& source, std::size_t lines) {
  namespace json = tokenscaler::json;
  const json::LineColumn where = source.find(path);
  require(where.line >= 1 && where.line <= lines && where.column >= 1);
  if (const json::Array* const array = value.array()) {
    for (std::size_t i = 0; i < array->size(); ++i) {
      visit((*array)[i], json::child_path(path, i), source, lines);
    }
  }
  if (const json::Object* const object = value.object()) {
    for (const auto& [key, member] : *object) {
      visit(member, json::child_path(path, key), source, lines);
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace yaml = tokenscaler::yaml;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  // Few values, so that looking up the place of each stays cheap.
  const auto documents = yaml::parse(text, {.bytes_max = 65'536, .values_max = 2'000});
  if (!documents) {
    require(documents.error().code != tokenscaler::ErrorCode::Internal);
    require(!documents.error().advice.empty());
    return 0;
  }
  std::size_t lines = 2;
  for (const char c : text) lines += c == '\n' ? 1 : 0;
  for (const yaml::Document& document : *documents) {
    require(tokenscaler::json::write(document.value).has_value());
    visit(document.value, "", document.source, lines);
  }
  return 0;
}
