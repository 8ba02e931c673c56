#include "yaml/scalar.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <system_error>

#include <fmt/format.h>

#include "json/utf8.h"

namespace tokenscaler::yaml {

namespace {

constexpr std::array<std::string_view, 11> kTrue{"y",    "Y",    "yes", "Yes", "YES", "true",
                                                 "True", "TRUE", "on",  "On",  "ON"};
constexpr std::array<std::string_view, 11> kFalse{"n",     "N",     "no",  "No",  "NO", "false",
                                                  "False", "FALSE", "off", "Off", "OFF"};
constexpr std::array<std::string_view, 12> kNotFinite{".nan",  ".NaN",  ".NAN",  ".inf",
                                                      ".Inf",  ".INF",  "+.inf", "+.Inf",
                                                      "+.INF", "-.inf", "-.Inf", "-.INF"};
// Integral doubles up to here are the integers they look like.
constexpr double kExactIntegerMax = 9007199254740992.0;

template <std::size_t Size>
bool contains(const std::array<std::string_view, Size>& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

std::size_t count_digits(std::string_view text) {
  const auto* const end = std::find_if_not(text.begin(), text.end(), is_digit);
  return static_cast<std::size_t>(end - text.begin());
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`, sigs.k8s.io/yaml's own expression.
bool is_decimal_number(std::string_view text) {
  if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
  const std::size_t whole = count_digits(text);
  text.remove_prefix(whole);
  std::size_t fraction = 0;
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    fraction = count_digits(text);
    text.remove_prefix(fraction);
  }
  if (whole + fraction == 0) return false;
  if (text.starts_with('e') || text.starts_with('E')) {
    text.remove_prefix(1);
    if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
    if (count_digits(text) == 0) return false;
    text.remove_prefix(count_digits(text));
  }
  return text.empty();
}

/// `0x1F`, `0o17`, `0b1`, with a sign or without.
bool is_prefixed_number(std::string_view text) {
  if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
  if (text.size() < 3 || text[0] != '0') return false;
  std::string_view digits;
  switch (text[1]) {
    case 'x':
    case 'X':
      digits = "0123456789abcdefABCDEF";
      break;
    case 'o':
    case 'O':
      digits = "01234567";
      break;
    case 'b':
    case 'B':
      digits = "01";
      break;
    default:
      return false;
  }
  return text.find_first_not_of(digits, 2) == std::string_view::npos;
}

bool has_leading_zero(std::string_view number) {
  if (number.starts_with('-') || number.starts_with('+')) number.remove_prefix(1);
  return number.size() > 1 && number[0] == '0' && is_digit(number[1]);
}

/// The value of a decimal number, or nothing if it lies beyond every double: then it is text.
std::optional<json::Value> decimal_value(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  const char* const end = text.data() + text.size();
  std::int64_t integer = 0;
  const auto whole = std::from_chars(text.data(), end, integer);
  if (whole.ec == std::errc() && whole.ptr == end) return integer;
  double number = 0;
  const auto status = std::from_chars(text.data(), end, number).ec;
  if (status == std::errc::result_out_of_range) {
    // Too small becomes 0; a mantissa of zeros with any exponent is 0 as well.
    const bool tiny = text.find("e-") != std::string_view::npos ||
                      text.find("E-") != std::string_view::npos ||
                      text.find_first_of("eE") == std::string_view::npos;
    if (!tiny || std::abs(static_cast<double>(count_digits(text))) > 300) return std::nullopt;
    number = 0;
  }
  if (std::abs(number) <= kExactIntegerMax && std::trunc(number) == number) {
    return static_cast<std::int64_t>(number);
  }
  return number;
}

}  // namespace

Result<json::Value> resolve_plain(std::string_view text) {
  if (contains(kTrue, text)) return json::Value(true);
  if (contains(kFalse, text)) return json::Value(false);
  if (contains(kNotFinite, text)) {
    return make_error(ErrorCode::Invalid, fmt::format("{} is no number that can be sent", text))
        .advise("write a finite number, or put it in quotes if it is text");
  }
  const bool may_be_number =
      !text.empty() && (is_digit(text[0]) || text[0] == '+' || text[0] == '-' || text[0] == '.');
  if (!may_be_number) return json::Value(text);
  std::string plain(text);
  // A point first means that kubectl leaves underscores alone.
  if (text[0] != '.') plain.erase(std::remove(plain.begin(), plain.end(), '_'), plain.end());
  const bool is_decimal = is_decimal_number(plain);
  if (!is_decimal && !is_prefixed_number(plain)) return json::Value(text);
  if (!is_decimal || plain.size() != text.size() || has_leading_zero(plain)) {
    return make_error(ErrorCode::Invalid,
                      fmt::format("{} means different numbers to different YAML readers",
                                  json::printable(text)))
        .advise("write plain decimal digits, or put it in quotes if it is text");
  }
  std::optional<json::Value> value = decimal_value(text);
  return value ? *std::move(value) : json::Value(text);
}

}  // namespace tokenscaler::yaml
