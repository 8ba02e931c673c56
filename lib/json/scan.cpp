#include "json/scan.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <deque>
#include <string>
#include <system_error>
#include <tuple>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "json/utf8.h"

namespace tokenscaler::json {

namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// Whether the number, which no double holds, is too large; else it is too small and rounds to 0.
bool is_overflow(std::string_view number) {
  const std::size_t mark = number.find_first_of("eE");
  const std::string_view mantissa = number.substr(0, mark);
  if (mark == std::string_view::npos) return mantissa.find('.') != 1 || mantissa.front() != '0';
  std::string_view exponent_text = number.substr(mark + 1);
  if (exponent_text.front() == '+') exponent_text.remove_prefix(1);
  std::int64_t exponent = 0;
  const auto [end, status] =
      std::from_chars(exponent_text.data(), exponent_text.data() + exponent_text.size(), exponent);
  if (status != std::errc()) return exponent_text.front() != '-';
  // Place of the first significant digit before the point, negative behind it.
  const std::size_t point = std::min(mantissa.find('.'), mantissa.size());
  const std::size_t first = std::min(mantissa.find_first_not_of("-0."), mantissa.size());
  return static_cast<std::int64_t>(point) - static_cast<std::int64_t>(first) + exponent > 0;
}

/// One pass over one document. Each scan_ function starts at its first character and ends behind
/// its last; false means that the error is set.
class Scanner {
 public:
  Scanner(std::string_view text, const Limits& limits) : text_(text), limits_(limits) {}

  Status run() {
    if (text_.starts_with("\xEF\xBB\xBF")) {
      return take(fail(0, "a byte order mark stands before the document", "save it without BOM"));
    }
    skip_space();
    if (!scan_value(1)) return take(false);
    skip_space();
    if (position_ != text_.size()) {
      return take(fail(position_, "text follows the document", "remove everything after the end"));
    }
    return {};
  }

 private:
  struct Key {
    std::string_view text;
    std::size_t offset = 0;
  };

  bool fail(std::size_t offset, std::string message, std::string advice,
            ErrorCode code = ErrorCode::Invalid) {
    error_ = make_error(code, std::move(message))
                 .at(locate(text_, offset).to_string())
                 .advise(std::move(advice));
    return false;
  }

  Status take(bool ok) { return ok ? Status() : Status(std::move(error_)); }

  [[nodiscard]] bool at_end() const { return position_ >= text_.size(); }
  [[nodiscard]] char peek() const { return at_end() ? '\0' : text_[position_]; }

  void skip_space() {
    while (!at_end()) {
      const char c = text_[position_];
      if (c != ' ' && c != '\n' && c != '\r' && c != '\t') return;
      ++position_;
    }
  }

  bool unexpected(std::string_view wanted) {
    if (at_end()) {
      return fail(position_, fmt::format("the text ends where {} is expected", wanted),
                  "is the document complete?");
    }
    const std::size_t length = std::max<std::size_t>(utf8_sequence_length(rest().substr(0, 4)), 1);
    return fail(position_,
                fmt::format("'{}' stands where {} is expected",
                            printable(text_.substr(position_, length)), wanted),
                "correct the JSON syntax there");
  }

  [[nodiscard]] std::string_view rest() const { return text_.substr(position_); }

  bool scan_value(std::size_t depth) {
    if (++values_ > limits_.values_max) {
      return fail(position_,
                  fmt::format("the document has more than {} values", limits_.values_max),
                  "ask for less at a time", ErrorCode::LimitExceeded);
    }
    switch (peek()) {
      case '{':
      case '[':
        if (depth > limits_.depth_max) {
          return fail(
              position_,
              fmt::format("lists and objects are nested more than {} deep", limits_.depth_max),
              "no valid document is", ErrorCode::LimitExceeded);
        }
        return peek() == '{' ? scan_object(depth) : scan_array(depth);
      case '"':
        return scan_string(nullptr);
      case 't':
        return scan_word("true");
      case 'f':
        return scan_word("false");
      case 'n':
        return scan_word("null");
      default:
        return is_digit(peek()) || peek() == '-' ? scan_number() : unexpected("a value");
    }
  }

