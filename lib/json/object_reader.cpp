#include "json/object_reader.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "json/field_path.h"
#include "json/suggestion.h"
#include "json/utf8.h"

namespace tokenscaler::json {

namespace {

bool is_integer_text(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  return !text.empty() && text.size() < 20 &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::string integer_advice(const Value& value) {
  if (const std::string* const text = value.string(); text && is_integer_text(*text)) {
    return fmt::format("write {} without quotes", *text);
  }
  return "write a whole number without unit and without quotes, for example 60";
}

std::string boolean_advice(const Value& value) {
  const std::string* const text = value.string();
  if (text != nullptr && (*text == "true" || *text == "false")) {
    return fmt::format("write {} without quotes", *text);
  }
  return "write true or false";
}

/// Advice for a scalar that stands where text is wanted.
std::string quote_advice(const Value& value) {
  // YAML's `no` has become false: what was written is not known any more.
  if (value.boolean()) return "YAML takes it for a boolean: put it in quotes";
  if (value.integer()) return fmt::format("put it in quotes: \"{}\"", *value.integer());
  if (value.number()) return fmt::format("put it in quotes: \"{}\"", *value.number());
  return "write a text";
}

}  // namespace

std::string describe(const Value& value) {
  const std::string_view type = describe(value.type());
  switch (value.type()) {
    case Type::Boolean:
      return fmt::format("{} {}", type, *value.boolean());
    case Type::Integer:
      return fmt::format("{} {}", type, *value.integer());
    case Type::Number:
      return fmt::format("{} {}", type, *value.number());
    case Type::String:
      return fmt::format("{} \"{}\"", type, printable(*value.string()));
    case Type::Null:
    case Type::Array:
    case Type::Object:
      break;
  }
  return std::string(type);
}

ObjectReader::ObjectReader(const Value& value, std::string path,
                           std::vector<model::FieldError>& errors)
    : object_(value.object()), path_(std::move(path)), errors_(&errors) {
  if (object_ == nullptr) {
    errors.push_back({.path = path_,
                      .message = fmt::format("must be an object, is {}", describe(value)),
                      .advice = "write its fields as `name: value`"});
  }
}

const Value* ObjectReader::member(std::string_view key, Presence presence) {
  ignore(key);
  // What is no object has been complained about; that its fields are missing adds nothing.
  if (object_ == nullptr) return nullptr;
  const Value* const value = object_->find(key);
  if (value != nullptr && !value->is_null()) return value;
  if (presence == Presence::Required) complain(key, "is required", "add the field");
  return nullptr;
}

void ObjectReader::ignore(std::string_view key) {
  known_.push_back(key);
}

void ObjectReader::complain(std::string_view key, std::string message, std::string advice) {
  errors_->push_back(
      {.path = child_path(path_, key), .message = std::move(message), .advice = std::move(advice)});
}

void ObjectReader::complain_type(std::string_view key, std::string_view wanted, const Value& value,
                                 std::string advice) {
  complain(key, fmt::format("must be {}, is {}", wanted, describe(value)), std::move(advice));
}

std::optional<bool> ObjectReader::boolean(std::string_view key, Presence presence) {
  const Value* const value = member(key, presence);
  if (value == nullptr) return std::nullopt;
  if (!value->boolean()) complain_type(key, "a boolean", *value, boolean_advice(*value));
  return value->boolean();
}

std::optional<std::int64_t> ObjectReader::integer(std::string_view key, Presence presence,
                                                  IntegerRange range) {
  const Value* const value = member(key, presence);
  if (value == nullptr) return std::nullopt;
  const std::optional<std::int64_t> integer = value->integer();
  if (!integer) {
    complain_type(key, "an integer", *value, integer_advice(*value));
    return std::nullopt;
  }
  if (*integer < range.min || *integer > range.max) {
    complain(key, fmt::format("must be from {} to {}, is {}", range.min, range.max, *integer),
             "write a number within that range");
    return std::nullopt;
  }
  return integer;
}

std::optional<double> ObjectReader::number(std::string_view key, Presence presence) {
  const Value* const value = member(key, presence);
  if (value == nullptr) return std::nullopt;
  if (!value->number()) {
    complain_type(key, "a number", *value, "write it without unit and without quotes");
  }
  return value->number();
}

std::optional<std::string> ObjectReader::string(std::string_view key, Presence presence) {
  const Value* const value = member(key, presence);
  if (value == nullptr) return std::nullopt;
  if (value->string() == nullptr) {
    complain_type(key, "a string", *value, quote_advice(*value));
    return std::nullopt;
  }
  return *value->string();
}

std::optional<Quantity> ObjectReader::quantity(std::string_view key, Presence presence) {
  const Value* const value = member(key, presence);
  if (value == nullptr) return std::nullopt;
  if (const std::optional<std::int64_t> integer = value->integer()) {
    return Quantity(Decimal::from_integer(*integer), Quantity::Format::DecimalSi);
  }
  if (value->string() == nullptr) {
    const bool is_number = value->type() == Type::Number;
    complain_type(key, "a quantity in quotes", *value,
                  is_number ? quote_advice(*value) : "write for example \"1.5\" or \"500m\"");
    return std::nullopt;
  }
  Result<Quantity> quantity = Quantity::parse(*value->string());
  if (!quantity) {
    complain(key, fmt::format("must be a quantity, is {}", describe(*value)),
             quantity.error().advice);
    return std::nullopt;
  }
  return *quantity;
}

std::optional<Decimal> ObjectReader::decimal(std::string_view key, Presence presence) {
  const std::optional<Quantity> value = quantity(key, presence);
  return value ? std::optional(value->value()) : std::nullopt;
}

std::optional<std::size_t> ObjectReader::word(std::string_view key,
                                              const std::vector<std::string_view>& words,
                                              Presence presence) {
  const Value* const value = member(key, presence);
  if (value == nullptr) return std::nullopt;
  const std::string* const text = value->string();
  if (text != nullptr) {
    const auto found = std::find(words.begin(), words.end(), *text);
    if (found != words.end()) return static_cast<std::size_t>(found - words.begin());
  }
  const auto suggestion = text == nullptr ? std::nullopt : closest(*text, words);
  std::string advice = "write one of these words";
  if (suggestion) advice = fmt::format("did you mean {}?", *suggestion);
  // kubectl sends `Off` as false.
  if (value->boolean())
    advice = "YAML takes on, off, yes, no, y and n for booleans: put the word in quotes";
  complain(key, fmt::format("must be one of {}, is {}", fmt::join(words, ", "), describe(*value)),
           std::move(advice));
  return std::nullopt;
}

std::optional<std::map<std::string, std::string>> ObjectReader::string_map(std::string_view key,
                                                                           std::size_t size_max,
                                                                           Presence presence) {
  const Value* const value = member(key, presence);
  if (value == nullptr) return std::nullopt;
  ObjectReader reader(*value, child_path(path_, key), *errors_);
  if (!reader.is_object()) return std::nullopt;
  if (reader.object_->size() > size_max) {
    complain(
        key,
        fmt::format("has {} entries, at most {} are allowed", reader.object_->size(), size_max),
        "remove some");
    return std::nullopt;
  }
  std::map<std::string, std::string> result;
  for (const auto& [name, unused] : *reader.object_) {
    if (auto text = reader.string(name)) result.emplace(name, *std::move(text));
  }
  return result;
}

std::optional<ObjectReader> ObjectReader::object(std::string_view key, Presence presence) {
  const Value* const value = member(key, presence);
  if (value == nullptr) return std::nullopt;
  return ObjectReader(*value, child_path(path_, key), *errors_);
}

std::optional<std::vector<ObjectReader>> ObjectReader::objects(std::string_view key,
                                                               std::size_t size_max,
                                                               Presence presence) {
  const Value* const value = member(key, presence);
  if (value == nullptr) return std::nullopt;
  const Array* const array = value->array();
  if (array == nullptr) {
    complain_type(key, "a list", *value, "write its items as `- name: value`");
    return std::nullopt;
  }
  if (array->size() > size_max) {
    complain(key, fmt::format("has {} items, at most {} are allowed", array->size(), size_max),
             "remove some");
    return std::nullopt;
  }
  std::vector<ObjectReader> readers;
  readers.reserve(array->size());
  const std::string list_path = child_path(path_, key);
  for (const Value& item : *array) {
    readers.emplace_back(item, child_path(list_path, readers.size()), *errors_);
  }
  return readers;
}

const Value* ObjectReader::any(std::string_view key, Presence presence) {
  return member(key, presence);
}

void ObjectReader::finish() {
  if (object_ == nullptr) return;
  for (const auto& [key, unused] : *object_) {
    if (std::find(known_.begin(), known_.end(), key) != known_.end()) continue;
    const auto suggestion = closest(key, known_);
    complain(key, "unknown field",
             suggestion ? fmt::format("did you mean {}?", *suggestion)
                        : fmt::format("known fields here: {}", fmt::join(known_, ", ")));
  }
}

}  // namespace tokenscaler::json
