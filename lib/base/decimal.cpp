#include "base/decimal.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <system_error>

#include <fmt/format.h>

namespace tokenscaler {

namespace {

constexpr int kFractionDigits = 9;
constexpr Int128 kLargestNanos =
    Int128{std::numeric_limits<std::int64_t>::max()} * Decimal::kNanosPerUnit;
// The integer part of the largest value has 19 digits.
constexpr std::size_t kIntegerDigitsMax = 19;
// Nobody writes a price or a factor with more characters; the limit bounds what an error repeats.
constexpr std::size_t kTextLengthMax = 128;

constexpr Int128 power_of_ten(int exponent) {
  Int128 power = 1;
  for (int i = 0; i < exponent; ++i) power *= 10;
  return power;
}

Int128 saturate(Int128 nanos) {
  return std::clamp(nanos, -kLargestNanos, kLargestNanos);
}

/// Divides rounding half to even. Requires numerator >= 0 and divisor > 0.
Int128 divide_half_even(Int128 numerator, Int128 divisor) {
  const Int128 quotient = numerator / divisor;
  const Int128 twice_rest = (numerator % divisor) * 2;
  const bool up = twice_rest > divisor || (twice_rest == divisor && quotient % 2 != 0);
  return quotient + (up ? 1 : 0);
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

Error not_a_decimal(std::string_view text) {
  return make_error(ErrorCode::Invalid,
                    fmt::format("\"{}\" is not a decimal number", text.substr(0, kTextLengthMax)))
      .advise("write digits with at most one point, for example 2.95");
}

/// The text without sign, cut at the point.
struct Parts {
  std::string_view integer;
  std::string_view fraction;
};

Result<Parts> split(std::string_view unsigned_text, std::string_view whole) {
  const std::size_t point = unsigned_text.find('.');
  const bool has_point = point != std::string_view::npos;
  Parts parts{.integer = unsigned_text.substr(0, point),
              .fraction = has_point ? unsigned_text.substr(point + 1) : std::string_view()};
  if (parts.integer.empty() && parts.fraction.empty()) return not_a_decimal(whole);
  if (!std::all_of(parts.integer.begin(), parts.integer.end(), is_digit) ||
      !std::all_of(parts.fraction.begin(), parts.fraction.end(), is_digit)) {
    return not_a_decimal(whole);
  }
  parts.integer.remove_prefix(std::min(parts.integer.find_first_not_of('0'), parts.integer.size()));
  parts.fraction = parts.fraction.substr(0, parts.fraction.find_last_not_of('0') + 1);
  return parts;
}

}  // namespace

Decimal Decimal::from_nanos(Int128 nanos) {
  Decimal result;
  result.nanos_ = saturate(nanos);
  return result;
}

Decimal Decimal::from_integer(std::int64_t units) {
  return from_nanos(Int128{units} * kNanosPerUnit);
}

Result<Decimal> Decimal::from_double(double value) {
  if (std::isnan(value)) {
    return make_error(ErrorCode::Invalid, "NaN is not a number that can be kept as a decimal");
  }
  // 2^64 lies beyond the range, so the mantissa below never shifts out of 128 bits.
  if (std::abs(value) >= 0x1p64) return from_nanos(value > 0 ? kLargestNanos : -kLargestNanos);
  int exponent = 0;
  const double fraction = std::frexp(std::abs(value), &exponent);
  constexpr int kMantissaBits = std::numeric_limits<double>::digits;
  const auto mantissa = static_cast<std::int64_t>(std::ldexp(fraction, kMantissaBits));
  // |value| = mantissa x 2^shift, exactly.
  const int shift = exponent - kMantissaBits;
  const Int128 scaled = Int128{mantissa} * kNanosPerUnit;
  Int128 nanos = 0;
  if (shift >= 0) {
    nanos = scaled << shift;
  } else if (shift > -126) {
    nanos = divide_half_even(scaled, Int128{1} << -shift);
  }
  return from_nanos(value < 0 ? -nanos : nanos);
}

Result<Decimal> Decimal::parse(std::string_view text) {
  if (text.size() > kTextLengthMax) return not_a_decimal(text);
  std::string_view rest = text;
  const bool negative = rest.starts_with('-');
  if (negative || rest.starts_with('+')) rest.remove_prefix(1);
  ASSIGN_OR_RETURN(const Parts parts, split(rest, text));
  if (parts.fraction.size() > kFractionDigits) {
    return make_error(ErrorCode::Invalid,
                      fmt::format("\"{}\" has more than nine digits after the point", text))
        .advise("round it to nine digits");
  }
  Int128 nanos = 0;
  if (parts.integer.size() <= kIntegerDigitsMax) {
    for (const char c : parts.integer) nanos = nanos * 10 + (c - '0');
    for (const char c : parts.fraction) nanos = nanos * 10 + (c - '0');
    nanos *= power_of_ten(kFractionDigits - static_cast<int>(parts.fraction.size()));
  }
  if (parts.integer.size() > kIntegerDigitsMax || nanos > kLargestNanos) {
    return make_error(ErrorCode::Invalid, fmt::format("\"{}\" is too large", text))
        .advise("the largest decimal is 9223372036854775807");
  }
  return from_nanos(negative ? -nanos : nanos);
}

double Decimal::to_double() const {
  // Below 2^53 both operands are exact and one division rounds once.
  if (nanos_ > -(Int128{1} << 53) && nanos_ < (Int128{1} << 53)) {
    return static_cast<double>(static_cast<std::int64_t>(nanos_)) /
           static_cast<double>(kNanosPerUnit);
  }
  const std::string text = to_string();
  double value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

std::string Decimal::to_string() const {
  std::string text = to_fixed(kFractionDigits);
  text.resize(text.find_last_not_of('0') + 1);
  if (text.ends_with('.')) text.pop_back();
  return text;
}

std::string Decimal::to_fixed(int digits) const {
  digits = std::clamp(digits, 0, kFractionDigits);
  const Int128 magnitude = nanos_ < 0 ? -nanos_ : nanos_;
  const Int128 rounded = divide_half_even(magnitude, power_of_ten(kFractionDigits - digits));
  const Int128 scale = power_of_ten(digits);
  // A value that rounds to zero has no sign.
  std::string text = nanos_ < 0 && rounded != 0 ? "-" : "";
  text += fmt::format("{}", static_cast<std::uint64_t>(rounded / scale));
  if (digits > 0) {
    text += fmt::format(".{:0{}}", static_cast<std::uint64_t>(rounded % scale), digits);
  }
  return text;
}

Decimal operator+(Decimal a, Decimal b) {
  return Decimal::from_nanos(a.nanos_ + b.nanos_);
}

Decimal operator-(Decimal a, Decimal b) {
  return Decimal::from_nanos(a.nanos_ - b.nanos_);
}

Decimal operator*(Decimal a, std::int64_t factor) {
  Int128 product = 0;
  if (__builtin_mul_overflow(a.nanos_, Int128{factor}, &product)) {
    return Decimal::from_nanos((a.nanos_ < 0) == (factor < 0) ? kLargestNanos : -kLargestNanos);
  }
  return Decimal::from_nanos(product);
}

}  // namespace tokenscaler
