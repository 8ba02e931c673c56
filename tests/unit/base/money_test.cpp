// Goal: prices keep their currency, and a price for each token is exact to the ninth digit.
#include "base/money.h"

#include <limits>
#include <random>
#include <string>

#include <gtest/gtest.h>

namespace tokenscaler {
namespace {

Decimal decimal(std::string_view text) {
  return Decimal::parse(text).value();
}

MoneyPerHour usd_per_hour(std::string_view text) {
  return {.amount = decimal(text), .currency = {}};
}

TEST(Currency, TakesThreeUpperCaseLetters) {
  EXPECT_EQ(Currency().code(), "USD");
  EXPECT_EQ(Currency::parse("EUR")->code(), "EUR");
  for (const std::string text : {"", "EU", "EURO", "eur", "E1R", "€", "US "}) {
    const auto currency = Currency::parse(text);
    ASSERT_FALSE(currency.has_value()) << text;
    EXPECT_NE(currency.error().advice.find("ISO 4217"), std::string::npos);
  }
}

TEST(Money, DoesNotAddAcrossCurrencies) {
  const Currency eur = Currency::parse("EUR").value();
  const Money one_dollar{.amount = decimal("1"), .currency = {}};
  const Money one_euro{.amount = decimal("1"), .currency = eur};
  EXPECT_EQ(add(one_dollar, one_dollar)->amount, decimal("2"));
  ASSERT_FALSE(add(one_dollar, one_euro).has_value());
  EXPECT_EQ(add(one_dollar, one_euro).error().message, "amounts in USD and EUR do not add");
  const MoneyPerHour euro_price{.amount = decimal("1"), .currency = eur};
  EXPECT_FALSE(add(usd_per_hour("1"), euro_price).has_value());
  EXPECT_EQ(add(euro_price, euro_price)->currency, eur);
}

TEST(Money, PriceForEachMillionTokensByHand) {
  // 4 GPUs x 2.95 = 11.80 USD/h; 900 tokens/s x 3600 s = 3.24 million tokens each hour;
  // 11.80 / 3.24 = 3.641975308641... USD for each million.
  const MoneyPerHour replica = usd_per_hour("2.95") * 4;
  const auto price = price_per_million_tokens(replica, TokensPerSecond(900));
  ASSERT_TRUE(price.has_value());
  EXPECT_EQ(price->amount.to_string(), "3.641975309");
  EXPECT_EQ(price->per_thousand_tokens().amount.to_string(), "0.003641975");
  EXPECT_EQ(to_string(*price), "USD 3.642/1M tokens");
}

TEST(Money, PriceRoundsHalfToEven) {
  // 1e6 / (rate x 3600) x price: a rate of 2500/9 x 2 halves the price, exactly at a tie.
  // 0.000000009 USD/h at 1250 tokens/s = 0.000000009 x 1e6 / 4.5e6 = 0.000000002.
  EXPECT_EQ(price_per_million_tokens(usd_per_hour("0.000000009"), TokensPerSecond(1250))->amount,
            decimal("0.000000002"));
  // x 1e6 / (5000 x 3600 = 1.8e7) = 0.0000000005: a tie, to the even 0.
  EXPECT_EQ(price_per_million_tokens(usd_per_hour("0.000000009"), TokensPerSecond(5000))->amount,
            decimal("0"));
  // Three times as much is 0.0000000015: a tie, to the even 2.
  EXPECT_EQ(price_per_million_tokens(usd_per_hour("0.000000027"), TokensPerSecond(5000))->amount,
            decimal("0.000000002"));
  EXPECT_EQ(price_per_million_tokens(usd_per_hour("-0.000000027"), TokensPerSecond(5000))->amount,
            decimal("-0.000000002"));
}

TEST(Money, PriceOfExtremeRates) {
  const MoneyPerHour price = usd_per_hour("9223372036854775807");
  EXPECT_EQ(price_per_million_tokens(price, TokensPerSecond(0x1p-1074))->amount, price.amount);
  EXPECT_EQ(price_per_million_tokens(price, TokensPerSecond(1e300))->amount, decimal("0"));
  for (const double rate : {0.0, -1.0, std::numeric_limits<double>::quiet_NaN(),
                            std::numeric_limits<double>::infinity()}) {
    EXPECT_FALSE(price_per_million_tokens(price, TokensPerSecond(rate)).has_value()) << rate;
  }
}

// Method: against long double, which has 64 bits, for rates and prices as they occur.
TEST(Money, PriceAgreesWithFloatingPoint) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  std::uniform_real_distribution<double> rates(0.5, 1e6);
  std::uniform_int_distribution<std::int64_t> cents(0, 100'000);
  for (int i = 0; i < 20'000; ++i) {
    const double rate = rates(random);
    const Decimal hourly = Decimal::from_nanos(Int128{cents(random)} * 10'000'000);
    const auto price =
        price_per_million_tokens({.amount = hourly, .currency = {}}, TokensPerSecond(rate));
    const long double expected =
        static_cast<long double>(hourly.nanos()) * 2500.0L / 9.0L / static_cast<long double>(rate);
    const auto difference = static_cast<long double>(price->amount.nanos()) - expected;
    ASSERT_LE(difference < 0 ? -difference : difference, 0.5L + expected * 0x1p-60L)
        << hourly.to_string() << " at " << rate;
  }
}

TEST(Money, PrintsAtLeastCents) {
  const auto print = [](std::string_view amount, int digits) {
    return to_string(Money{.amount = decimal(amount), .currency = {}}, digits);
  };
  EXPECT_EQ(print("12.34", 4), "USD 12.34");
  EXPECT_EQ(print("12", 4), "USD 12.00");
  EXPECT_EQ(print("12.3", 4), "USD 12.30");
  EXPECT_EQ(print("0.41235", 4), "USD 0.4124");
  EXPECT_EQ(print("0.41230", 4), "USD 0.4123");
  EXPECT_EQ(print("-0.5", 0), "USD -0.50");
  EXPECT_EQ(print("1000000", 4), "USD 1000000.00");
  EXPECT_EQ(to_string(usd_per_hour("11.8")), "USD 11.80/h");
}

}  // namespace
}  // namespace tokenscaler
