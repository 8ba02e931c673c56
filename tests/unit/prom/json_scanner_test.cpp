#include "prom/json_scanner.h"

#include <gtest/gtest.h>

namespace tokenscaler::prom {
namespace {

bool accepts(std::string_view text) {
  JsonScanner scanner(text);
  return scanner.skip() && scanner.at_end();
}

TEST(JsonScanner, AcceptsWhatTheGrammarAllows) {
  for (const char* text : {"{}", "[]", " [ 1 , -0.5e+3 , 0 ] ",
                           R"({"a":{"b":[null,true,false,"x"]}})", "\"\\u00e9\""}) {
    EXPECT_TRUE(accepts(text)) << text;
  }
}

TEST(JsonScanner, RefusesWhatItForbids) {
  for (const char* text : {"",
                           "{",
                           "[1,]",
                           "[,1]",
                           "[1 2]",
                           "{\"a\"}",
                           "{\"a\":}",
                           "{\"a\":1,}",
                           "01",
                           "1.",
                           "-",
                           "1e",
                           "+1",
                           ".5",
                           "NaN",
                           "Infinity",
                           "tru",
                           "nul",
                           "\"\\x\"",
                           "\"\\u12\"",
                           "\"\\ud800\"",
                           "\"\\udc00\"",
                           "\"a\nb\"",
                           "[1] x",
                           "{'a':1}",
                           "{\"a\":1 \"b\":2}",
                           "]",
                           "}"}) {
    EXPECT_FALSE(accepts(text)) << text;
  }
}

TEST(JsonScanner, DecodesEscapes) {
  JsonScanner scanner(R"("a\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00")");
  std::string value;
  ASSERT_TRUE(scanner.read_string(value)) << scanner.error();
  EXPECT_EQ(value, "a\"\\/\b\f\n\r\t\xC3\xA9\xF0\x9F\x98\x80");
}

TEST(JsonScanner, BoundsDepth) {
  const std::string deep(10'000, '[');
  JsonScanner scanner(deep);
  EXPECT_FALSE(scanner.skip());
  EXPECT_EQ(scanner.error(), "too deep a nesting is at byte 33");
}

TEST(JsonScanner, TellsTruncationFromNonsense) {
  JsonScanner cut("{\"a\":[1,2");
  EXPECT_FALSE(cut.skip());
  EXPECT_TRUE(cut.truncated());
  JsonScanner wrong("{\"a\":[1;2]}");
  EXPECT_FALSE(wrong.skip());
  EXPECT_FALSE(wrong.truncated());
}

}  // namespace
}  // namespace tokenscaler::prom
