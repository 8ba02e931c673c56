// A JSON value: what every document becomes, from JSON and YAML alike.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace tokenscaler::json {

// Before the types below: GCC says that an enumerator would shadow them.
enum class Type { Null, Boolean, Integer, Number, String, Array, Object };

/// `null`, `a boolean`, `an integer`, `a number`, `a string`, `a list`, `an object`: for messages.
[[nodiscard]] std::string_view describe(Type type);

class Value;
struct Member;

using Array = std::vector<Value>;

/// The members of an object in the order of their keys' bytes. A key occurs once.
class Object {
 public:
  // Defined where Member is complete: clang makes them too early otherwise.
  Object();
  ~Object();
  Object(const Object&);
  Object(Object&&) noexcept;
  Object& operator=(const Object&);
  Object& operator=(Object&&) noexcept;
  Object(std::initializer_list<Member> members);

  /// The member's value, or nullptr.
  [[nodiscard]] const Value* find(std::string_view key) const;
  /// Adds the member or replaces its value.
  void set(std::string key, Value value);
  /// Takes members in any order. False, and an empty object, if a key occurs twice.
  [[nodiscard]] static bool from_members(std::vector<Member> members, Object& object);

  [[nodiscard]] std::size_t size() const;
  [[nodiscard]] bool empty() const;
  [[nodiscard]] std::vector<Member>::const_iterator begin() const;
  [[nodiscard]] std::vector<Member>::const_iterator end() const;

  bool operator==(const Object& other) const;

 private:
  std::vector<Member> members_;
};

/// A JSON value. Reading is total: each accessor answers empty when the value is of another type.
class Value {
 public:
  Value() = default;
  // Implicit on purpose: documents are written as nested braces.
  // NOLINTBEGIN(google-explicit-constructor)
  Value(std::nullptr_t) {}
  template <std::same_as<bool> Boolean>
  Value(Boolean value) : data_(value) {}
  template <std::signed_integral Integer>
  Value(Integer value) : data_(std::int64_t{value}) {}
  Value(std::uint32_t value) : data_(std::int64_t{value}) {}
  Value(double value) : data_(value) {}
  Value(std::string value) : data_(std::move(value)) {}
  Value(std::string_view value) : data_(std::string(value)) {}
  Value(const char* value) : data_(std::string(value)) {}
  Value(Array value) : data_(std::move(value)) {}
  Value(Object value) : data_(std::move(value)) {}
  // NOLINTEND(google-explicit-constructor)

  [[nodiscard]] Type type() const { return static_cast<Type>(data_.index()); }
  [[nodiscard]] bool is_null() const { return type() == Type::Null; }

  [[nodiscard]] std::optional<bool> boolean() const;
  /// A number written without point and exponent that fits 64 bits.
  [[nodiscard]] std::optional<std::int64_t> integer() const;
  /// Any number; an integer beyond 2^53 loses its last digits.
  [[nodiscard]] std::optional<double> number() const;
  [[nodiscard]] const std::string* string() const { return std::get_if<std::string>(&data_); }
  [[nodiscard]] const Array* array() const { return std::get_if<Array>(&data_); }
  [[nodiscard]] const Object* object() const { return std::get_if<Object>(&data_); }
  [[nodiscard]] Array* array() { return std::get_if<Array>(&data_); }
  [[nodiscard]] Object* object() { return std::get_if<Object>(&data_); }

  /// The member of an object, or nullptr if this is no object or has no such member.
  [[nodiscard]] const Value* find(std::string_view key) const;
  /// Follows keys from object to object: `find("metadata", "name")`.
  template <class... Keys>
  requires(sizeof...(Keys) > 0)
      [[nodiscard]] const Value* find(std::string_view key, Keys... keys) const {
    const Value* const member = find(key);
    return member == nullptr ? nullptr : member->find(keys...);
  }

  /// Equal in type and content; 1 and 1.0 are different.
  // Not defaulted, as Value, Object and Member contain each other: clang 14 does not survive it.
  bool operator==(const Value& other) const;

 private:
  std::variant<std::nullptr_t, bool, std::int64_t, double, std::string, Array, Object> data_;
};

struct Member {
  std::string key;
  Value value;

  bool operator==(const Member& other) const { return key == other.key && value == other.value; }
};

}  // namespace tokenscaler::json
