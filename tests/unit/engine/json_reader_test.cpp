#include "engine/json_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tokenscaler::engine {
namespace {

TEST(JsonReader, ReadsEveryKindOfValue) {
  const auto document = read_json(
      R"( {"n": null, "t": true, "f": false, "i": -12, "d": 1.5e2, "s": "a\"\\\/\u00e4\ud83d\ude00\n", "a": [1, [], {}]} )");
  ASSERT_TRUE(document) << document.error().to_string();
  EXPECT_TRUE(document->find("n")->is_null());
  EXPECT_EQ(document->find("t")->boolean(), true);
  EXPECT_EQ(document->find("f")->boolean(), false);
  EXPECT_EQ(document->find("i")->integer(), -12);
  EXPECT_EQ(document->find("d")->integer(), 150);
  EXPECT_EQ(*document->find("s")->string(), "a\"\\/\xC3\xA4\xF0\x9F\x98\x80\n");
  EXPECT_EQ(document->find("a")->array()->size(), 3U);
  EXPECT_EQ(document->find("missing"), nullptr);
}

TEST(JsonReader, TellsKindsApart) {
  const auto document = read_json(R"({"s": "1", "d": 1.5, "big": 1e17})");
  ASSERT_TRUE(document);
  EXPECT_EQ(document->find("s")->integer(), std::nullopt);
  EXPECT_EQ(document->find("d")->integer(), std::nullopt);
  EXPECT_EQ(document->find("big")->integer(), std::nullopt);  // a double does not hold it exactly
  EXPECT_EQ(document->find("d")->array(), nullptr);
  EXPECT_EQ(document->find("d")->find("x"), nullptr);
}

TEST(JsonReader, TheLastOfEqualMembersCounts) {
  EXPECT_EQ(read_json(R"({"a":1,"a":2})")->find("a")->integer(), 2);
}

class BrokenJson : public testing::TestWithParam<std::string> {};

TEST_P(BrokenJson, IsRefusedWithItsPlace) {
  const auto document = read_json(GetParam());
  ASSERT_FALSE(document) << GetParam();
  EXPECT_THAT(document.error().message, testing::HasSubstr("at byte"));
}

INSTANTIATE_TEST_SUITE_P(All, BrokenJson,
                         testing::Values("", "{", "[1,", "[1,]", "{\"a\":1,}", "{\"a\" 1}", "{a:1}",
                                         "nul", "truex", "01", "-", "1.2.3", "1e999", "\"open",
                                         "\"\\q\"", "\"\\u12\"", "\"\\ud83d\"", "\"\\ude00\"",
                                         "\"a\nb\"", "1 2", std::string(1000, '['),
                                         std::string("\"a\0b\"", 5)));

TEST(JsonQuoted, EscapesWhatMustBe) {
  EXPECT_EQ(json_quoted("a\"b\\c\n\x01"), R"("a\"b\\c\u000a\u0001")");
  EXPECT_EQ(*read_json(json_quoted("a\"b\\c\n\x01"))->string(), "a\"b\\c\n\x01");
}

}  // namespace
}  // namespace tokenscaler::engine
