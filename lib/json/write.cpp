#include "json/write.h"

#include <cmath>
#include <cstdint>
#include <iterator>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "json/field_path.h"
#include "json/utf8.h"

namespace tokenscaler::json {

namespace {

class Writer {
 public:
  explicit Writer(Layout layout) : indented_(layout == Layout::Indented) {}

  Result<std::string> run(const Value& value) {
    write(value, 0);
    if (error_) return *std::move(error_);
    return std::move(text_);
  }

 private:
  void fail(std::string message, std::string advice) {
    if (error_) return;
    std::string where;
    for (const Step& step : path_) {
      where = step.key ? child_path(where, *step.key) : child_path(where, step.index);
    }
    error_ = make_error(ErrorCode::Invalid, std::move(message))
                 .at(std::move(where))
                 .advise(std::move(advice));
  }

  void write(const Value& value, std::size_t level) {
    switch (value.type()) {
      case Type::Null:
        text_ += "null";
        break;
      case Type::Boolean:
        text_ += *value.boolean() ? "true" : "false";
        break;
      case Type::Integer:
        fmt::format_to(std::back_inserter(text_), "{}", *value.integer());
        break;
      case Type::Number:
        write(*value.number());
        break;
      case Type::String:
        write(*value.string());
        break;
      case Type::Array:
        write(*value.array(), level);
        break;
      case Type::Object:
        write(*value.object(), level);
        break;
    }
  }

  void write(double number) {
    if (!std::isfinite(number)) {
      return fail(fmt::format("{} has no JSON form", number), "leave the field out");
    }
    const std::string digits = fmt::format("{}", number);
    text_ += digits;
    if (digits.find_first_of(".e") == std::string::npos) text_ += ".0";
  }

  void write(const std::string& string) {
    if (find_invalid_utf8(string) != std::string::npos) {
      return fail(fmt::format("\"{}\" is not valid UTF-8", printable(string)),
                  "encode it as UTF-8");
    }
    text_ += '"';
    for (const char c : string) {
      if (c == '"' || c == '\\') {
        text_ += '\\';
        text_ += c;
      } else if (static_cast<std::uint8_t>(c) < 0x20) {
        write_control(c);
      } else {
        text_ += c;
      }
    }
    text_ += '"';
  }

  void write_control(char c) {
    switch (c) {
      case '\b':
        text_ += "\\b";
        break;
      case '\f':
        text_ += "\\f";
        break;
      case '\n':
        text_ += "\\n";
        break;
      case '\r':
        text_ += "\\r";
        break;
      case '\t':
        text_ += "\\t";
        break;
      default:
        fmt::format_to(std::back_inserter(text_), "\\u{:04x}", static_cast<unsigned>(c));
    }
  }

  void write(const Array& array, std::size_t level) {
    if (array.empty()) {
      text_ += "[]";
      return;
    }
    text_ += '[';
    path_.emplace_back();
    for (const Value& item : array) {
      if (path_.back().index > 0) text_ += ',';
      break_line(level + 1);
      write(item, level + 1);
      ++path_.back().index;
    }
    path_.pop_back();
    break_line(level);
    text_ += ']';
  }

  void write(const Object& object, std::size_t level) {
    if (object.empty()) {
      text_ += "{}";
      return;
    }
    text_ += '{';
    path_.emplace_back();
    for (const auto& [key, value] : object) {
      if (path_.back().key) text_ += ',';
      path_.back().key = key;
      break_line(level + 1);
      write(key);
      text_ += indented_ ? ": " : ":";
      write(value, level + 1);
    }
    path_.pop_back();
    break_line(level);
    text_ += '}';
  }

  void break_line(std::size_t level) {
    if (!indented_) return;
    text_ += '\n';
    text_.append(2 * level, ' ');
  }

  struct Step {
    std::optional<std::string_view> key;
    std::size_t index = 0;
  };

  bool indented_;
  std::string text_;
  std::vector<Step> path_;
  std::optional<Error> error_;
};

}  // namespace

Result<std::string> write(const Value& value, Layout layout) {
  return Writer(layout).run(value);
}

}  // namespace tokenscaler::json
