// Kubernetes resource.Quantity, read and written exactly as k8s.io/apimachinery does it.
#pragma once

#include <string>
#include <string_view>

#include "base/decimal.h"
#include "base/result.h"

namespace tokenscaler {

/// A Kubernetes Quantity: a number with the family of suffixes in which it was written.
/// Source of the rules: k8s.io/apimachinery/pkg/api/resource/quantity.go (grammar, canonical form,
/// rounding up at nano scale, cap at 2^63 - 1). tests/golden/quantity compares every rule with it.
/// It differs in three places, where apimachinery departs from its own documentation: the cap holds
/// for decimal suffixes too, a text without any digit (`.`, `+`) is an error, and so is an exponent
/// beyond 32 bits, which wraps there.
class Quantity {
 public:
  enum class Format { DecimalSi, BinarySi, DecimalExponent };

  Quantity() = default;
  Quantity(Decimal value, Format format) : value_(value), format_(format) {}

  /// Parses at most 256 characters. Digits below 1n round away from zero.
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
