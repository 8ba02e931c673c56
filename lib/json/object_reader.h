// Reads the members of an object into typed variables and collects every error with its path.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/decimal.h"
#include "base/quantity.h"
#include "json/value.h"
#include "model/validate.h"

namespace tokenscaler::json {

enum class Presence { Optional, Required };

/// Smallest and largest permitted integer.
struct IntegerRange {
  std::int64_t min = std::numeric_limits<std::int64_t>::min();
  std::int64_t max = std::numeric_limits<std::int64_t>::max();
};

/// The range of Kubernetes' int32 fields.
inline constexpr IntegerRange kInt32Range{std::numeric_limits<std::int32_t>::min(),
                                          std::numeric_limits<std::int32_t>::max()};

/// One object of a document while it is read.
///
/// Each accessor names a known field and answers its value, or nothing when the field is absent,
/// null (which Kubernetes takes for absent) or wrong; what is wrong is added to `errors`. finish()
/// then complains about the fields that no accessor has named.
class ObjectReader {
 public:
  /// `path` is the place of `value` in its document, empty for the root. A value that is no object
  /// is an error, and every field of it is absent. `value` and `errors` outlive the reader.
  ObjectReader(const Value& value, std::string path, std::vector<model::FieldError>& errors);

  [[nodiscard]] std::optional<bool> boolean(std::string_view key,
                                            Presence presence = Presence::Optional);
  [[nodiscard]] std::optional<std::int64_t> integer(std::string_view key,
                                                    Presence presence = Presence::Optional,
                                                    IntegerRange range = {});
  [[nodiscard]] std::optional<double> number(std::string_view key,
                                             Presence presence = Presence::Optional);
  [[nodiscard]] std::optional<std::string> string(std::string_view key,
                                                  Presence presence = Presence::Optional);
  /// A string, or an integer without quotes, as Kubernetes takes it. A number with a point is an
  /// error, since YAML readers round it.
  [[nodiscard]] std::optional<Quantity> quantity(std::string_view key,
                                                 Presence presence = Presence::Optional);
  /// The value of a quantity.
  [[nodiscard]] std::optional<Decimal> decimal(std::string_view key,
                                               Presence presence = Presence::Optional);
  /// One of `values`, written as `to_string` of the enum's namespace writes it.
  template <class Enum>
  [[nodiscard]] std::optional<Enum> choice(std::string_view key, const std::vector<Enum>& values,
                                           Presence presence = Presence::Optional) {
    std::vector<std::string_view> words;
    words.reserve(values.size());
    for (const Enum value : values) words.push_back(to_string(value));
    const std::optional<std::size_t> index = word(key, words, presence);
    return index ? std::optional(values[*index]) : std::nullopt;
  }
  /// The index in `words` of a string.
  [[nodiscard]] std::optional<std::size_t> word(std::string_view key,
                                                const std::vector<std::string_view>& words,
                                                Presence presence = Presence::Optional);
  /// An object with strings as values, at most `size_max` of them.
  [[nodiscard]] std::optional<std::map<std::string, std::string>> string_map(
      std::string_view key, std::size_t size_max, Presence presence = Presence::Optional);

  /// A reader of an object; nothing if absent, a reader of no fields if it is something else.
  [[nodiscard]] std::optional<ObjectReader> object(std::string_view key,
                                                   Presence presence = Presence::Optional);
  /// One reader for each object of a list of at most `size_max`.
  [[nodiscard]] std::optional<std::vector<ObjectReader>> objects(
      std::string_view key, std::size_t size_max, Presence presence = Presence::Optional);
  /// The value as it is, for what has a reader of its own.
  [[nodiscard]] const Value* any(std::string_view key, Presence presence = Presence::Optional);

  /// Makes a field known whose content is not read.
  void ignore(std::string_view key);
  /// Adds an error at the field `key`.
  void complain(std::string_view key, std::string message, std::string advice);
  /// Complains about every member that no accessor has named. Call it last.
  void finish();

  /// Whether the value is an object.
  [[nodiscard]] bool is_object() const { return object_ != nullptr; }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  const Value* member(std::string_view key, Presence presence);
  void complain_type(std::string_view key, std::string_view wanted, const Value& value,
                     std::string advice);

  const Object* object_;
  std::string path_;
  std::vector<model::FieldError>* errors_;
  std::vector<std::string_view> known_;  // keys given to accessors, which are literals
};

/// `a string "60"`, `an integer 5`, `a list`: what a value is, for messages.
[[nodiscard]] std::string describe(const Value& value);

}  // namespace tokenscaler::json
