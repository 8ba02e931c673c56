#include "prom/matcher.h"

#include <cstdint>

#include <fmt/format.h>

namespace tokenscaler::prom {

namespace {

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// Length of the well-formed UTF-8 character at the start of `text`; 0 if there is none.
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  const std::uint8_t first = byte(0);
  std::size_t length = 0;
  std::uint32_t point = 0;
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) {
    length = 2;
    point = first & 0x1FU;
  } else if (first >= 0xE0 && first <= 0xEF) {
    length = 3;
    point = first & 0x0FU;
  } else if (first >= 0xF0 && first <= 0xF4) {
    length = 4;
    point = first & 0x07U;
  } else {
    return 0;
  }
  if (text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0U) != 0x80U) return 0;
    point = (point << 6U) | (byte(i) & 0x3FU);
  }
  const bool overlong = (length == 3 && point < 0x800) || (length == 4 && point < 0x10000);
  const bool surrogate = point >= 0xD800 && point <= 0xDFFF;
  return overlong || surrogate || point > 0x10FFFF ? 0 : length;
}

std::string_view operator_of(LabelMatcher::Op op) {
  switch (op) {
    case LabelMatcher::Op::Equal:
      return "=";
    case LabelMatcher::Op::NotEqual:
      return "!=";
    case LabelMatcher::Op::Matches:
      return "=~";
    case LabelMatcher::Op::NotMatches:
      return "!~";
  }
  return "=";
}

}  // namespace

bool is_label_name(std::string_view text) {
  if (text.empty() || !is_letter(text[0]) || text.starts_with("__")) return false;
  for (const char c : text) {
    if (!is_letter(c) && !is_digit(c)) return false;
  }
  return true;
}

bool is_metric_name(std::string_view text) {
  if (text.empty() || is_digit(text[0])) return false;
  for (const char c : text) {
    if (!is_letter(c) && !is_digit(c) && c != ':') return false;
  }
  return true;
}

std::string quote(std::string_view text) {
  std::string quoted = "\"";
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    const char c = text[0];
    if (length == 0) {
      quoted += "\xEF\xBF\xBD";
    } else if (c == '"' || c == '\\') {
      quoted += {'\\', c};
    } else if (c == '\n') {
      quoted += "\\n";
    } else if (length == 1 && (static_cast<std::uint8_t>(c) < 0x20 || c == 0x7F)) {
      quoted += fmt::format("\\x{:02x}", static_cast<unsigned>(c));
    } else {
      quoted += text.substr(0, length);
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return quoted + '"';
}

std::string escape_regex(std::string_view text) {
  constexpr std::string_view kMeta = R"(\.+*?()|[]{}^$)";
  std::string escaped;
  escaped.reserve(text.size());
  for (const char c : text) {
    if (kMeta.find(c) != std::string_view::npos) escaped += '\\';
    escaped += c;
  }
  return escaped;
}

std::string to_promql(const LabelMatcher& matcher) {
  return matcher.label + std::string(operator_of(matcher.op)) + quote(matcher.value);
}

LabelMatcher one_of(std::string label, const std::set<std::string>& values) {
  if (values.size() == 1) {
    return {.label = std::move(label), .op = LabelMatcher::Op::Equal, .value = *values.begin()};
  }
  if (values.size() > kMaxMatcherAlternatives) {
    return {.label = std::move(label), .op = LabelMatcher::Op::NotEqual, .value = ""};
  }
  std::string alternatives;
  for (const std::string& value : values) {
    if (!alternatives.empty()) alternatives += '|';
    alternatives += escape_regex(value);
  }
  return {.label = std::move(label), .op = LabelMatcher::Op::Matches, .value = alternatives};
}

std::string selector(std::string_view series, const std::vector<LabelMatcher>& matchers) {
  std::string text(series);
  text += '{';
  for (std::size_t i = 0; i < matchers.size(); ++i) {
    if (i > 0) text += ',';
    text += to_promql(matchers[i]);
  }
  return text + '}';
}

}  // namespace tokenscaler::prom
