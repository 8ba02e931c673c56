// A small strict JSON reader (RFC 8259). The engine has its own, so that its image needs neither
// cpprestsdk nor Boost.JSON, and so that a prompt of 100,000 token ids costs 16 bytes a token.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"

namespace tokenscaler::engine {

class JsonValue;
using JsonArray = std::vector<JsonValue>;
using JsonObject = std::vector<std::pair<std::string, JsonValue>>;

/// One JSON value. Accessors answer nullptr or nullopt when it is of another kind.
class JsonValue {
 public:
  using Storage = std::variant<std::nullptr_t, bool, double, std::string,
                               std::shared_ptr<const JsonArray>, std::shared_ptr<const JsonObject>>;
  JsonValue() = default;
  explicit JsonValue(Storage storage) : storage_(std::move(storage)) {}

  [[nodiscard]] bool is_null() const { return std::holds_alternative<std::nullptr_t>(storage_); }
  [[nodiscard]] std::optional<bool> boolean() const;
  [[nodiscard]] std::optional<double> number() const;
  /// A whole number that a double holds exactly (up to 2^53).
  [[nodiscard]] std::optional<std::int64_t> integer() const;
  [[nodiscard]] const std::string* string() const { return std::get_if<std::string>(&storage_); }
  [[nodiscard]] const JsonArray* array() const;
  [[nodiscard]] const JsonObject* object() const;
  /// The member `name` of an object (the last one of that name); nullptr if there is none.
  [[nodiscard]] const JsonValue* find(std::string_view name) const;

 private:
  Storage storage_;
};

/// Reads exactly one value. Invalid says what is wrong at which byte.
[[nodiscard]] Result<JsonValue> read_json(std::string_view text);

/// `text` as a JSON string with its quotes.
[[nodiscard]] std::string json_quoted(std::string_view text);

}  // namespace tokenscaler::engine
