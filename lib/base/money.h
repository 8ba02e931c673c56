// Money with its currency, and prices with their period or amount: never a bare double.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "base/decimal.h"
#include "base/result.h"
#include "base/units.h"

namespace tokenscaler {

/// An ISO 4217 code: three upper-case letters. Which codes exist is not checked.
class Currency {
 public:
  /// USD.
  Currency() = default;
  [[nodiscard]] static Result<Currency> parse(std::string_view code);
  [[nodiscard]] std::string_view code() const { return {code_.data(), code_.size()}; }
  auto operator<=>(const Currency&) const = default;

 private:
  std::array<char, 3> code_{'U', 'S', 'D'};
};

/// An amount in a currency. Amounts of different currencies do not add: the sum is an error.
struct Money {
  Decimal amount;
  Currency currency;

  auto operator<=>(const Money&) const = default;
};

/// A price for each hour: of a GPU, a replica or a fleet. The field's name says of what.
struct MoneyPerHour {
  Decimal amount;
  Currency currency;

  auto operator<=>(const MoneyPerHour&) const = default;
};

/// A price for each million tokens. The field's name says of which tokens.
struct MoneyPerMillionTokens {
  Decimal amount;
  Currency currency;

  /// The same price for each thousand tokens, as a plain amount of the currency.
  [[nodiscard]] Money per_thousand_tokens() const;

  auto operator<=>(const MoneyPerMillionTokens&) const = default;
};

[[nodiscard]] Result<Money> add(const Money& a, const Money& b);
[[nodiscard]] Result<MoneyPerHour> add(const MoneyPerHour& a, const MoneyPerHour& b);
[[nodiscard]] MoneyPerHour operator*(const MoneyPerHour& price, std::int64_t count);

/// price / (rate x 3600 s/h) x 1,000,000 tokens, rounded half to even at nine digits.
/// A rate that is not a positive finite number has no price for each token: an error.
[[nodiscard]] Result<MoneyPerMillionTokens> price_per_million_tokens(const MoneyPerHour& price,
                                                                     TokensPerSecond rate);

/// `USD 12.34`, with at least two and at most `max_digits` fractional digits (trailing zeros beyond
/// two are cut).
[[nodiscard]] std::string to_string(const Money& money, int max_digits = 4);
/// `USD 12.34/h`
[[nodiscard]] std::string to_string(const MoneyPerHour& price, int max_digits = 4);
/// `USD 0.4123/1M tokens`
[[nodiscard]] std::string to_string(const MoneyPerMillionTokens& price, int max_digits = 4);

}  // namespace tokenscaler
