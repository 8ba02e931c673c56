// Exact decimal arithmetic for money and Kubernetes quantities.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace tokenscaler {

__extension__ using Int128 = __int128;

/// A decimal number with nine fractional digits, held as a whole number of nanos (1e-9).
/// Its range is +-(2^63 - 1) units, the range of a Kubernetes Quantity; nothing wraps: an operation
/// whose exact result lies outside saturates at the end of the range.
class Decimal {
 public:
  static constexpr std::int64_t kNanosPerUnit = 1'000'000'000;

  constexpr Decimal() = default;
  [[nodiscard]] static Decimal from_nanos(Int128 nanos);
  [[nodiscard]] static Decimal from_integer(std::int64_t units);
  /// Rounds half to even at the ninth digit. NaN gives an error; infinities saturate.
  [[nodiscard]] static Result<Decimal> from_double(double value);
  /// Parses `-12.345`: an optional sign, digits with at most one point, at least one digit; no
  /// exponent, no spaces. More than nine fractional digits that are not zeros is an error, since
  /// money and factors written by people must mean what they say; so is a number out of range.
  [[nodiscard]] static Result<Decimal> parse(std::string_view text);

  [[nodiscard]] Int128 nanos() const { return nanos_; }
  [[nodiscard]] double to_double() const;
  /// The shortest exact form: `2.95`, `-3`, `0`. Never an exponent, independent of any locale.
  [[nodiscard]] std::string to_string() const;
  /// Exactly `digits` fractional digits (0..9), rounded half to even: `2.95` with 4 gives `2.9500`.
  [[nodiscard]] std::string to_fixed(int digits) const;

  friend Decimal operator+(Decimal a, Decimal b);
  friend Decimal operator-(Decimal a, Decimal b);
  friend Decimal operator*(Decimal a, std::int64_t factor);

  constexpr auto operator<=>(const Decimal&) const = default;

 private:
  Int128 nanos_ = 0;
};

}  // namespace tokenscaler
