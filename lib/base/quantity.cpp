#include "base/quantity.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <limits>
#include <optional>
#include <system_error>

#include <fmt/format.h>

namespace tokenscaler {

namespace {

using Format = Quantity::Format;

// Longer texts are refused before the digit arithmetic, which takes time in proportion.
constexpr std::size_t kTextLengthMax = 256;
constexpr std::size_t kFractionDigits = 9;
// 10^19 units are beyond the cap of 2^63 - 1, and 10^19 x 2^60 still fits 128 bits.
constexpr std::size_t kIntegerDigitsMax = 19;
constexpr Int128 kLargestUnits = std::numeric_limits<std::int64_t>::max();

struct Suffix {
  std::string_view text;
  Format format;
  int exponent;  // of ten, or of two for BinarySi
};

constexpr std::array<Suffix, 16> kSuffixes{{
    {"n", Format::DecimalSi, -9},
    {"u", Format::DecimalSi, -6},
    {"m", Format::DecimalSi, -3},
    {"", Format::DecimalSi, 0},
    {"k", Format::DecimalSi, 3},
    {"M", Format::DecimalSi, 6},
    {"G", Format::DecimalSi, 9},
    {"T", Format::DecimalSi, 12},
    {"P", Format::DecimalSi, 15},
    {"E", Format::DecimalSi, 18},
    {"Ki", Format::BinarySi, 10},
    {"Mi", Format::BinarySi, 20},
    {"Gi", Format::BinarySi, 30},
    {"Ti", Format::BinarySi, 40},
    {"Pi", Format::BinarySi, 50},
    {"Ei", Format::BinarySi, 60},
}};

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

Error malformed(std::string_view text) {
  return make_error(ErrorCode::Invalid,
                    fmt::format("\"{}\" is not a quantity", text.substr(0, kTextLengthMax)))
      .advise(
          "write a number with an optional suffix: n, u, m, k, M, G, T, P, E, Ki, Mi, Gi, Ti, Pi, "
          "Ei or an exponent as in 1e3");
}

std::optional<Suffix> interpret(std::string_view suffix) {
  const auto* const known = std::find_if(kSuffixes.begin(), kSuffixes.end(),
                                         [&](const Suffix& s) { return s.text == suffix; });
  if (known != kSuffixes.end()) return *known;
  if (suffix.size() < 2 || (suffix[0] != 'e' && suffix[0] != 'E')) return std::nullopt;
  suffix.remove_prefix(suffix[1] == '+' ? 2 : 1);
  // from_chars takes a minus but no plus; `e+-3` has to stay malformed.
  if (suffix.empty() || (suffix[0] == '-' && suffix.data()[-1] == '+')) return std::nullopt;
  std::int32_t exponent = 0;
  const auto [end, status] =
      std::from_chars(suffix.data(), suffix.data() + suffix.size(), exponent);
  if (status != std::errc() || end != suffix.data() + suffix.size()) return std::nullopt;
  return Suffix{.text = {}, .format = Format::DecimalExponent, .exponent = exponent};
}

/// A positive number as decimal digits around a point.
struct Digits {
  std::string integer;
  std::string fraction;

  [[nodiscard]] bool is_zero() const {
    const auto zero = [](char c) { return c == '0'; };
    return std::all_of(integer.begin(), integer.end(), zero) &&
           std::all_of(fraction.begin(), fraction.end(), zero);
  }

  /// Multiplies by ten to the power of `exponent`, which is not larger than a text is long.
  void shift_point(int exponent) {
    if (exponent >= 0) {
      const auto count = static_cast<std::size_t>(exponent);
      if (fraction.size() < count) fraction.resize(count, '0');
      integer += fraction.substr(0, count);
      fraction.erase(0, count);
      return;
    }
    const auto count = static_cast<std::size_t>(-exponent);
    if (integer.size() < count) integer.insert(0, count - integer.size(), '0');
    fraction.insert(0, integer, integer.size() - count);
    integer.resize(integer.size() - count);
  }

