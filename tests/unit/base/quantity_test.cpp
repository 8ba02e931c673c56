// Goal: Quantity agrees with k8s.io/apimachinery on every row that its own code printed, except in
// the three places which quantity.h names.
#include "base/quantity.h"

#include <array>
#include <fstream>
#include <limits>
#include <map>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace tokenscaler {
namespace {

struct Row {
  int line = 0;
  std::string input;
  bool ok = false;
  std::string canonical;
  std::string format;
  std::string nanos;
};

/// Undoes Go's %q for the escapes that occur in the file.
std::string unquote(const std::string& quoted) {
  std::string text;
  for (std::size_t i = 1; i + 1 < quoted.size(); ++i) {
    if (quoted[i] != '\\') {
      text += quoted[i];
    } else if (quoted.compare(i, 6, "\\u00a0") == 0) {
      text += "\xc2\xa0";
      i += 5;
    } else if (quoted[++i] == 'n') {
      text += '\n';
    } else {
      ADD_FAILURE() << "unknown escape in " << quoted;
    }
  }
  return text;
}

std::vector<Row> golden_rows() {
  std::ifstream file(TOKENSCALER_SOURCE_DIR "/tests/golden/quantity/quantity.tsv");
  std::vector<Row> rows;
  std::string line;
  for (int number = 1; std::getline(file, line); ++number) {
    if (line.starts_with('#')) continue;
    std::stringstream columns(line);
    std::string input;
    std::string result;
    Row row;
    std::getline(columns, input, '\t');
    std::getline(columns, result, '\t');
    std::getline(columns, row.canonical, '\t');
    std::getline(columns, row.format, '\t');
    std::getline(columns, row.nanos, '\t');
    row.line = number;
    row.input = unquote(input);
    row.ok = result == "ok";
    rows.push_back(row);
  }
  return rows;
}

std::string print(Int128 value) {
  std::string text;
  for (Int128 rest = value < 0 ? -value : value; rest != 0; rest /= 10) {
    text.insert(text.begin(), static_cast<char>('0' + static_cast<int>(rest % 10)));
  }
  if (text.empty()) return "0";
  return value < 0 ? "-" + text : text;
}

std::string name(Quantity::Format format) {
  switch (format) {
    case Quantity::Format::DecimalSi:
      return "DecimalSI";
    case Quantity::Format::BinarySi:
      return "BinarySI";
    case Quantity::Format::DecimalExponent:
      return "DecimalExponent";
  }
  return "";
}

/// apimachinery holds more than its documented cap of 2^63 - 1, which has 19 digits, and nine of
/// nanos.
bool beyond_cap(const Row& row) {
  if (row.nanos == "huge") return true;
  const std::string largest = "9223372036854775807000000000";
  const std::string magnitude = row.nanos.substr(row.nanos.starts_with('-') ? 1 : 0);
  return magnitude.size() > largest.size() ||
         (magnitude.size() == largest.size() && magnitude > largest);
}

/// Whether a digit stands before the suffix.
bool has_digit(const std::string& text) {
  const std::size_t first = text.find_first_not_of("+-.");
  return first != std::string::npos && text[first] >= '0' && text[first] <= '9';
}

TEST(QuantityGolden, AgreesWithApimachinery) {
  const std::vector<Row> rows = golden_rows();
  ASSERT_GT(rows.size(), 1500U) << "tests/golden/quantity/quantity.tsv is missing or cut";
  int errors = 0;
  int capped = 0;
  for (const Row& row : rows) {
    SCOPED_TRACE("quantity.tsv:" + std::to_string(row.line) + ": \"" + row.input + '"');
    const auto quantity = Quantity::parse(row.input);
    const bool wraps_there = row.input.starts_with("1e429496729");
    if (!row.ok || !has_digit(row.input) || wraps_there) {
      EXPECT_FALSE(quantity.has_value());
      ++errors;
      continue;
    }
    ASSERT_TRUE(quantity.has_value()) << quantity.error().to_string();
    EXPECT_EQ(name(quantity->format()), row.format);
    if (beyond_cap(row)) {
      const bool negative = row.input.starts_with('-');
      EXPECT_EQ(quantity->to_string(), negative ? "-9223372036854775807" : "9223372036854775807");
      ++capped;
      continue;
    }
    EXPECT_EQ(print(quantity->value().nanos()), row.nanos);
    EXPECT_EQ(quantity->to_string(), row.canonical);
    const auto again = Quantity::parse(quantity->to_string());
    ASSERT_TRUE(again.has_value());
    EXPECT_EQ(again->value(), quantity->value());
    EXPECT_EQ(again->to_string(), quantity->to_string());
  }
  EXPECT_GT(errors, 60);
  EXPECT_GT(capped, 20);
}

TEST(Quantity, EveryErrorNamesTheTextAndTheSuffixes) {
  for (const std::string text : {"", "1K", "1.2.3", "60s", "NaN", "1e+-3", "."}) {
    const auto quantity = Quantity::parse(text);
    ASSERT_FALSE(quantity.has_value()) << text;
    EXPECT_EQ(quantity.error().code, ErrorCode::Invalid);
    EXPECT_EQ(quantity.error().message, '"' + text + "\" is not a quantity");
    EXPECT_NE(quantity.error().advice.find("Ki, Mi, Gi"), std::string::npos);
  }
}

TEST(Quantity, HostileTextsEndAtOnce) {
  // apimachinery computes ten to the power of two thousand million here.
  EXPECT_EQ(Quantity::parse("1e-2147483647")->to_string(), "1e-9");
  EXPECT_EQ(Quantity::parse("-1e-2147483648")->to_string(), "-1e-9");
  EXPECT_FALSE(Quantity::parse("1e2147483648").has_value());
  EXPECT_FALSE(Quantity::parse(std::string(257, '1')).has_value());
  EXPECT_EQ(Quantity::parse(std::string(256, '9'))->to_string(), "9223372036854775807");
  EXPECT_FALSE(Quantity::parse(std::string("1\0", 2)).has_value());
  // NOLINTNEXTLINE(bugprone-string-constructor): it is meant to be large
  const auto huge = Quantity::parse(std::string(10'000'000, 'x'));
  EXPECT_LT(huge.error().to_string().size(), 1000U);
}

// Method: every multiple of 1m from -3000m to 3000m, written in each family.
TEST(Quantity, EverySmallValueSurvivesPrinting) {
  using Format = Quantity::Format;
  for (std::int64_t milli = -3000; milli <= 3000; ++milli) {
    for (const Format format : {Format::DecimalSi, Format::BinarySi, Format::DecimalExponent}) {
      for (const std::int64_t scale : {1LL, 1024LL, 1024LL * 1024}) {
        const Quantity quantity(Decimal::from_nanos(Int128{milli} * 1'000'000 * scale), format);
        const auto again = Quantity::parse(quantity.to_string());
        ASSERT_TRUE(again.has_value()) << quantity.to_string();
        ASSERT_EQ(again->value(), quantity.value()) << quantity.to_string();
      }
    }
  }
}

TEST(Quantity, RandomValuesSurvivePrinting) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  using Format = Quantity::Format;
  constexpr std::array<Format, 3> kFormats{Format::DecimalSi, Format::BinarySi,
                                           Format::DecimalExponent};
  for (int i = 0; i < 20'000; ++i) {
    const auto shift = static_cast<int>(random() % 93);
    const Int128 magnitude = (Int128{static_cast<std::int64_t>(random() >> 1)} << 30) >> shift;
    const Decimal value = Decimal::from_nanos(random() % 2 == 0 ? magnitude : -magnitude);
    const Quantity quantity(value, kFormats.at(random() % 3));
    const auto again = Quantity::parse(quantity.to_string());
    ASSERT_TRUE(again.has_value()) << quantity.to_string();
    ASSERT_EQ(again->value(), value) << quantity.to_string();
    ASSERT_EQ(again->to_string(), quantity.to_string());
  }
}

}  // namespace
}  // namespace tokenscaler
