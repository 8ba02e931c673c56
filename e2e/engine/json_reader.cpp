#include "engine/json_reader.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include <fmt/format.h>

namespace tokenscaler::engine {

namespace {

// Deeper nesting has no use in this API and would only grow the stack.
constexpr int kMaxDepth = 32;

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  Result<JsonValue> read_document() {
    ASSIGN_OR_RETURN(JsonValue value, read_value(0));
    skip_space();
    if (at_ != text_.size()) return fail("text after the value");
    return value;
  }

 private:
  Error fail(std::string_view what) const {
    return make_error(ErrorCode::Invalid, fmt::format("not JSON: {} at byte {}", what, at_));
  }
  void skip_space() {
    while (at_ < text_.size() &&
           std::string_view(" \t\r\n").find(text_[at_]) != std::string_view::npos) {
      ++at_;
    }
  }
  bool take(char c) {
    skip_space();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  bool take_word(std::string_view word) {
    if (text_.substr(at_, word.size()) != word) return false;
    at_ += word.size();
    return true;
  }

  Result<JsonValue> read_value(int depth) {
    if (depth > kMaxDepth) return fail("nested too deeply");
    skip_space();
    if (at_ >= text_.size()) return fail("the text ends early");
    switch (text_[at_]) {
      case '{':
        return read_object(depth);
      case '[':
        return read_array(depth);
      case '"': {
        ASSIGN_OR_RETURN(std::string text, read_string());
        return JsonValue(JsonValue::Storage(std::move(text)));
      }
      case 't':
        if (take_word("true")) return JsonValue(JsonValue::Storage(true));
        break;
      case 'f':
        if (take_word("false")) return JsonValue(JsonValue::Storage(false));
        break;
      case 'n':
        if (take_word("null")) return JsonValue();
        break;
      default:
        return read_number();
    }
    return fail("an unknown word");
  }

  Result<JsonValue> read_object(int depth) {
    ++at_;
    auto members = std::make_shared<JsonObject>();
    if (!take('}')) {
      do {
        skip_space();
        if (at_ >= text_.size() || text_[at_] != '"') return fail("a member without a name");
        ASSIGN_OR_RETURN(std::string name, read_string());
        if (!take(':')) return fail("a member without a colon");
        ASSIGN_OR_RETURN(JsonValue value, read_value(depth + 1));
        members->emplace_back(std::move(name), std::move(value));
      } while (take(','));
      if (!take('}')) return fail("an object without its end");
    }
    return JsonValue(JsonValue::Storage(std::shared_ptr<const JsonObject>(std::move(members))));
  }

  Result<JsonValue> read_array(int depth) {
    ++at_;
    auto items = std::make_shared<JsonArray>();
    if (!take(']')) {
      do {
        ASSIGN_OR_RETURN(JsonValue value, read_value(depth + 1));
        items->push_back(std::move(value));
      } while (take(','));
      if (!take(']')) return fail("an array without its end");
    }
    return JsonValue(JsonValue::Storage(std::shared_ptr<const JsonArray>(std::move(items))));
  }

  Result<JsonValue> read_number() {
    const std::size_t start = at_;
    if (at_ < text_.size() && text_[at_] == '-') ++at_;
    const std::size_t digits = at_;
    while (at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9') ++at_;
    if (at_ == digits || (text_[digits] == '0' && at_ - digits > 1)) return fail("no value");
    while (at_ < text_.size() &&
           std::string_view("0123456789.eE+-").find(text_[at_]) != std::string_view::npos) {
      ++at_;
    }
    double value = 0;
    const auto end = std::from_chars(text_.data() + start, text_.data() + at_, value);
    if (end.ec != std::errc() || end.ptr != text_.data() + at_ || !std::isfinite(value)) {
      return fail("a wrong number");
    }
    return JsonValue(JsonValue::Storage(value));
  }

  Result<std::string> read_string() {
    ++at_;
    std::string out;
    while (true) {
      const std::size_t plain = text_.find_first_of("\"\\", at_);
      if (plain == std::string_view::npos) return fail("a string without its end");
      const std::string_view part = text_.substr(at_, plain - at_);
      if (std::any_of(part.begin(), part.end(),
                      [](char c) { return static_cast<unsigned char>(c) < 0x20; })) {
        return fail("a control character in a string");
      }
      out += part;
      at_ = plain + 1;
      if (text_[plain] == '"') return out;
      RETURN_IF_ERROR(read_escape(out));
    }
  }

  Status read_escape(std::string& out) {
    if (at_ >= text_.size()) return fail("a string without its end");
    const char c = text_[at_++];
    constexpr std::string_view kNames = "\"\\/bfnrt";
    constexpr std::string_view kValues = "\"\\/\b\f\n\r\t";
    if (const std::size_t index = kNames.find(c); index != std::string_view::npos) {
      out += kValues[index];
      return {};
    }
    if (c != 'u') return fail("an unknown escape");
    ASSIGN_OR_RETURN(std::uint32_t code, read_hex());
    if (code >= 0xDC00 && code < 0xE000) return fail("half a surrogate pair");
    if (code >= 0xD800 && code < 0xDC00) {
      if (!take_word("\\u")) return fail("half a surrogate pair");
      ASSIGN_OR_RETURN(const std::uint32_t low, read_hex());
      if (low < 0xDC00 || low >= 0xE000) return fail("half a surrogate pair");
      code = 0x10000 + ((code - 0xD800) << 10U) + (low - 0xDC00);
    }
    append_utf8(out, code);
    return {};
  }

  Result<std::uint32_t> read_hex() {
    std::uint32_t code = 0;
    const std::string_view digits = text_.substr(at_, 4);
    const auto end = std::from_chars(digits.data(), digits.data() + digits.size(), code, 16);
    if (digits.size() != 4 || end.ptr != digits.data() + 4) return fail("a wrong \\u escape");
    at_ += 4;
    return code;
  }

  static void append_utf8(std::string& out, std::uint32_t code) {
    const auto byte = [&out](std::uint32_t value) { out += static_cast<char>(value); };
    if (code < 0x80) {
      byte(code);
    } else if (code < 0x800) {
      byte(0xC0 | (code >> 6U));
      byte(0x80 | (code & 0x3FU));
    } else if (code < 0x10000) {
      byte(0xE0 | (code >> 12U));
      byte(0x80 | ((code >> 6U) & 0x3FU));
      byte(0x80 | (code & 0x3FU));
    } else {
      byte(0xF0 | (code >> 18U));
      byte(0x80 | ((code >> 12U) & 0x3FU));
      byte(0x80 | ((code >> 6U) & 0x3FU));
      byte(0x80 | (code & 0x3FU));
    }
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

std::optional<bool> JsonValue::boolean() const {
  const bool* value = std::get_if<bool>(&storage_);
  return value == nullptr ? std::nullopt : std::optional(*value);
}

std::optional<double> JsonValue::number() const {
  const double* value = std::get_if<double>(&storage_);
  return value == nullptr ? std::nullopt : std::optional(*value);
}

std::optional<std::int64_t> JsonValue::integer() const {
  const double* value = std::get_if<double>(&storage_);
  if (value == nullptr || std::fabs(*value) > 9007199254740992.0 || std::trunc(*value) != *value) {
    return std::nullopt;
  }
  return static_cast<std::int64_t>(*value);
}

const JsonArray* JsonValue::array() const {
  const auto* value = std::get_if<std::shared_ptr<const JsonArray>>(&storage_);
  return value == nullptr ? nullptr : value->get();
}

const JsonObject* JsonValue::object() const {
  const auto* value = std::get_if<std::shared_ptr<const JsonObject>>(&storage_);
  return value == nullptr ? nullptr : value->get();
}

const JsonValue* JsonValue::find(std::string_view name) const {
  const JsonObject* members = object();
  if (members == nullptr) return nullptr;
  const auto found = std::find_if(members->rbegin(), members->rend(),
                                  [name](const auto& member) { return member.first == name; });
  return found == members->rend() ? nullptr : &found->second;
}

Result<JsonValue> read_json(std::string_view text) {
  return Reader(text).read_document();
}

std::string json_quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      out += c;
    }
  }
  out += '"';
  return out;
}

}  // namespace tokenscaler::engine
