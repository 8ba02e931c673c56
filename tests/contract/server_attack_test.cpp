// research/cpp.md A.2 on our server: bytes that are no request, or two things at once. Each costs
// its own connection; the process, and every other client, goes on.
#include "contract/server_fixture.h"

namespace tokenscaler::contract {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class AttackedServer : public testing::Test {
 protected:
  std::string exchange(std::string_view bytes, milliseconds wait = milliseconds(3'000)) {
    RawSocket client = RawSocket::connect(server_->port());
    client.send(bytes);
    return client.receive_all(wait);
  }

  void TearDown() override {
    EXPECT_THAT(exchange("GET /alive HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"),
                AllOf(StartsWith("HTTP/1.1 200"), HasSubstr("GET /alive []")));
  }

  std::unique_ptr<http::Server> server_ = serve(test_options(), echo());
};

constexpr const char* kChunkedHead =
    "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";

class RefusedRequest : public AttackedServer, public testing::WithParamInterface<std::string> {};

TEST_P(RefusedRequest, Gets400AndTheConnectionEnds) {
  const std::string answer = exchange(GetParam());
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 400"));
  EXPECT_THAT(answer, HasSubstr("Connection: close"));
  // Nothing behind it was taken for a second request.
  EXPECT_EQ(answer.find("HTTP/1.1", 1), std::string::npos) << answer;
}

INSTANTIATE_TEST_SUITE_P(
    ChunkSizes, RefusedRequest,
    testing::Values(std::string(kChunkedHead) + "-1\r\nabcdef\r\n",
                    std::string(kChunkedHead) + "zz\r\nabcdef\r\n",
                    std::string(kChunkedHead) + "\r\nabcdef\r\n",
                    std::string(kChunkedHead) + "0x6\r\nabcdef\r\n0\r\n\r\n",
                    std::string(kChunkedHead) + " 6\r\nabcdef\r\n0\r\n\r\n",
                    std::string(kChunkedHead) + "fffffffffffffffff\r\nabcdef\r\n",
                    std::string(kChunkedHead) + "6\r\nabcdefgh\r\n0\r\n\r\n",
                    std::string(kChunkedHead) + "6;" + std::string(60'000, 'x')));

INSTANTIATE_TEST_SUITE_P(
    Framing, RefusedRequest,
    testing::Values(
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n"
        "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n"
        "Content-Length: 4\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nContent-Length: 9\r\n\r\nabcd",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nContent-Length: 4\r\n\r\nabcd",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4, 4\r\n\r\nabcd",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\nabcd",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +4\r\n\r\nabcd",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x4\r\n\r\nabcd",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\nabcd",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \r\n\r\nabcd",
        "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX : space before the colon\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n"));

INSTANTIATE_TEST_SUITE_P(
    Heads, RefusedRequest,
    testing::Values("GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
                    "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
                    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "GET / HTTP/9.9\r\nHost: a\r\n\r\n",
                    "GET /\r\n", "\r\n\r\nnonsense\r\n\r\n",
                    "\r\rGET / HTTP/1.1\r\nHost: a\r\n\r\n",
                    "\x16\x03\x01\x02\x01\x01 a ClientHello on a plain port\r\n\r\n",
                    "GET nopath HTTP/1.1\r\nHost: a\r\n\r\n", "GET * HTTP/1.1\r\nHost: a\r\n\r\n",
                    "CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n",
                    "GET /\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n",
                    "G\xc3\xa9T / HTTP/1.1\r\nHost: a\r\n\r\n"));

TEST_F(AttackedServer, OtherEncodingsAreNotImplemented) {
  for (const char* encoding : {"gzip", "gzip, chunked", "chunked, identity", "xchunked"}) {
    EXPECT_THAT(exchange(std::string("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: ") +
                         encoding + "\r\n\r\n0\r\n\r\n"),
                StartsWith("HTTP/1.1 501"))
        << encoding;
  }
}

TEST_F(AttackedServer, ChunkExtensionsAndTrailersAreReadAndDropped) {
  RawSocket client = RawSocket::connect(server_->port());
  client.send(std::string(kChunkedHead) +
              "3;foo=bar\r\nabc\r\n4;q=\"a;b\"\r\ndefg\r\n0\r\nX-Remote-User: admin\r\n\r\n"
              "GET /next HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(client.receive_all(),
              AllOf(HasSubstr("POST /x [abcdefg]"), HasSubstr("GET /next []")));
}

TEST_F(AttackedServer, TrailersDoNotBecomeHeaders) {
  const auto server =
      serve(test_options(), http::answer_with([](const http::Request& request) {
              return http::Response::text(
                  200, request.headers.find("X-Remote-User") ? "smuggled" : "clean");
            }));
  RawSocket client = RawSocket::connect(server->port());
  client.send(std::string(kChunkedHead) + "3\r\nabc\r\n0\r\nX-Remote-User: admin\r\n\r\n");
  EXPECT_THAT(client.receive_until("clean"), HasSubstr("clean"));
}

TEST_F(AttackedServer, PipelinedRequestsAreAnsweredInOrder) {
  std::string three;
  for (const char* path : {"/1", "/2", "/3"}) {
    three += std::string("POST ") + path + " HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n" +
             (path[1] == '3' ? "Connection: close\r\n" : "") + "\r\nxy";
  }
  const std::string answer = exchange(three);
  const auto first = answer.find("POST /1 [xy]");
  const auto second = answer.find("POST /2 [xy]");
  const auto third = answer.find("POST /3 [xy]");
  ASSERT_NE(third, std::string::npos) << answer;
  EXPECT_LT(first, second);
  EXPECT_LT(second, third);
}

TEST_F(AttackedServer, FiveHundredPipelinedRequestsAreAnsweredInBoundedMemory) {
  std::string many;
  for (int i = 0; i < 500; ++i)
    many += "GET /" + std::to_string(i) + " HTTP/1.1\r\nHost: a\r\n\r\n";
  many += "GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
  const std::string answer = exchange(many, milliseconds(10'000));
  EXPECT_THAT(answer, HasSubstr("GET /499 []"));
  EXPECT_THAT(answer, HasSubstr("GET /last []"));
}

TEST_F(AttackedServer, OddHeaderBytesInTwoPacketsDoNotDesynchronise) {
  for (const std::string& odd : {std::string("X-Odd: \xc3\xa9\xff"), std::string("X-Odd: a\tb")}) {
    const std::string request = "GET /odd HTTP/1.1\r\nHost: a\r\n" + odd +
                                "\r\nX-Tail: GET /smuggled HTTP/1.1\r\nConnection: close\r\n\r\n";
    for (std::size_t cut = 30; cut < request.size(); cut += 7) {
      RawSocket client = RawSocket::connect(server_->port());
      client.send(request.substr(0, cut));
      pass(milliseconds(2));
      client.send(request.substr(cut));
      const std::string answer = client.receive_all();
      EXPECT_THAT(answer, HasSubstr("GET /odd []"));
      EXPECT_EQ(answer.find("HTTP/1.1", 1), std::string::npos) << answer;
    }
  }
}

TEST_F(AttackedServer, ARequestByteByByteIsOneRequest) {
  RawSocket client = RawSocket::connect(server_->port());
  const std::string request =
      std::string(kChunkedHead) + "3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nT: r\r\n\r\n";
  for (const char byte : request) client.send(std::string_view(&byte, 1));
  EXPECT_THAT(client.receive_until("]\n"), HasSubstr("POST /x [abcde]"));
}

TEST_F(AttackedServer, ContinueIsSentBeforeTheBody) {
  RawSocket client = RawSocket::connect(server_->port());
  client.send("POST /x HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
  EXPECT_EQ(client.receive_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("abc");
  EXPECT_THAT(client.receive_until("]\n"), HasSubstr("POST /x [abc]"));
  client.send("GET / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\n\r\n");
  EXPECT_THAT(client.receive_all(), StartsWith("HTTP/1.1 417"));
}

TEST_F(AttackedServer, ContinueIsNotSentForABodyThatIsTooLarge) {
  EXPECT_THAT(exchange("POST /x HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
                       "Content-Length: 99999999\r\n\r\n"),
              StartsWith("HTTP/1.1 413"));
}

TEST_F(AttackedServer, HeadHasTheLengthAndNoBody) {
  const std::string answer = exchange("HEAD /h HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(answer, HasSubstr("Content-Length: 11\r\n"));  // `HEAD /h []\n`
  EXPECT_TRUE(answer.ends_with("\r\n\r\n")) << answer;
}

TEST_F(AttackedServer, Http10IsAnsweredAndClosed) {
  EXPECT_THAT(exchange("GET /old HTTP/1.0\r\n\r\n"), HasSubstr("GET /old []"));
}

TEST_F(AttackedServer, AbsoluteTargetsAreBroughtIntoOriginForm) {
  EXPECT_THAT(exchange("GET http://a/p?q HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"),
              HasSubstr("GET /p?q []"));
  EXPECT_THAT(exchange("GET http://a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"),
              HasSubstr("GET / []"));
}

TEST_F(AttackedServer, AHalfClosedClientStillGetsItsAnswer) {
  RawSocket client = RawSocket::connect(server_->port());
  client.send("GET /half HTTP/1.1\r\nHost: a\r\n\r\n");
  client.finish_sending();
  EXPECT_THAT(client.receive_all(), HasSubstr("GET /half []"));
}

TEST_F(AttackedServer, TruncatedRequestsNeverReachTheHandler) {
  std::atomic<int> handled{0};
  const auto server = serve(test_options(), http::answer_with([&](const http::Request&) {
                              ++handled;
                              return http::Response::text(200, "");
                            }));
  for (const std::string& part :
       {std::string("GET / HTTP/1.1\r\nHost: a\r\n"),
        std::string("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf"),
        std::string(kChunkedHead) + "9\r\nhalf", std::string(kChunkedHead) + "4\r\nhalf\r\n"}) {
    RawSocket client = RawSocket::connect(server->port());
    client.send(part);
    client.finish_sending();
    EXPECT_TRUE(client.closed_within(milliseconds(2'000)));
  }
  EXPECT_EQ(handled, 0);
}

TEST_F(AttackedServer, AHandlerThatThrowsAnswers500) {
  Reports reports;
  auto options = test_options();
  options.report = reports.sink();
  const auto server = serve(options, [](const http::Request& request, http::Responder) {
    if (request.path() == "/odd") throw 42;
    throw std::runtime_error("no such thing");
  });
  const auto client = make_client();
  for (int i = 0; i < 20; ++i) {
    const auto response = client->send(get(server->url() + (i % 2 == 0 ? "/odd" : "/")), {});
    ASSERT_TRUE(response) << response.error().to_string();
    EXPECT_EQ(response->status, 500);
    EXPECT_THAT(response->body, Not(HasSubstr("no such thing")));  // Not the client's business.
  }
  EXPECT_TRUE(eventually([&] { return reports.texts().size() == 20; }));
  EXPECT_THAT(reports.texts().back(), HasSubstr("handler threw"));
}

TEST_F(AttackedServer, ResponseHeadersCannotBeInjected) {
  const auto server = serve(
      test_options(), http::answer_with([](const http::Request& request) {
        auto response = http::Response::text(200, "body");
        response.headers.add("X-Echo", request.path() == "/bad" ? "a\r\nSet-Cookie: b" : "fine");
        response.headers.add("Content-Length", "999");
        response.headers.add("Transfer-Encoding", "chunked");
        return response;
      }));
  const auto client = make_client();
  const auto bad = client->send(get(server->url() + "/bad"), {});
  ASSERT_TRUE(bad);
  EXPECT_EQ(bad->status, 500);
  EXPECT_FALSE(bad->headers.find("Set-Cookie"));
  const auto good = client->send(get(server->url() + "/good"), {});
  ASSERT_TRUE(good);
  EXPECT_EQ(good->headers.find("Content-Length"), "4");
  EXPECT_EQ(good->body, "body");
}

TEST_F(AttackedServer, Ipv6AndDoubleStackListenersWork) {
  auto options = test_options();
  options.address = "::";
  const auto server = serve(options, echo());
  for (const char* host : {"127.0.0.1", "::1"}) {
    RawSocket client = RawSocket::connect(server->port(), host);
    ASSERT_TRUE(client.connected()) << host;
    client.send("GET /six HTTP/1.1\r\nHost: [::1]:80\r\n\r\n");
    EXPECT_THAT(client.receive_until("]\n"), HasSubstr("GET /six []"));
  }
}

TEST_F(AttackedServer, BadAddressesAndTakenPortsAreErrors) {
  auto options = test_options();
  options.address = "localhost";
  auto wrong = http::Server::start(options, echo());
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code, ErrorCode::Invalid);
  options.address = "127.0.0.1";
  options.port = server_->port();
  auto taken = http::Server::start(options, echo());
  ASSERT_FALSE(taken);
  EXPECT_THAT(taken.error().to_string(), HasSubstr("in use"));
}

}  // namespace
}  // namespace tokenscaler::contract