  bool scan_word(std::string_view word) {
    if (!rest().starts_with(word)) return unexpected(fmt::format("a value such as {}", word));
    position_ += word.size();
    return true;
  }

  void skip_digits() {
    while (is_digit(peek())) ++position_;
  }

  bool scan_number() {
    const std::size_t start = position_;
    if (peek() == '-') ++position_;
    if (!is_digit(peek())) return unexpected("a digit");
    const bool zero = peek() == '0';
    ++position_;
    if (zero && is_digit(peek())) {
      return fail(start, "a number starts with 0", "remove the leading zeros");
    }
    skip_digits();
    bool can_overflow = position_ - start > kSafeDigits;
    if (peek() == '.') {
      ++position_;
      if (!is_digit(peek())) return unexpected("a digit");
      skip_digits();
    }
    if (peek() == 'e' || peek() == 'E') {
      can_overflow = true;
      ++position_;
      if (peek() == '+' || peek() == '-') ++position_;
      if (!is_digit(peek())) return unexpected("a digit");
      skip_digits();
    }
    return !can_overflow || check_range(start);
  }

  bool check_range(std::size_t start) {
    const std::string_view number = text_.substr(start, position_ - start);
    double value = 0;
    const auto [end, status] = std::from_chars(number.data(), number.data() + number.size(), value);
    if (status == std::errc() || !is_overflow(number)) return true;
    return fail(start, fmt::format("the number {} is too large", printable(number, 32)),
                "the largest is about 1.8e308");
  }

  /// Scans a string; `key`, if given, is set to its decoded content.
  bool scan_string(Key* key) {
    const std::size_t start = position_++;
    bool escaped = false;
    while (true) {
      // The common case, kept tight: plain ASCII.
      while (!at_end() && is_plain(text_[position_])) ++position_;
      if (at_end()) return fail(start, "a string does not end", "close it with \"");
      const char c = text_[position_];
      if (c == '"') break;
      if (c == '\\') {
        escaped = true;
        if (!scan_escape(nullptr)) return false;
      } else if (static_cast<std::uint8_t>(c) < 0x20) {
        return fail(position_, "a control character stands in a string",
                    "write it as \\n or \\u00XX");
      } else {
        const std::size_t length = utf8_sequence_length(rest().substr(0, 4));
        if (length == 0)
          return fail(position_, "a string is not valid UTF-8", "encode it as UTF-8");
        position_ += length;
      }
    }
    ++position_;
    if (key != nullptr) {
      const std::string_view raw = text_.substr(start + 1, position_ - start - 2);
      *key = Key{.text = escaped ? decode(start + 1) : raw, .offset = start};
    }
    return true;
  }

  static bool is_plain(char c) {
    return static_cast<std::uint8_t>(c) >= 0x20 && static_cast<std::uint8_t>(c) < 0x80 &&
           c != '"' && c != '\\';
  }

  /// Scans an escape and appends what it means to `text`, if given.
  bool scan_escape(std::string* text) {
    constexpr std::string_view kLetters = "\"\\/bfnrt";
    constexpr std::string_view kMeaning = "\"\\/\b\f\n\r\t";
    const std::size_t start = position_++;
    if (peek() == 'u') return scan_unicode_escape(start, text);
    const std::size_t letter = at_end() ? std::string_view::npos : kLetters.find(peek());
    if (letter == std::string_view::npos) {
      return fail(start, "a backslash starts no known escape", "write \\\\ for a backslash");
    }
    if (text != nullptr) *text += kMeaning[letter];
    ++position_;
    return true;
  }

  bool scan_unicode_escape(std::size_t start, std::string* text) {
    char32_t unit = 0;
    if (!scan_hex(start, unit)) return false;
    if (unit >= 0xDC00 && unit <= 0xDFFF) return lone_surrogate(start);
    if (unit >= 0xD800 && unit <= 0xDBFF) {
      if (!rest().starts_with("\\u")) return lone_surrogate(start);
      ++position_;
      char32_t low = 0;
      if (!scan_hex(start, low)) return false;
      if (low < 0xDC00 || low > 0xDFFF) return lone_surrogate(start);
      unit = 0x10000U + ((unit - 0xD800U) << 10U) + (low - 0xDC00U);
    }
    if (text != nullptr) append_utf8(*text, unit);
    return true;
  }

