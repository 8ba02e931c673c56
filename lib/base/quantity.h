// Kubernetes resource.Quantity, read and written exactly as k8s.io/apimachinery does it.
#pragma once

#include <string>
#include <string_view>

#include "base/decimal.h"
#include "base/result.h"

namespace tokenscaler {

/// A Kubernetes Quantity: a number with the family of suffixes in which it was written.
/// Source of the rules: k8s.io/apimachinery/pkg/api/resource/quantity.go (grammar, canonical form,
/// rounding up at nano scale, cap at 2^63 - 1).
class Quantity {
 public:
  enum class Format { DecimalSi, BinarySi, DecimalExponent };

  Quantity() = default;
  Quantity(Decimal value, Format format) : value_(value), format_(format) {}

  [[nodiscard]] static Result<Quantity> parse(std::string_view text);

  [[nodiscard]] Decimal value() const { return value_; }
  [[nodiscard]] Format format() const { return format_; }
  /// The canonical form: `1500m`, `1536Mi`, `1e3`.
  [[nodiscard]] std::string to_string() const;

  /// Equal in value and in written form.
  bool operator==(const Quantity&) const = default;

 private:
  Decimal value_;
  Format format_ = Format::DecimalSi;
};

}  // namespace tokenscaler