  /// Multiplies the fraction by `factor` <= 2^60, keeps its fraction and returns its integer part.
  Int128 multiply_fraction(Int128 factor) {
    Int128 carry = 0;
    for (auto digit = fraction.rbegin(); digit != fraction.rend(); ++digit) {
      const Int128 product = factor * (*digit - '0') + carry;
      *digit = static_cast<char>('0' + static_cast<int>(product % 10));
      carry = product / 10;
    }
    return carry;
  }
};

/// digits x factor in nanos, rounded up, capped at 2^63 - 1 units.
Int128 to_nanos(Digits digits, Int128 factor) {
  constexpr Int128 kLargestNanos = kLargestUnits * Decimal::kNanosPerUnit;
  digits.integer.erase(0, std::min(digits.integer.find_first_not_of('0'), digits.integer.size()));
  if (digits.integer.size() > kIntegerDigitsMax) return kLargestNanos;
  Int128 units = 0;
  for (const char c : digits.integer) units = units * 10 + (c - '0');
  units = units * factor + digits.multiply_fraction(factor);
  if (units >= kLargestUnits) return kLargestNanos;
  const bool inexact = digits.fraction.find_first_not_of('0', kFractionDigits) != std::string::npos;
  digits.fraction.resize(kFractionDigits, '0');
  Int128 nanos = 0;
  for (const char c : digits.fraction) nanos = nanos * 10 + (c - '0');
  return std::min(units * Decimal::kNanosPerUnit + nanos + (inexact ? 1 : 0), kLargestNanos);
}

Int128 magnitude_in_nanos(Digits digits, const Suffix& suffix) {
  if (digits.is_zero()) return 0;
  if (suffix.format == Format::BinarySi) {
    return to_nanos(std::move(digits), Int128{1} << suffix.exponent);
  }
  // Beyond these exponents every number of permitted length is capped, or rounded up to 1n.
  constexpr int kExponentMax = 2 * static_cast<int>(kTextLengthMax);
  digits.shift_point(std::clamp(suffix.exponent, -kExponentMax, kExponentMax));
  return to_nanos(std::move(digits), 1);
}

std::string_view take_digits(std::string_view& rest) {
  const auto* const end = std::find_if_not(rest.begin(), rest.end(), is_digit);
  const std::string_view digits = rest.substr(0, static_cast<std::size_t>(end - rest.begin()));
  rest.remove_prefix(digits.size());
  return digits;
}

std::string write(Int128 mantissa, std::string_view suffix) {
  return fmt::format("{}{}", static_cast<std::int64_t>(mantissa), suffix);
}

std::string decimal_form(Int128 nanos, Format format) {
  int exponent = -9;
  while (nanos % 1000 == 0) {
    nanos /= 1000;
    exponent += 3;
  }
  // The mantissa of 9223372036854775807 nanos and more can pass 64 bits: split it.
  constexpr Int128 kSplit = Int128{1'000'000'000} * 1'000'000'000;
  std::string text =
      nanos / kSplit == 0
          ? write(nanos, "")
          : fmt::format("{}{:018}", static_cast<std::int64_t>(nanos / kSplit),
                        static_cast<std::uint64_t>(nanos < 0 ? -(nanos % kSplit) : nanos % kSplit));
  if (format == Format::DecimalExponent) {
    return exponent == 0 ? text : fmt::format("{}e{}", text, exponent);
  }
  const auto* const suffix = std::find_if(kSuffixes.begin(), kSuffixes.end(), [&](const Suffix& s) {
    return s.format == Format::DecimalSi && s.exponent == exponent;
  });
  return text.append(suffix->text);
}

std::string binary_form(Int128 units) {
  int exponent = 0;
  while (units % 1024 == 0) {
    units /= 1024;
    exponent += 10;
  }
  if (exponent == 0) return write(units, "");
  const auto* const suffix = std::find_if(kSuffixes.begin(), kSuffixes.end(), [&](const Suffix& s) {
    return s.format == Format::BinarySi && s.exponent == exponent;
  });
  return write(units, suffix->text);
}

}  // namespace

Result<Quantity> Quantity::parse(std::string_view text) {
  if (text.empty() || text.size() > kTextLengthMax) return malformed(text);
  std::string_view rest = text;
  const bool negative = rest.starts_with('-');
  if (negative || rest.starts_with('+')) rest.remove_prefix(1);
  Digits digits;
  digits.integer = take_digits(rest);
  const bool has_point = rest.starts_with('.');
  if (has_point) {
    rest.remove_prefix(1);
    digits.fraction = take_digits(rest);
  }
  if (digits.integer.empty() && digits.fraction.empty()) return malformed(text);
  const std::optional<Suffix> suffix = interpret(rest);
  if (!suffix) return malformed(text);
  Int128 nanos = magnitude_in_nanos(std::move(digits), *suffix);
  Format format = suffix->format;
  // A binary suffix on a value below one would round when written, so apimachinery forgets it.
  if (format == Format::BinarySi && nanos > 0 && nanos < Decimal::kNanosPerUnit) {
    format = Format::DecimalSi;
  }
  return Quantity(Decimal::from_nanos(negative ? -nanos : nanos), format);
}

std::string Quantity::to_string() const {
  const Int128 nanos = value_.nanos();
  if (nanos == 0) return "0";
  const Int128 units = nanos / Decimal::kNanosPerUnit;
  const bool whole = nanos % Decimal::kNanosPerUnit == 0;
  const bool below_1ki = units > -1024 && units < 1024;
  if (format_ == Format::BinarySi && whole && !below_1ki) return binary_form(units);
  return decimal_form(nanos, format_ == Format::BinarySi ? Format::DecimalSi : format_);
}

}  // namespace tokenscaler
