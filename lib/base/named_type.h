// A number with a name, so that tokens/s cannot be passed where replicas are meant.
#pragma once

#include <compare>

namespace tokenscaler {

/// `Rep` under the name `Tag`. Amounts of one name add, subtract and compare; a plain number scales
/// them; the quotient of two is a plain number.
template <class Tag, class Rep>
class NamedNumber {
 public:
  using rep = Rep;

  constexpr NamedNumber() = default;
  constexpr explicit NamedNumber(Rep value) : value_(value) {}

  [[nodiscard]] constexpr Rep value() const { return value_; }

  constexpr auto operator<=>(const NamedNumber&) const = default;

  constexpr NamedNumber& operator+=(NamedNumber other) {
    value_ += other.value_;
    return *this;
  }
  constexpr NamedNumber& operator-=(NamedNumber other) {
    value_ -= other.value_;
    return *this;
  }
  friend constexpr NamedNumber operator+(NamedNumber a, NamedNumber b) { return a += b; }
  friend constexpr NamedNumber operator-(NamedNumber a, NamedNumber b) { return a -= b; }
  friend constexpr NamedNumber operator*(NamedNumber a, Rep factor) {
    return NamedNumber(a.value_ * factor);
  }
  friend constexpr NamedNumber operator*(Rep factor, NamedNumber a) { return a * factor; }
  friend constexpr NamedNumber operator/(NamedNumber a, Rep divisor) {
    return NamedNumber(a.value_ / divisor);
  }
  friend constexpr double operator/(NamedNumber a, NamedNumber b) {
    return static_cast<double>(a.value_) / static_cast<double>(b.value_);
  }

 private:
  Rep value_{};
};

}  // namespace tokenscaler
