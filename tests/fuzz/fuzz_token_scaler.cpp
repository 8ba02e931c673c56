// TokenScaler objects from hostile manifests: all errors say what to do, and what is accepted is
// valid and survives being written and read again.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "json/parse.h"
#include "json/token_scaler_codec.h"
#include "json/write.h"
#include "yaml/document.h"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void check(const tokenscaler::json::Value& value) {
  namespace json = tokenscaler::json;
  std::vector<tokenscaler::model::FieldError> errors;
  const auto object = json::decode_token_scaler(value, errors);
  for (const auto& error : errors) {
    require(!error.message.empty() && !error.advice.empty());
    const std::string line = error.path + error.message + error.advice;
    require(std::none_of(line.begin(), line.end(), [](char c) { return c >= 0 && c < ' '; }));
  }
  if (!errors.empty()) return;
  const auto text = json::write(json::encode(object));
  require(text.has_value());
  const auto again = json::decode_token_scaler(json::parse(*text).value(), errors);
  require(errors.empty() && again == object);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto value = tokenscaler::json::parse(text)) check(*value);
  if (const auto documents = tokenscaler::yaml::parse(text)) {
    for (const auto& document : *documents) check(document.value);
  }
  return 0;
}
