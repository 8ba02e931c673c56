// Goal: a plain scalar means what kubectl sends for it, or is refused with a reason.
#include "yaml/scalar.h"

#include <cmath>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include "json/parse.h"
#include "yaml/document.h"

namespace tokenscaler::yaml {
namespace {

// Method: every row that sigs.k8s.io/yaml printed. An error of ours must be one of the two kinds
// that scalar.h names.
TEST(ResolvePlain, MeansWhatItMeansToKubectl) {
  std::ifstream file(TOKENSCALER_SOURCE_DIR "/tests/golden/yaml/scalars.tsv");
  std::string line;
  int rows = 0;
  int refused = 0;
  while (std::getline(file, line)) {
    if (line.starts_with('#')) continue;
    ++rows;
    SCOPED_TRACE(line);
    const std::string scalar = line.substr(0, line.find('\t'));
    const std::string expected = line.substr(line.find('\t') + 1);
    const auto documents = parse("a: " + scalar);
    if (!documents) {
      ++refused;
      const std::string& message = documents.error().message;
      const bool ambiguous = message.find("different numbers") != std::string::npos;
      const bool no_number = message.find("no number") != std::string::npos;
      EXPECT_TRUE(ambiguous || expected == "error") << message;
      EXPECT_TRUE(ambiguous || no_number || scalar == "-") << message;
      continue;
    }
    ASSERT_NE(expected, "error");
    const json::Value* const value = documents->at(0).value.find("a");
    const json::Value wanted = json::parse(expected).value();
    if (const auto number = wanted.number()) {
      EXPECT_EQ(value->number(), number);
      if (std::abs(*number) < 0x1p53) {
        EXPECT_EQ(value->type(), wanted.type());
      }
    } else {
      EXPECT_EQ(*value, wanted);
    }
  }
  EXPECT_GT(rows, 130);
  EXPECT_LT(refused, 40);
}

TEST(ResolvePlain, SaysWhatToDoAboutDoubtfulNumbers) {
  EXPECT_EQ(resolve_plain("010").error().to_string(),
            "010 means different numbers to different YAML readers (write plain decimal digits, or "
            "put it in quotes if it is text)");
  for (const std::string text : {"0x10", "1_000", "0b1", "0o17", "+007", "-0x1", "007.5"}) {
    EXPECT_FALSE(resolve_plain(text).has_value()) << text;
  }
  EXPECT_EQ(resolve_plain("-.inf").error().to_string(),
            "-.inf is no number that can be sent (write a finite number, or put it in quotes if it "
            "is text)");
}

}  // namespace
}  // namespace tokenscaler::yaml
