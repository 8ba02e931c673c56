#include "cases/exposition_text.h"

#include <cmath>

#include <fmt/format.h>

namespace tokenscaler::e2e {

namespace {

std::string escaped(std::string_view value) {
  std::string result;
  for (const char c : value) {
    if (c == '\n') {
      result += "\\n";
      continue;
    }
    if (c == '"' || c == '\\') result += '\\';
    result += c;
  }
  return result;
}

std::string number(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  return fmt::format("{}", value);
}

}  // namespace

void ExpositionText::family(std::string_view name, std::string_view type) {
  family_ = name;
  text_ += fmt::format("# TYPE {} {}\n", name, type);
}

void ExpositionText::sample(std::string_view suffix, const Labels& labels, double value) {
  text_ += family_;
  text_ += suffix;
  if (!labels.empty()) {
    char separator = '{';
    for (const auto& [name, label] : labels) {
      text_ += fmt::format("{}{}=\"{}\"", separator, name, escaped(label));
      separator = ',';
    }
    text_ += '}';
  }
  text_ += " " + number(value);
  if (stamp_) text_ += fmt::format(" {}", stamp_->time_since_epoch().count());
  text_ += '\n';
}

}  // namespace tokenscaler::e2e
