// Goal: equal values have the same bytes, which every JSON reader takes for the same value.
#include "json/write.h"

#include <limits>
#include <string>

#include <gtest/gtest.h>

namespace tokenscaler::json {
namespace {

std::string text(const Value& value) {
  return write(value).value();
}

TEST(JsonWrite, SortsMembersAndLeavesNoSpace) {
  EXPECT_EQ(text(Object{{"b", 1}, {"a", Array{true, nullptr}}, {"B", Object{}}}),
            R"({"B":{},"a":[true,null],"b":1})");
}

TEST(JsonWrite, IndentsForPeople) {
  EXPECT_EQ(
      write(Object{{"list", Array{1, Object{{"x", "y"}}}}, {"none", Array{}}}, Layout::Indented)
          .value(),
      "{\n  \"list\": [\n    1,\n    {\n      \"x\": \"y\"\n    }\n  ],\n  \"none\": []\n}");
}

TEST(JsonWrite, GivesNumbersTheirShortestForm) {
  EXPECT_EQ(text(0.1), "0.1");
  EXPECT_EQ(text(5.0), "5.0");
  EXPECT_EQ(text(-0.0), "-0.0");
  EXPECT_EQ(text(1e300), "1e+300");
  EXPECT_EQ(text(std::numeric_limits<double>::denorm_min()), "5e-324");
  EXPECT_EQ(text(std::numeric_limits<std::int64_t>::min()), "-9223372036854775808");
}

TEST(JsonWrite, EscapesWhatRfc8259Asks) {
  EXPECT_EQ(text(std::string("\"\\/\b\f\n\r\t\x01\x1f\x7f\0", 12)),
            "\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f\x7f\\u0000\"");
  EXPECT_EQ(text("ä€😀"), "\"ä€😀\"");
  EXPECT_EQ(text(Object{{"a\"b", 1}}), "{\"a\\\"b\":1}");
}

TEST(JsonWrite, RefusesWhatJsonCannotSay) {
  const Value value =
      Object{{"spec", Array{1, Object{{"rate", std::numeric_limits<double>::quiet_NaN()}}}}};
  EXPECT_EQ(write(value).error().to_string(),
            "spec[1].rate: nan has no JSON form (leave the field out)");
  EXPECT_FALSE(write(-std::numeric_limits<double>::infinity()).has_value());
  EXPECT_EQ(write(Object{{"a.b/c", "x\xff"}}).error().to_string(),
            "[\"a.b/c\"]: \"x?\" is not valid UTF-8 (encode it as UTF-8)");
  EXPECT_FALSE(write(Object{{"\xc3", 1}}).has_value());
}

TEST(JsonObject, KeepsAKeyOnce) {
  Object object{{"a", 1}, {"a", 2}};
  EXPECT_EQ(text(object), R"({"a":2})");
  EXPECT_FALSE(Object::from_members({{"b", 1}, {"a", 1}, {"b", 2}}, object));
  EXPECT_TRUE(object.empty());
  EXPECT_TRUE(Object::from_members({{"b", 1}, {"a", 2}}, object));
  EXPECT_EQ(object.find("a")->integer(), 2);
}

}  // namespace
}  // namespace tokenscaler::json
