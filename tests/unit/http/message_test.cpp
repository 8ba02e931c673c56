#include "http/message.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tokenscaler::http {
namespace {

using testing::ElementsAre;

TEST(HeadersTest, FindsWithoutCaseAndInOrder) {
  Headers headers{{"Accept", "a"}, {"X-Name", "first"}};
  headers.add("x-nAME", "second");
  EXPECT_EQ(headers.find("X-NAME"), "first");
  EXPECT_THAT(headers.find_all("x-name"), ElementsAre("first", "second"));
  EXPECT_EQ(headers.find("X-Nam"), std::nullopt);
  EXPECT_EQ(headers.find(""), std::nullopt);
  EXPECT_EQ(headers.size(), 3U);
}

TEST(HeadersTest, RemovesEveryOne) {
  Headers headers{{"A", "1"}, {"b", "2"}, {"a", "3"}};
  headers.remove("A");
  EXPECT_EQ(headers, (Headers{{"b", "2"}}));
}

TEST(HeadersTest, EmptyValuesAreValues) {
  const Headers headers{{"A", ""}};
  EXPECT_EQ(headers.find("a"), "");
}

TEST(TokenTest, FollowsRfc9110) {
  EXPECT_TRUE(is_token("GET"));
  EXPECT_TRUE(is_token("!#$%&'*+-.^_`|~09azAZ"));
  for (const std::string_view bad :
       {"", "a b", "a:b", "a\r", "a/b", "(a)", "a,b", "\"a\"", "\xc3\xa9"}) {
    EXPECT_FALSE(is_token(bad)) << bad;
  }
  EXPECT_FALSE(is_token(std::string_view("a\0b", 3)));
}

/// Every byte, with the rule written another way: RFC 9110 5.5 field-vchar, SP, HTAB, obs-text.
TEST(HeaderValueTest, AllowsWhatCannotEndAHeader) {
  for (int byte = 0; byte < 256; ++byte) {
    const char text = static_cast<char>(byte);
    const bool allowed = byte == 0x09 || (byte >= 0x20 && byte <= 0x7E) || byte >= 0x80;
    EXPECT_EQ(is_header_value(std::string_view(&text, 1)), allowed) << byte;
  }
}

}  // namespace
}  // namespace tokenscaler::http
