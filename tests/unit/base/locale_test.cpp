// Goal: no number changes its form because the process has a German locale.
// Method: a decimal comma and grouping dots as the global C++ locale (and the C locale, where one
// is installed), proved to be in force before each comparison.
#include <clocale>
#include <locale>
#include <sstream>
#include <string>

#include <gtest/gtest.h>

#include "base/decimal.h"
#include "base/money.h"
#include "base/quantity.h"

namespace tokenscaler {
namespace {

class GermanNumbers : public std::numpunct<char> {
 protected:
  [[nodiscard]] char do_decimal_point() const override { return ','; }
  [[nodiscard]] char do_thousands_sep() const override { return '.'; }
  [[nodiscard]] std::string do_grouping() const override { return "\3"; }
};

class GermanLocale : public ::testing::Test {
 public:
  // The locale owns the facet.
  GermanLocale()
      : c_locale_(std::setlocale(LC_NUMERIC, "de_DE.UTF-8") != nullptr),
        before_(std::locale::global(std::locale(std::locale(), new GermanNumbers))) {}
  ~GermanLocale() override {
    std::setlocale(LC_NUMERIC, "C");
    std::locale::global(before_);
  }
  GermanLocale(const GermanLocale&) = delete;
  GermanLocale& operator=(const GermanLocale&) = delete;

 protected:
  const bool c_locale_;

 private:
  std::locale before_;
};

TEST_F(GermanLocale, IsInForce) {
  std::ostringstream stream;
  stream << 1234.5;
  EXPECT_EQ(stream.str(), "1.234,5");
  if (!c_locale_) GTEST_SKIP() << "de_DE.UTF-8 is not installed: only the C++ locale is German";
}

TEST_F(GermanLocale, DoesNotChangeNumbers) {
  const Decimal amount = Decimal::parse("1234567.5").value();
  EXPECT_EQ(amount.to_string(), "1234567.5");
  EXPECT_EQ(amount.to_fixed(2), "1234567.50");
  EXPECT_EQ(amount.to_double(), 1234567.5);
  EXPECT_EQ(Decimal::parse("9007199254740993.5")->to_double(), 9007199254740994.0);
  EXPECT_FALSE(Decimal::parse("1,5").has_value());
  EXPECT_EQ(to_string(Money{.amount = amount, .currency = {}}), "USD 1234567.50");
  EXPECT_EQ(Quantity::parse("1234567.5")->to_string(), "1234567500m");
  EXPECT_EQ(Quantity::parse("1234567Mi")->to_string(), "1234567Mi");
  const auto no_price =
      price_per_million_tokens({.amount = amount, .currency = {}}, TokensPerSecond(-1234.5));
  EXPECT_EQ(no_price.error().message, "-1234.5 tokens/s have no price for each token");
}

}  // namespace
}  // namespace tokenscaler
