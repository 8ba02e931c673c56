#include "json/parse.h"

#include <algorithm>
#include <exception>
#include <string>
#include <utility>
#include <vector>

#include <cpprest/json.h>
#include <fmt/format.h>

#include "json/scan.h"

namespace tokenscaler::json {

namespace {

// Deeper documents are refused by web::json itself, with an exception.
constexpr std::size_t kDepthMax = 128;

Value from_number(const web::json::number& number) {
  if (number.is_int64()) return number.to_int64();
  return number.to_double();
}

/// Empties `source` as it goes, so that no more than one tree is in memory.
Value convert(web::json::value source) {
  switch (source.type()) {
    case web::json::value::Null:
      return nullptr;
    case web::json::value::Boolean:
      return source.as_bool();
    case web::json::value::Number:
      return from_number(source.as_number());
    case web::json::value::String:
      return source.as_string();
    case web::json::value::Array: {
      Array array;
      array.reserve(source.size());
      for (web::json::value& item : source.as_array()) array.push_back(convert(std::move(item)));
      return array;
    }
    case web::json::value::Object: {
      std::vector<Member> members;
      members.reserve(source.size());
      for (auto& [key, value] : source.as_object()) {
        members.push_back(Member{.key = key, .value = convert(std::move(value))});
      }
      Object object;
      // The scan has refused duplicate keys.
      static_cast<void>(Object::from_members(std::move(members), object));
      return object;
    }
  }
  return nullptr;
}

}  // namespace

Result<Value> parse(std::string_view text, const Limits& limits) {
  Limits effective = limits;
  effective.depth_max = std::min(limits.depth_max, kDepthMax);
  RETURN_IF_ERROR(scan(text, effective));
  try {
    return convert(web::json::value::parse(std::string(text)));
  } catch (const std::exception& exception) {
    // The scan is stricter than web::json, so this is a difference between the two, or no memory.
    return make_error(ErrorCode::Internal,
                      fmt::format("the JSON parser refused the document: {}", exception.what()));
  }
}

}  // namespace tokenscaler::json
