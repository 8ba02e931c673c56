#include "http/url.h"

#include <gtest/gtest.h>

namespace tokenscaler::http {
namespace {

TEST(RedactedUrlTest, LeavesOutWhatMayBeSecret) {
  EXPECT_EQ(redacted_url("https://prom.example:9090/api/v1/query?query=up&token=t#f"),
            "https://prom.example:9090/api/v1/query");
  EXPECT_EQ(redacted_url("http://user:pass@host/p"), "http://host/p");
  EXPECT_EQ(redacted_url("http://user:p@ss:w@host/p"), "http://host/p");
  EXPECT_EQ(redacted_url("http://user:pass@[::1]:80"), "http://[::1]:80");
  EXPECT_EQ(redacted_url("http://user:pass@host?x@y"), "http://host");
  EXPECT_EQ(redacted_url("user:pass@host/p"), "host/p");
  EXPECT_EQ(redacted_url("http://host/a@b"), "http://host/a@b");
  EXPECT_EQ(redacted_url(""), "");
  EXPECT_EQ(redacted_url("http://"), "http://");
}

TEST(RedactedUrlTest, IsOnePrintableLineOfBoundedLength) {
  EXPECT_EQ(redacted_url("http://h/a\r\nb\xff"), "http://h/a??b?");
  EXPECT_LT(redacted_url("http://h/" + std::string(100'000, 'x')).size(), 400U);
}

TEST(PrintableTest, ReplacesAndCuts) {
  EXPECT_EQ(printable("a\tb\x7f", 10), "a?b?");
  EXPECT_EQ(printable("abcdef", 3), "abc...");
}

}  // namespace
}  // namespace tokenscaler::http
