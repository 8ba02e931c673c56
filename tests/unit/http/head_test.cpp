#include "http/head.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tokenscaler::http {
namespace {

using testing::HasSubstr;
using testing::Not;

RequestHead head_of(std::string method, std::string target, Headers headers, int version = 11) {
  return {version, std::move(method), std::move(target), std::move(headers)};
}

int status_of(RequestHead head) {
  const auto rejection = check_request_head(head);
  return rejection ? rejection->status : 200;
}

TEST(RequestHeadTest, HostIsNeededOnceWithHttp11) {
  EXPECT_EQ(status_of(head_of("GET", "/", {{"Host", "a"}})), 200);
  EXPECT_EQ(status_of(head_of("GET", "/", {{"Host", "[::1]:80"}})), 200);
  EXPECT_EQ(status_of(head_of("GET", "/", {{"Host", ""}})), 200);
  EXPECT_EQ(status_of(head_of("GET", "/", {})), 400);
  EXPECT_EQ(status_of(head_of("GET", "/", {}, 10)), 200);
  EXPECT_EQ(status_of(head_of("GET", "/", {{"Host", "a"}, {"host", "a"}})), 400);
  for (const char* bad : {"a/b", "a b", "a?b", "a#b", "a@b", "a\\b", "<a>"}) {
    EXPECT_EQ(status_of(head_of("GET", "/", {{"Host", bad}})), 400) << bad;
  }
}

TEST(RequestHeadTest, FramingThatOthersReadDifferentlyIsRefused) {
  const auto framed = [](Headers headers) {
    headers.add("Host", "a");
    return status_of(head_of("POST", "/", std::move(headers)));
  };
  EXPECT_EQ(framed({{"Content-Length", "0"}}), 200);
  EXPECT_EQ(framed({{"Transfer-Encoding", "chunked"}}), 200);
  EXPECT_EQ(framed({{"Transfer-Encoding", "Chunked"}}), 200);
  EXPECT_EQ(framed({{"Content-Length", "1"}, {"Transfer-Encoding", "chunked"}}), 400);
  EXPECT_EQ(framed({{"Content-Length", "1"}, {"Content-Length", "1"}}), 400);
  EXPECT_EQ(framed({{"Content-Length", "1, 1"}}), 400);
  EXPECT_EQ(framed({{"Content-Length", "+1"}}), 400);
  EXPECT_EQ(framed({{"Transfer-Encoding", "gzip, chunked"}}), 501);
  EXPECT_EQ(framed({{"Transfer-Encoding", "chunked"}, {"Transfer-Encoding", "chunked"}}), 501);
}

TEST(RequestHeadTest, TargetsComeInOriginForm) {
  const auto target = [](std::string text) {
    auto head = head_of("GET", std::move(text), {{"Host", "a"}});
    return check_request_head(head) ? std::string("refused") : head.target;
  };
  EXPECT_EQ(target("/a?b"), "/a?b");
  EXPECT_EQ(target("http://a/b?c"), "/b?c");
  EXPECT_EQ(target("HTTPS://a"), "/");
  EXPECT_EQ(target("http://a?b"), "/?b");
  EXPECT_EQ(target("*"), "refused");
  EXPECT_EQ(target("a:80"), "refused");
  EXPECT_EQ(target("/\xff"), "refused");
  EXPECT_EQ(status_of(head_of("OPTIONS", "*", {{"Host", "a"}})), 200);
}

TEST(RequestHeadTest, OnlyOneExpectationIsKnown) {
  EXPECT_TRUE(expects_continue(head_of("POST", "/", {{"Expect", "100-Continue"}})));
  EXPECT_FALSE(expects_continue(head_of("POST", "/", {{"Expect", "100-continue"}}, 10)));
  EXPECT_EQ(status_of(head_of("POST", "/", {{"Host", "a"}, {"Expect", "tea"}})), 417);
}

TEST(ResponseHeadTest, IsWrittenExactly) {
  const Headers headers{{"Content-Type", "text/plain"}};
  ResponseHead head;
  head.headers = &headers;
  head.content_length = 5;
  // RFC 9110 5.6.7's own example of a date: 784111777 s.
  const WallTime now{std::chrono::seconds(784'111'777)};
  EXPECT_EQ(format_response_head(head, now),
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
            "Content-Length: 5\r\n\r\n");
}

TEST(ResponseHeadTest, FramingIsTheServersOwn) {
  const Headers headers{
      {"content-length", "9"}, {"Transfer-Encoding", "x"}, {"Connection", "y"}, {"Date", "z"}};
  ResponseHead head;
  head.status = 299;
  head.headers = &headers;
  head.framing = BodyFraming::Chunked;
  head.close = true;
  const std::string text = format_response_head(head, WallTime{});
  EXPECT_THAT(text, HasSubstr("HTTP/1.1 299 "));
  EXPECT_THAT(text, HasSubstr("Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"));
  for (const char* theirs : {"9", ": x", ": y", ": z"})
    EXPECT_THAT(text.substr(20), Not(HasSubstr(std::string(theirs) + "\r\n")));
}

TEST(ResponseHeadTest, UnsendableIsKnown) {
  EXPECT_TRUE(is_sendable(200, {{"A", "b"}}));
  EXPECT_FALSE(is_sendable(199, {}));
  EXPECT_FALSE(is_sendable(600, {}));
  EXPECT_FALSE(is_sendable(200, {{"A", "b\r\nC: d"}}));
  EXPECT_FALSE(is_sendable(200, {{"A B", "c"}}));
  EXPECT_TRUE(status_forbids_body(204));
  EXPECT_TRUE(status_forbids_body(304));
  EXPECT_FALSE(status_forbids_body(200));
}

}  // namespace
}  // namespace tokenscaler::http
