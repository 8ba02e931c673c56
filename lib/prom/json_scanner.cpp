#include "prom/json_scanner.h"

#include <fmt/format.h>

#include "prom/utf8.h"

namespace tokenscaler::prom {

namespace {

constexpr std::string_view kLiterals[] = {"true", "false", "null"};

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

}  // namespace

bool JsonScanner::fail(std::string_view what) {
  if (error_.empty()) {
    truncated_ = position_ >= text_.size();
    error_ = truncated_
                 ? fmt::format("it ends after {} bytes in the middle of a value", text_.size())
                 : fmt::format("{} at byte {}", what, position_);
  }
  return false;
}

void JsonScanner::skip_space() {
  while (position_ < text_.size()) {
    const char c = text_[position_];
    if (c != ' ' && c != '\n' && c != '\r' && c != '\t') return;
    ++position_;
  }
}

bool JsonScanner::take(char c) {
  skip_space();
  if (position_ >= text_.size() || text_[position_] != c) return false;
  ++position_;
  return true;
}

std::size_t JsonScanner::offset() {
  skip_space();
  return position_;
}

JsonScanner::Kind JsonScanner::peek() {
  if (failed()) return Kind::Bad;
  skip_space();
  if (position_ >= text_.size()) return Kind::End;
  switch (text_[position_]) {
    case '{':
      return Kind::Object;
    case '[':
      return Kind::Array;
    case '"':
      return Kind::String;
    case 't':
    case 'f':
    case 'n':
      return Kind::Literal;
    default:
      return is_digit(text_[position_]) || text_[position_] == '-' ? Kind::Number : Kind::Bad;
  }
}

bool JsonScanner::enter_object() {
  if (failed()) return false;
  if (!take('{')) return fail("an object is expected");
  first_in_container_ = true;
  return true;
}

bool JsonScanner::next_key(std::string& key) {
  if (failed()) return false;
  if (take('}')) {
    first_in_container_ = false;
    return false;
  }
  if (!first_in_container_ && !take(',')) return fail("a comma or } is expected");
  first_in_container_ = false;
  if (peek() != Kind::String) return fail("a key in quotes is expected");
  if (!read_string(key)) return false;
  return take(':') || fail("a colon is expected");
}

bool JsonScanner::enter_array() {
  if (failed()) return false;
  if (!take('[')) return fail("an array is expected");
  first_in_container_ = true;
  return true;
}

bool JsonScanner::next_element() {
  if (failed()) return false;
  if (take(']')) {
    first_in_container_ = false;
    return false;
  }
  if (!first_in_container_ && !take(',')) return fail("a comma or ] is expected");
  first_in_container_ = false;
  const Kind next = peek();
  return (next != Kind::End && next != Kind::Bad) || fail("a value is expected");
}

bool JsonScanner::read_hex4(unsigned& value) {
  value = 0;
  for (int i = 0; i < 4; ++i, ++position_) {
    if (position_ >= text_.size()) return fail("a \\u escape is cut off");
    const char c = text_[position_];
    unsigned digit = 0;
    if (is_digit(c)) {
      digit = static_cast<unsigned>(c - '0');
    } else if (c >= 'a' && c <= 'f') {
      digit = static_cast<unsigned>(c - 'a') + 10;
    } else if (c >= 'A' && c <= 'F') {
      digit = static_cast<unsigned>(c - 'A') + 10;
    } else {
      return fail("a \\u escape has a wrong digit");
    }
    value = value * 16 + digit;
  }
  return true;
}

bool JsonScanner::read_escape(std::string& value) {
  if (position_ >= text_.size()) return fail("an escape is cut off");
  constexpr std::string_view kNames = "\"\\/bfnrt";
  constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t";
  const char c = text_[position_++];
  if (const auto found = kNames.find(c); found != std::string_view::npos) {
    value += kMeanings[found];
    return true;
  }
  if (c != 'u') return fail("an unknown escape is");
  unsigned point = 0;
  if (!read_hex4(point)) return false;
  if (point >= 0xDC00 && point <= 0xDFFF) return fail("half a surrogate pair is");
  if (point >= 0xD800 && point <= 0xDBFF) {
    unsigned low = 0;
    if (text_.substr(position_, 2) != "\\u") return fail("half a surrogate pair is");
    position_ += 2;
    if (!read_hex4(low)) return false;
    if (low < 0xDC00 || low > 0xDFFF) return fail("half a surrogate pair is");
    point = 0x10000 + ((point - 0xD800) << 10U) + (low - 0xDC00);
  }
  append_utf8(point, value);
  return true;
}

bool JsonScanner::read_string(std::string& value) {
  if (failed()) return false;
  if (!take('"')) return fail("a string is expected");
  value.clear();
  while (position_ < text_.size()) {
    const std::size_t start = position_;
    while (position_ < text_.size() && text_[position_] != '"' && text_[position_] != '\\' &&
           static_cast<unsigned char>(text_[position_]) >= 0x20) {
      ++position_;
    }
    value += text_.substr(start, position_ - start);
    if (position_ >= text_.size()) break;
    const char c = text_[position_];
    if (c == '"') {
      ++position_;
      return true;
    }
    if (c != '\\') return fail("a control character is in a string");
    ++position_;
    if (!read_escape(value)) return false;
  }
  return fail("a string has no end");
}

bool JsonScanner::read_number(std::string_view& text) {
  if (failed()) return false;
  skip_space();
  const std::size_t start = position_;
  const auto digits = [&] {
    const std::size_t from = position_;
    while (position_ < text_.size() && is_digit(text_[position_])) ++position_;
    return position_ - from;
  };
  const auto at = [&](char c) { return position_ < text_.size() && text_[position_] == c; };
  if (at('-')) ++position_;
  const bool zero = at('0');
  const std::size_t whole = digits();
  if (whole == 0 || (zero && whole > 1)) return fail("a number is expected");
  if (at('.')) {
    ++position_;
    if (digits() == 0) return fail("a number has no digit after its point");
  }
  if (at('e') || at('E')) {
    ++position_;
    if (at('+') || at('-')) ++position_;
    if (digits() == 0) return fail("a number has no exponent");
  }
  text = text_.substr(start, position_ - start);
  return true;
}

bool JsonScanner::skip_object(int depth) {
  std::string key;
  if (!enter_object()) return false;
  while (next_key(key)) {
    if (!skip_value(depth + 1)) return false;
  }
  return !failed();
}

bool JsonScanner::skip_array(int depth) {
  if (!enter_array()) return false;
  while (next_element()) {
    if (!skip_value(depth + 1)) return false;
  }
  return !failed();
}

// Recursion is bounded by kMaxJsonDepth.
bool JsonScanner::skip_value(int depth) {  // NOLINT(misc-no-recursion)
  if (depth > kMaxJsonDepth) return fail("too deep a nesting is");
  std::string text;
  std::string_view number;
  switch (peek()) {
    case Kind::Object:
      return skip_object(depth);
    case Kind::Array:
      return skip_array(depth);
    case Kind::String:
      return read_string(text);
    case Kind::Number:
      return read_number(number);
    case Kind::Literal:
      for (const std::string_view literal : kLiterals) {
        if (text_.substr(position_, literal.size()) == literal) {
          position_ += literal.size();
          return true;
        }
      }
      return fail("an unknown word is");
    case Kind::End:
    case Kind::Bad:
      break;
  }
  return fail("a value is expected");
}

bool JsonScanner::skip() {
  return skip_value(0);
}

bool JsonScanner::at_end() {
  if (failed()) return false;
  skip_space();
  return position_ == text_.size() || fail("something follows the end of the answer");
}

}  // namespace tokenscaler::prom
