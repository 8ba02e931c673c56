#include "base/money.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

namespace tokenscaler {

namespace {

// Cents are always shown.
constexpr int kMoneyDigitsMin = 2;

/// Rounds half to even: `whole`, plus a rest that is `above_half`, or `at_half` exactly.
Int128 round_up_if(Int128 whole, bool above_half, bool at_half) {
  return whole + ((above_half || (at_half && whole % 2 != 0)) ? 1 : 0);
}

/// numerator x 2^shift / divisor, rounded half to even, or as large as possible.
/// Requires 0 <= numerator < 2^120 and 0 < divisor < 2^62, so that nothing below overflows.
Int128 divide_scaled(Int128 numerator, Int128 divisor, int shift) {
  constexpr Int128 kTooLarge = Int128{1} << 124;
  Int128 quotient = numerator / divisor;
  Int128 rest = numerator % divisor;
  for (; shift > 0; --shift) {
    if (quotient >= kTooLarge) return kTooLarge;
    rest *= 2;
    const bool bit = rest >= divisor;
    if (bit) rest -= divisor;
    quotient = quotient * 2 + (bit ? 1 : 0);
  }
  if (shift == 0) return round_up_if(quotient, rest * 2 > divisor, rest * 2 == divisor);
  if (shift < -124) return 0;
  const Int128 cut = quotient & ((Int128{1} << -shift) - 1);
  const Int128 half = Int128{1} << (-shift - 1);
  return round_up_if(quotient >> -shift, cut > half || (cut == half && rest != 0),
                     cut == half && rest == 0);
}

std::string format_amount(Decimal amount, Currency currency, int digits_max) {
  std::string text = amount.to_fixed(std::max(digits_max, kMoneyDigitsMin));
  const std::size_t length_min = text.find('.') + 1 + kMoneyDigitsMin;
  while (text.size() > length_min && text.ends_with('0')) text.pop_back();
  return fmt::format("{} {}", currency.code(), text);
}

Error different_currencies(Currency a, Currency b) {
  return make_error(ErrorCode::Invalid,
                    fmt::format("amounts in {} and {} do not add", a.code(), b.code()))
      .advise("give all prices in one currency");
}

}  // namespace

Result<Currency> Currency::parse(std::string_view code) {
  const bool letters =
      std::all_of(code.begin(), code.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
  Currency currency;
  if (code.size() != currency.code_.size() || !letters) {
    return make_error(ErrorCode::Invalid,
                      fmt::format("\"{}\" is not a currency code", code.substr(0, 64)))
        .advise("write the three upper-case letters of ISO 4217, for example USD");
  }
  std::copy(code.begin(), code.end(), currency.code_.begin());
  return currency;
}

Money MoneyPerMillionTokens::per_thousand_tokens() const {
  const bool negative = amount.nanos() < 0;
  const Int128 nanos = divide_scaled(negative ? -amount.nanos() : amount.nanos(), 1000, 0);
  return {.amount = Decimal::from_nanos(negative ? -nanos : nanos), .currency = currency};
}

Result<Money> add(const Money& a, const Money& b) {
  if (a.currency != b.currency) return different_currencies(a.currency, b.currency);
  return Money{.amount = a.amount + b.amount, .currency = a.currency};
}

Result<MoneyPerHour> add(const MoneyPerHour& a, const MoneyPerHour& b) {
  if (a.currency != b.currency) return different_currencies(a.currency, b.currency);
  return MoneyPerHour{.amount = a.amount + b.amount, .currency = a.currency};
}

MoneyPerHour operator*(const MoneyPerHour& price, std::int64_t count) {
  return {.amount = price.amount * count, .currency = price.currency};
}

Result<MoneyPerMillionTokens> price_per_million_tokens(const MoneyPerHour& price,
                                                       TokensPerSecond rate) {
  if (!std::isfinite(rate.value()) || rate.value() <= 0) {
    return make_error(ErrorCode::Invalid,
                      fmt::format("{} tokens/s have no price for each token", rate.value()))
        .advise("a positive, finite rate is needed");
  }
  int exponent = 0;
  const double fraction = std::frexp(rate.value(), &exponent);
  constexpr int kMantissaBits = std::numeric_limits<double>::digits;
  const auto mantissa = static_cast<std::int64_t>(std::ldexp(fraction, kMantissaBits));
  // rate = mantissa x 2^(exponent - 53), and 1e6 / 3600 = 2500 / 9: the division is exact.
  const bool negative = price.amount.nanos() < 0;
  const Int128 nanos =
      divide_scaled((negative ? -price.amount.nanos() : price.amount.nanos()) * 2500,
                    Int128{mantissa} * 9, kMantissaBits - exponent);
  return MoneyPerMillionTokens{.amount = Decimal::from_nanos(negative ? -nanos : nanos),
                               .currency = price.currency};
}

std::string to_string(const Money& money, int max_digits) {
  return format_amount(money.amount, money.currency, max_digits);
}

std::string to_string(const MoneyPerHour& price, int max_digits) {
  return format_amount(price.amount, price.currency, max_digits) + "/h";
}

std::string to_string(const MoneyPerMillionTokens& price, int max_digits) {
  return format_amount(price.amount, price.currency, max_digits) + "/1M tokens";
}

}  // namespace tokenscaler
