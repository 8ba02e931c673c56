#include "prom/matcher.h"

#include <algorithm>
#include <cstdint>

#include <fmt/format.h>

#include "prom/utf8.h"

namespace tokenscaler::prom {

namespace {

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
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
  return std::all_of(text.begin(), text.end(), [](char c) { return is_letter(c) || is_digit(c); });
}

bool is_metric_name(std::string_view text) {
  if (text.empty() || is_digit(text[0])) return false;
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return is_letter(c) || is_digit(c) || c == ':'; });
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
