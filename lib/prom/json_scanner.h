// Reads JSON text front to back without building a tree: an answer of Prometheus may have 48 MB,
// and goes straight into typed results. Everything smaller uses lib/json.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace tokenscaler::prom {

/// Nesting of an answer is 6 deep; beyond this the text is hostile.
inline constexpr int kMaxJsonDepth = 32;

/// A strict pull reader (RFC 8259). The first fault sticks: from then on every call returns false
/// and error() says what is wrong and at which byte.
class JsonScanner {
 public:
  enum class Kind { Object, Array, String, Number, Literal, End, Bad };

  explicit JsonScanner(std::string_view text, std::size_t offset = 0)
      : text_(text), position_(offset) {}

  /// What comes next, without consuming it.
  [[nodiscard]] Kind peek();

  bool enter_object();
  /// The next key with its colon; false at the end of the object, or on a fault.
  bool next_key(std::string& key);
  bool enter_array();
  /// Whether another element follows; false at the end of the array, or on a fault.
  bool next_element();
  bool read_string(std::string& value);
  /// The text of a number as written.
  bool read_number(std::string_view& text);
  /// Passes over one value of any kind.
  bool skip();
  /// Whether only white space is left; a fault if something else is.
  bool at_end();

  /// Byte offset of the next value.
  [[nodiscard]] std::size_t offset();
  [[nodiscard]] bool failed() const { return !error_.empty(); }
  [[nodiscard]] bool truncated() const { return truncated_; }
  [[nodiscard]] const std::string& error() const { return error_; }

 private:
  bool fail(std::string_view what);
  void skip_space();
  bool take(char c);
  bool read_escape(std::string& value);
  bool read_hex4(unsigned& value);
  bool skip_value(int depth);
  bool skip_object(int depth);
  bool skip_array(int depth);

  std::string_view text_;
  std::size_t position_ = 0;
  bool first_in_container_ = false;
  bool truncated_ = false;
  std::string error_;
};

}  // namespace tokenscaler::prom
