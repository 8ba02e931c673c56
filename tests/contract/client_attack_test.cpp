// research/cpp.md A.1 on our client: hostile and broken servers. Each costs its one call, within
// its deadline and a stated amount of memory, and the client goes on to serve the next call.
#include <array>
#include <cstdint>

#include "contract/client_fixture.h"

namespace tokenscaler::contract {
namespace {

using testing::HasSubstr;
using testing::Not;

class HostileServer : public testing::Test {
 protected:
  Result<http::ClientResponse> call(const std::string& answer,
                                    milliseconds total = milliseconds(3'000)) {
    const RawServer server(answer_once(answer));
    return client_->send(get(server.url() + "/x", total), {});
  }

  /// The client is unhurt: the same object serves a proper server.
  void TearDown() override {
    const auto healthy = call("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    ASSERT_TRUE(healthy) << healthy.error().to_string();
    EXPECT_EQ(healthy->body, "ok");
  }

  std::unique_ptr<http::Client> client_ = make_client();
};

class HostileChunkSize : public HostileServer, public testing::WithParamInterface<const char*> {};

TEST_P(HostileChunkSize, IsAnError) {
  const auto response = call(std::string("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n") +
                             GetParam() + "\r\nabcdef\r\n");
  ASSERT_FALSE(response) << "body: " << response->body;
  EXPECT_THAT(response.error().where, HasSubstr("/x"));
}

INSTANTIATE_TEST_SUITE_P(Sizes, HostileChunkSize,
                         testing::Values("-1", "zz", "", "ffffffffffffffff", "7fffffffffffffff",
                                         "8000000000000000", "fffffffffffffffffffffffffffffffff",
                                         "0x10", "7fffffff"));

TEST_F(HostileServer, HugeChunkThatKeepsSendingEndsAtTheBodyLimit) {
  const RawServer server([](RawSocket& socket, const std::stop_token& stop) {
    static_cast<void>(socket.receive_until("\r\n\r\n"));
    socket.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7fffffff\r\n");
    flood(socket, std::string(64 * 1024, 'x'), 300 * kMiB, stop);
  });
  auto request = get(server.url());
  request.limits.max_body_bytes = kMiB;
  const MemoryGrowth growth;
  EXPECT_THAT(client_->send(request, {}),
              FailsWith(ErrorCode::LimitExceeded, "larger than 1048576"));
  EXPECT_LT(growth.bytes(), 8 * kMiB);
}

TEST_F(HostileServer, EndlessHeadersEndAtTheirLimit) {
  const RawServer server([](RawSocket& socket, const std::stop_token& stop) {
    static_cast<void>(socket.receive_until("\r\n\r\n"));
    socket.send("HTTP/1.1 200 OK\r\n");
    flood(socket, "X-Filler: " + std::string(1000, 'x') + "\r\n", 300 * kMiB, stop);
  });
  const MemoryGrowth growth;
  EXPECT_THAT(client_->send(get(server.url()), {}),
              FailsWith(ErrorCode::LimitExceeded, "headers are larger than 65536"));
  EXPECT_LT(growth.bytes(), 8 * kMiB);
}

TEST_F(HostileServer, OneEndlessHeaderLineEnds) {
  const RawServer server([](RawSocket& socket, const std::stop_token& stop) {
    static_cast<void>(socket.receive_until("\r\n\r\n"));
    socket.send("HTTP/1.1 200 OK\r\nX-Filler: ");
    flood(socket, std::string(64 * 1024, 'x'), 300 * kMiB, stop);
  });
  const MemoryGrowth growth;
  ASSERT_FALSE(client_->send(get(server.url()), {}));
  EXPECT_LT(growth.bytes(), 8 * kMiB);
}

TEST_F(HostileServer, EndlessInterimResponsesEndAtTheHeaderLimit) {
  const RawServer server([](RawSocket& socket, const std::stop_token& stop) {
    static_cast<void>(socket.receive_until("\r\n\r\n"));
    flood(socket, "HTTP/1.1 100 Continue\r\n\r\n", 300 * kMiB, stop);
  });
  EXPECT_THAT(client_->send(get(server.url()), {}), FailsWith(ErrorCode::LimitExceeded, "headers"));
}

TEST_F(HostileServer, EndlessTrailersEndAtTheHeaderLimit) {
  const RawServer server([](RawSocket& socket, const std::stop_token& stop) {
    static_cast<void>(socket.receive_until("\r\n\r\n"));
    socket.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n");
    flood(socket, "X-Filler: " + std::string(1000, 'x') + "\r\n", 300 * kMiB, stop);
  });
  const MemoryGrowth growth;
  ASSERT_FALSE(client_->send(get(server.url()), {}));
  EXPECT_LT(growth.bytes(), 8 * kMiB);
}

TEST_F(HostileServer, EndlessBodyEndsAtItsLimit) {
  const RawServer server([](RawSocket& socket, const std::stop_token& stop) {
    static_cast<void>(socket.receive_until("\r\n\r\n"));
    socket.send("HTTP/1.1 200 OK\r\n\r\n");  // Until the connection closes.
    flood(socket, std::string(64 * 1024, 'x'), 300 * kMiB, stop);
  });
  auto request = get(server.url());
  request.limits.max_body_bytes = 2 * kMiB;
  const MemoryGrowth growth;
  EXPECT_THAT(client_->send(request, {}),
              FailsWith(ErrorCode::LimitExceeded, "larger than 2097152"));
  EXPECT_LT(growth.bytes(), 12 * kMiB);
}

TEST_F(HostileServer, AnnouncedBodyBeyondTheLimitIsRefusedBeforeItIsRead) {
  const Stopwatch watch;
  EXPECT_THAT(call("HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\nx"),
              FailsWith(ErrorCode::LimitExceeded, "larger than"));
  EXPECT_LT(watch.elapsed(), milliseconds(2'000));
}

/// Bits of a deflate stream (RFC 1951 3.1.1): Huffman codes go in from their first bit.
class DeflateBits {
 public:
  void code(unsigned bits, int count) {
    for (int i = count - 1; i >= 0; --i) push((bits >> i) & 1U);
  }
  [[nodiscard]] const std::string& bytes() const { return bytes_; }

 private:
  void push(unsigned bit) {
    if (used_ == 0) bytes_.push_back('\0');
    bytes_.back() = static_cast<char>(static_cast<unsigned char>(bytes_.back()) | (bit << used_));
    used_ = (used_ + 1) % 8;
  }
  std::string bytes_;
  unsigned used_ = 0;
};

/// A gzip member that unpacks to `matches` x 258 bytes, 13 bits for each: one literal, then matches
/// of length 258 at distance 1 with the fixed codes of RFC 1951 3.2.6.
std::string gzip_bomb(int matches) {
  DeflateBits bits;
  bits.code(1, 1);           // The last block.
  bits.code(0b10, 2);        // Fixed codes; the type's lower bit comes first.
  bits.code(0b00110000, 8);  // The literal 0.
  for (int i = 0; i < matches; ++i) {
    bits.code(0b11000101, 8);  // Length symbol 285: 258 bytes.
    bits.code(0, 5);           // Distance symbol 0: distance 1.
  }
  return std::string("\x1f\x8b\x08\0\0\0\0\0\0\xff", 10) + bits.bytes();
}

TEST_F(HostileServer, DecompressionBombEndsAtTheBodyLimit) {
  const std::string bomb = gzip_bomb(1'000'000);  // 1.6 MB become 258 MB.
  const RawServer server(
      answer_once("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: " +
                  std::to_string(bomb.size()) + "\r\n\r\n" + bomb));
  auto request = get(server.url());
  request.limits.max_body_bytes = 4 * kMiB;
  const MemoryGrowth growth;
  EXPECT_THAT(client_->send(request, {}),
              FailsWith(ErrorCode::LimitExceeded, "larger than 4194304"));
  EXPECT_LT(growth.bytes(), 16 * kMiB);
}

TEST_F(HostileServer, GarbledCompressionIsAnError) {
  EXPECT_THAT(call("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 6\r\n\r\nnogzip"),
              FailsWith(ErrorCode::Internal, "not valid HTTP"));
}

TEST_F(HostileServer, TruncatedBodyIsNeverAWholeOne) {
  EXPECT_THAT(call("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"),
              FailsWith(ErrorCode::Unavailable, "truncated"));
  ASSERT_FALSE(call("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"));
  ASSERT_FALSE(call("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhalf"));
}

TEST_F(HostileServer, TruncatedHeadersAreNoAnswer) {
  ASSERT_FALSE(call("HTTP/1.1 200 OK\r\nContent-Le"));
  EXPECT_THAT(call(""), FailsWith(ErrorCode::Unavailable, "without an answer"));
}

TEST_F(HostileServer, NotHttpIsAnError) {
  EXPECT_THAT(call("SSH-2.0-OpenSSH_9.2\r\n"), FailsWith(ErrorCode::Internal, "not valid HTTP"));
  ASSERT_FALSE(call("HTTP/1.1 99999 Odd\r\n\r\n"));
  ASSERT_FALSE(call("HTTP/9.9 200 OK\r\nContent-Length: 0\r\n\r\n"));
  ASSERT_FALSE(call("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", milliseconds(500)));
}

TEST_F(HostileServer, ResetIsAnError) {
  const RawServer server([](RawSocket& socket, const std::stop_token&) {
    static_cast<void>(socket.receive_until("\r\n\r\n"));
    socket.reset();
  });
  EXPECT_THAT(client_->send(get(server.url()), {}), FailsWith(ErrorCode::Unavailable, "broke"));
}

TEST_F(HostileServer, SilentServerEndsAtTheDeadline) {
  const RawServer server([](RawSocket& socket, const std::stop_token&) {
    static_cast<void>(socket.closed_within(milliseconds(3'000)));
  });
  const Stopwatch watch;
  EXPECT_THAT(client_->send(get(server.url(), milliseconds(300)), {}),
              FailsWith(ErrorCode::Timeout, "waiting for the headers"));
  EXPECT_GE(watch.elapsed(), milliseconds(290));
  EXPECT_LT(watch.elapsed(), milliseconds(2'000));
}

RawServer::Script drip(std::string head) {
  return [head = std::move(head)](RawSocket& socket, const std::stop_token& stop) {
    static_cast<void>(socket.receive_until("\r\n\r\n"));
    socket.send(head);
    while (!stop.stop_requested() && socket.send("x") && !socket.closed_within(milliseconds(20))) {
    }
  };
}

TEST_F(HostileServer, DrippingBodyEndsAtTheTotalDeadline) {
  const RawServer server(drip("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"));
  const Stopwatch watch;
  EXPECT_THAT(client_->send(get(server.url(), milliseconds(400)), {}),
              FailsWith(ErrorCode::Timeout, "reading the body"));
  EXPECT_LT(watch.elapsed(), milliseconds(2'500));
}

TEST_F(HostileServer, DrippingHeadersEndAtTheTotalDeadline) {
  const RawServer server(drip("HTTP/1.1 200 OK\r\nX-Slow: "));
  const Stopwatch watch;
  EXPECT_THAT(client_->send(get(server.url(), milliseconds(400)), {}),
              FailsWith(ErrorCode::Timeout, "timeout while"));
  EXPECT_LT(watch.elapsed(), milliseconds(2'500));
}

TEST_F(HostileServer, ConnectingToWhatNeverAnswersEndsAtTheConnectTimeout) {
  // TLS towards a server that accepts and says nothing: the handshake is part of connecting.
  const RawServer server([](RawSocket& socket, const std::stop_token&) {
    static_cast<void>(socket.closed_within(milliseconds(3'000)));
  });
  auto request = get("https://127.0.0.1:" + std::to_string(server.port()));
  request.limits.connect_timeout = milliseconds(300);
  const Stopwatch watch;
  EXPECT_THAT(client_->send(request, {}),
              FailsWith(ErrorCode::Timeout, "no connection within 300"));
  EXPECT_LT(watch.elapsed(), milliseconds(2'500));
}

TEST_F(HostileServer, RedirectIsAnAnswerAndCredentialsStayHome) {
  const RawServer elsewhere(answer_once("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
  const RawServer server(answer_once("HTTP/1.1 302 Found\r\nLocation: " + elsewhere.url() +
                                     "/stolen\r\nContent-Length: 0\r\n\r\n"));
  auto request = get(server.url());
  request.headers.add("Authorization", "Bearer secret");
  const auto response = client_->send(request, {});
  ASSERT_TRUE(response) << response.error().to_string();
  EXPECT_EQ(response->status, 302);
  EXPECT_EQ(elsewhere.accepted(), 0);
}

TEST_F(HostileServer, InjectionIsRefusedBeforeAnythingIsSent) {
  const RawServer server(answer_once("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
  const auto refused = [&](auto change) {
    auto request = get(server.url());
    change(request);
    const auto response = client_->send(request, {});
    return !response && response.error().code == ErrorCode::Invalid;
  };
  using R = http::ClientRequest;
  const std::string nul("a\0b", 3);
  EXPECT_TRUE(refused([](R& r) { r.headers.add("X", "a\r\nY: b"); }));
  EXPECT_TRUE(refused([](R& r) { r.headers.add("X", "a\nY: b"); }));
  EXPECT_TRUE(refused([](R& r) { r.headers.add("X", "a\r"); }));
  EXPECT_TRUE(refused([&](R& r) { r.headers.add("X", nul); }));
  EXPECT_TRUE(refused([](R& r) { r.headers.add("X\r\nY", "b"); }));
  EXPECT_TRUE(refused([](R& r) { r.headers.add("X Y", "b"); }));
  EXPECT_TRUE(refused([](R& r) { r.headers.add("", "b"); }));
  EXPECT_TRUE(refused([](R& r) { r.headers.add("Content-Length", "0"); }));
  EXPECT_TRUE(refused([](R& r) { r.headers.add("transfer-encoding", "chunked"); }));
  EXPECT_TRUE(refused([](R& r) { r.method = "GET / HTTP/1.1\r\nX: y\r\n\r\nGET"; }));
  EXPECT_TRUE(refused([](R& r) { r.method = ""; }));
  EXPECT_TRUE(refused([](R& r) { r.url += "/a\r\nX: y"; }));
  EXPECT_TRUE(refused([](R& r) { r.url += "/a b"; }));
  EXPECT_TRUE(refused([&](R& r) { r.url += "/" + nul; }));
  EXPECT_TRUE(refused([](R& r) { r.url = "file:///etc/passwd"; }));
  EXPECT_TRUE(refused([](R& r) { r.url = "gopher://127.0.0.1/"; }));
  EXPECT_TRUE(refused([](R& r) { r.url = "http://"; }));
  EXPECT_EQ(server.accepted(), 0);
}

TEST_F(HostileServer, CredentialsNeverReachAnErrorText) {
  auto request = get("http://user:hunter2@127.0.0.1:1/path?token=hunter2#hunter2");
  request.headers.add("Authorization", "Bearer hunter2");
  const auto response = client_->send(request, {});
  ASSERT_FALSE(response);
  EXPECT_THAT(response.error().to_string(), Not(HasSubstr("hunter2")));
  EXPECT_THAT(response.error().to_string(), HasSubstr("http://127.0.0.1:1/path"));
  request.url = "http://user:hunter2@127.0.0.1:1/a b";
  EXPECT_THAT(client_->send(request, {}).error().to_string(), Not(HasSubstr("hunter2")));
  request.url = "http://127.0.0.1:1/";
  request.headers = {{"Authorization", "Bearer hunter2\n"}};
  EXPECT_THAT(client_->send(request, {}).error().to_string(), Not(HasSubstr("hunter2")));
}

TEST_F(HostileServer, FiftyHostileAnswersAtOnceCostFiftyCalls) {
  const RawServer server(
      answer_once("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\nabcdef\r\n"));
  std::atomic<int> failed{0};
  {
    std::vector<std::jthread> callers;
    callers.reserve(50);
    for (int i = 0; i < 50; ++i) {
      callers.emplace_back([&] { failed += client_->send(get(server.url()), {}) ? 0 : 1; });
    }
  }
  EXPECT_EQ(failed, 50);
}

}  // namespace
}  // namespace tokenscaler::contract