  bool lone_surrogate(std::size_t start) {
    return fail(start, "half of a surrogate pair stands alone",
                "write both halves, or the character");
  }

  /// Reads `uXXXX`.
  bool scan_hex(std::size_t start, char32_t& unit) {
    ++position_;
    unit = 0;
    for (int i = 0; i < 4; ++i, ++position_) {
      const int digit = at_end() ? -1 : hex_value(peek());
      if (digit < 0) return fail(start, "\\u needs four hexadecimal digits", "write \\u0041 for A");
      unit = unit * 16 + static_cast<char32_t>(digit);
    }
    return true;
  }

  /// The meaning of the string at `start`, which was scanned before.
  std::string_view decode(std::size_t start) {
    const std::size_t end = std::exchange(position_, start);
    std::string& text = decoded_keys_.emplace_back();
    while (position_ < end - 1) {
      if (peek() == '\\') {
        scan_escape(&text);
      } else {
        text += text_[position_++];
      }
    }
    position_ = end;
    return text;
  }

  bool scan_array(std::size_t depth) {
    ++position_;
    skip_space();
    if (peek() == ']' && !at_end()) return ++position_, true;
    while (true) {
      if (!scan_value(depth + 1)) return false;
      skip_space();
      if (at_end()) return unexpected("',' or ']'");
      if (peek() == ']') return ++position_, true;
      if (peek() != ',') return unexpected("',' or ']'");
      ++position_;
      skip_space();
    }
  }

  bool scan_object(std::size_t depth) {
    const std::size_t first_key = keys_.size();
    ++position_;
    skip_space();
    if (peek() == '}') return ++position_, true;
    while (true) {
      if (peek() != '"') return unexpected("a key in double quotes");
      Key key{};
      if (!scan_string(&key)) return false;
      keys_.push_back(key);
      skip_space();
      if (peek() != ':') return unexpected("':'");
      ++position_;
      skip_space();
      if (!scan_value(depth + 1)) return false;
      skip_space();
      if (peek() == '}') return ++position_, check_keys(first_key);
      if (peek() != ',') return unexpected("',' or '}'");
      ++position_;
      skip_space();
    }
  }

  /// Checks the keys of the innermost object and forgets them.
  bool check_keys(std::size_t first_key) {
    const auto begin = keys_.begin() + static_cast<std::ptrdiff_t>(first_key);
    std::sort(begin, keys_.end(), [](const Key& a, const Key& b) {
      return std::tie(a.text, a.offset) < std::tie(b.text, b.offset);
    });
    const auto twice = std::adjacent_find(
        begin, keys_.end(), [](const Key& a, const Key& b) { return a.text == b.text; });
    if (twice != keys_.end()) {
      return fail((twice + 1)->offset,
                  fmt::format("the key \"{}\" is given twice, first at {}", printable(twice->text),
                              locate(text_, twice->offset).to_string()),
                  "remove one of them");
    }
    keys_.resize(first_key);
    if (keys_.empty()) decoded_keys_.clear();
    return true;
  }

  // 10^300 fits a double, so fewer digits never pass its range.
  static constexpr std::size_t kSafeDigits = 300;

  std::string_view text_;
  Limits limits_;
  std::size_t position_ = 0;
  std::size_t values_ = 0;
  std::vector<Key> keys_;                 // of all open objects
  std::deque<std::string> decoded_keys_;  // storage of keys with escapes
  Error error_;
};

}  // namespace

Status scan(std::string_view text, const Limits& limits) {
  if (text.size() > limits.bytes_max) {
    return make_error(ErrorCode::LimitExceeded,
                      fmt::format("the document has {} bytes, more than the limit of {}",
                                  text.size(), limits.bytes_max))
        .advise("ask for less at a time");
  }
  return Scanner(text, limits).run();
}

}  // namespace tokenscaler::json
