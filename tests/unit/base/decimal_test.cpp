// Goal: decimals are exact, round as stated, never wrap and never depend on a double.
#include "base/decimal.h"

#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace tokenscaler {
namespace {

constexpr Int128 kLargestNanos =
    Int128{std::numeric_limits<std::int64_t>::max()} * Decimal::kNanosPerUnit;

Decimal nanos(std::int64_t value) {
  return Decimal::from_nanos(value);
}

TEST(Decimal, ReadsWhatPeopleWrite) {
  const std::vector<std::pair<std::string, std::int64_t>> cases = {
      {"0", 0},
      {"-0", 0},
      {"2.95", 2'950'000'000},
      {"-2.95", -2'950'000'000},
      {"+1", 1'000'000'000},
      {".5", 500'000'000},
      {"5.", 5'000'000'000},
      {"007", 7'000'000'000},
      {"0.000000001", 1},
      {"1.2345678900000", 1'234'567'890},
  };
  for (const auto& [text, expected] : cases) {
    const auto value = Decimal::parse(text);
    ASSERT_TRUE(value.has_value()) << text << ": " << value.error().to_string();
    EXPECT_TRUE(value->nanos() == expected) << text;
  }
}

TEST(Decimal, RefusesEverythingElseWithAdvice) {
  for (const std::string text : {"",
                                 " ",
                                 "-",
                                 "+",
                                 ".",
                                 "-.",
                                 "1 ",
                                 " 1",
                                 "1e3",
                                 "1,5",
                                 "1.2.3",
                                 "--1",
                                 "0x1",
                                 "NaN",
                                 "inf",
                                 "1m",
                                 "0.0000000001",
                                 "9223372036854775807.1",
                                 "9223372036854775808",
                                 "99999999999999999999",
                                 "-9223372036854775808"}) {
    const auto value = Decimal::parse(text);
    ASSERT_FALSE(value.has_value()) << text;
    EXPECT_EQ(value.error().code, ErrorCode::Invalid);
    EXPECT_NE(value.error().message.find('"' + text + '"'), std::string::npos) << text;
    EXPECT_FALSE(value.error().advice.empty());
  }
  EXPECT_FALSE(Decimal::parse(std::string(1'000'000, '1')).has_value());
  EXPECT_LT(Decimal::parse(std::string(1'000'000, '1')).error().to_string().size(), 400U);
}

TEST(Decimal, WritesTheShortestExactForm) {
  EXPECT_EQ(nanos(2'950'000'000).to_string(), "2.95");
  EXPECT_EQ(nanos(-3'000'000'000).to_string(), "-3");
  EXPECT_EQ(nanos(0).to_string(), "0");
  EXPECT_EQ(nanos(-1).to_string(), "-0.000000001");
  EXPECT_EQ(nanos(100'000'000'000).to_string(), "100");
  EXPECT_EQ(Decimal::from_nanos(kLargestNanos).to_string(), "9223372036854775807");
  EXPECT_EQ(Decimal::from_nanos(-kLargestNanos).to_string(), "-9223372036854775807");
}

TEST(Decimal, RoundsHalfToEvenWhenDigitsAreFixed) {
  EXPECT_EQ(nanos(2'950'000'000).to_fixed(4), "2.9500");
  EXPECT_EQ(nanos(125'000'000).to_fixed(2), "0.12");
  EXPECT_EQ(nanos(135'000'000).to_fixed(2), "0.14");
  EXPECT_EQ(nanos(-125'000'000).to_fixed(2), "-0.12");
  EXPECT_EQ(nanos(125'000'001).to_fixed(2), "0.13");
  EXPECT_EQ(nanos(999'999'999).to_fixed(0), "1");
  EXPECT_EQ(nanos(500'000'000).to_fixed(0), "0");
  EXPECT_EQ(nanos(1'500'000'000).to_fixed(0), "2");
  EXPECT_EQ(nanos(-4'000'000).to_fixed(2), "0.00");
  EXPECT_EQ(nanos(7).to_fixed(9), "0.000000007");
}

// Method: every value of a small range, against integer arithmetic.
TEST(Decimal, EverySmallValueSurvivesPrintingAndAdds) {
  for (std::int64_t a = -1500; a <= 1500; ++a) {
    const Decimal value = nanos(a * 1'000'000);
    const auto again = Decimal::parse(value.to_string());
    ASSERT_TRUE(again.has_value());
    ASSERT_EQ(*again, value) << value.to_string();
    for (std::int64_t b = -20; b <= 20; ++b) {
      ASSERT_EQ(value + nanos(b), nanos(a * 1'000'000 + b));
      ASSERT_EQ(value - nanos(b), nanos(a * 1'000'000 - b));
      ASSERT_EQ(value * b, nanos(a * 1'000'000 * b));
    }
  }
}

TEST(Decimal, SaturatesInsteadOfWrapping) {
  const Decimal largest = Decimal::from_nanos(kLargestNanos);
  const Decimal smallest = Decimal::from_nanos(-kLargestNanos);
  EXPECT_EQ(largest + nanos(1), largest);
  EXPECT_EQ(smallest - nanos(1), smallest);
  EXPECT_EQ(largest + largest, largest);
  EXPECT_EQ(largest * std::numeric_limits<std::int64_t>::max(), largest);
  EXPECT_EQ(largest * std::numeric_limits<std::int64_t>::min(), smallest);
  EXPECT_EQ(smallest * std::numeric_limits<std::int64_t>::min(), largest);
  EXPECT_EQ(Decimal::from_integer(std::numeric_limits<std::int64_t>::min()), smallest);
}

TEST(Decimal, TakesDoublesToTheNearestNano) {
  EXPECT_EQ(*Decimal::from_double(0.1), nanos(100'000'000));
  EXPECT_EQ(*Decimal::from_double(-1.3), nanos(-1'300'000'000));
  // 2^-10 = 0.0009765625 has ten digits: a tie, which goes to the even 976562.
  EXPECT_EQ(*Decimal::from_double(0x1p-10), nanos(976'562));
  EXPECT_EQ(*Decimal::from_double(3 * 0x1p-10), nanos(2'929'688));
  EXPECT_EQ(*Decimal::from_double(std::numeric_limits<double>::denorm_min()), nanos(0));
  EXPECT_EQ(*Decimal::from_double(-0.0), nanos(0));
  EXPECT_EQ(*Decimal::from_double(0x1p62), Decimal::from_integer(std::int64_t{1} << 62));
  const Decimal largest = Decimal::from_nanos(kLargestNanos);
  EXPECT_EQ(*Decimal::from_double(0x1p63), largest);
  EXPECT_EQ(*Decimal::from_double(std::numeric_limits<double>::max()), largest);
  EXPECT_EQ(*Decimal::from_double(std::numeric_limits<double>::infinity()), largest);
  EXPECT_EQ(*Decimal::from_double(-std::numeric_limits<double>::infinity()),
            Decimal::from_nanos(-kLargestNanos));
  EXPECT_FALSE(Decimal::from_double(std::numeric_limits<double>::quiet_NaN()).has_value());
}

TEST(Decimal, RandomValuesSurviveEveryRoundTrip) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (int i = 0; i < 20'000; ++i) {
    const auto bits = static_cast<int>(random() % 93);
    const Int128 magnitude = ((Int128{static_cast<std::int64_t>(random() >> 1)} << 63) |
                              static_cast<std::int64_t>(random() >> 1)) >>
                             (126 - bits);
    const Decimal value = Decimal::from_nanos(random() % 2 == 0 ? magnitude : -magnitude);
    const auto again = Decimal::parse(value.to_string());
    ASSERT_TRUE(again.has_value()) << value.to_string();
    ASSERT_EQ(*again, value) << value.to_string();
    // A double has 53 bits, so a value of that many nanos comes back unchanged.
    if (bits <= 50) {
      ASSERT_EQ(*Decimal::from_double(value.to_double()), value) << value.to_string();
    }
    ASSERT_EQ(value.to_double(), std::stod(value.to_string())) << value.to_string();
  }
}

}  // namespace
}  // namespace tokenscaler
