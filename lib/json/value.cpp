#include "json/value.h"

#include <algorithm>

namespace tokenscaler::json {

namespace {

bool key_before(const Member& a, const Member& b) {
  return a.key < b.key;
}

bool key_less(const Member& member, std::string_view key) {
  return member.key < key;
}

auto lower_bound(auto& members, std::string_view key) {
  return std::lower_bound(members.begin(), members.end(), key, key_less);
}

}  // namespace

Object::Object() = default;
Object::~Object() = default;
Object::Object(const Object&) = default;
Object::Object(Object&&) noexcept = default;
Object& Object::operator=(const Object&) = default;
Object& Object::operator=(Object&&) noexcept = default;

Object::Object(std::initializer_list<Member> members) {
  members_.reserve(members.size());
  for (const Member& member : members) set(member.key, member.value);
}

const Value* Object::find(std::string_view key) const {
  const auto member = lower_bound(members_, key);
  return member != members_.end() && member->key == key ? &member->value : nullptr;
}

void Object::set(std::string key, Value value) {
  const auto member = lower_bound(members_, key);
  if (member != members_.end() && member->key == key) {
    member->value = std::move(value);
  } else {
    members_.insert(member, Member{.key = std::move(key), .value = std::move(value)});
  }
}

bool Object::from_members(std::vector<Member> members, Object& object) {
  object.members_.clear();
  if (!std::is_sorted(members.begin(), members.end(), key_before)) {
    std::sort(members.begin(), members.end(), key_before);
  }
  const auto twice =
      std::adjacent_find(members.begin(), members.end(),
                         [](const Member& a, const Member& b) { return a.key == b.key; });
  if (twice != members.end()) return false;
  object.members_ = std::move(members);
  return true;
}

std::size_t Object::size() const {
  return members_.size();
}
bool Object::empty() const {
  return members_.empty();
}
std::vector<Member>::const_iterator Object::begin() const {
  return members_.begin();
}
std::vector<Member>::const_iterator Object::end() const {
  return members_.end();
}
bool Object::operator==(const Object& other) const {
  return members_ == other.members_;
}

bool Value::operator==(const Value& other) const {
  return data_ == other.data_;
}

std::string_view describe(Type type) {
  switch (type) {
    case Type::Null:
      return "null";
    case Type::Boolean:
      return "a boolean";
    case Type::Integer:
      return "an integer";
    case Type::Number:
      return "a number";
    case Type::String:
      return "a string";
    case Type::Array:
      return "a list";
    case Type::Object:
      return "an object";
  }
  return "unknown";
}

std::optional<bool> Value::boolean() const {
  const bool* const value = std::get_if<bool>(&data_);
  return value == nullptr ? std::nullopt : std::optional(*value);
}

std::optional<std::int64_t> Value::integer() const {
  const std::int64_t* const value = std::get_if<std::int64_t>(&data_);
  return value == nullptr ? std::nullopt : std::optional(*value);
}

std::optional<double> Value::number() const {
  if (const auto* const whole = std::get_if<std::int64_t>(&data_)) {
    return static_cast<double>(*whole);
  }
  const double* const value = std::get_if<double>(&data_);
  return value == nullptr ? std::nullopt : std::optional(*value);
}

const Value* Value::find(std::string_view key) const {
  const Object* const members = object();
  return members == nullptr ? nullptr : members->find(key);
}

}  // namespace tokenscaler::json
