// Streamed responses and the end of a server.
#include "contract/server_fixture.h"

namespace tokenscaler::contract {
namespace {

using http::ResponseStream;
using testing::HasSubstr;
using testing::StartsWith;
using StreamPtr = std::shared_ptr<ResponseStream>;

constexpr const char* kGet = "GET /x HTTP/1.1\r\nHost: a\r\n\r\n";

/// A handler that hands its streams to the test.
class StreamKeeper {
 public:
  [[nodiscard]] http::Handler handler() {
    return [this](const http::Request&, http::Responder responder) {
      auto stream = std::move(responder).stream(200, {{"Content-Type", "text/event-stream"}});
      const std::lock_guard lock(mutex_);
      streams_.push_back(std::move(stream));
    };
  }
  [[nodiscard]] std::vector<StreamPtr> take() {
    const std::lock_guard lock(mutex_);
    return std::move(streams_);
  }
  [[nodiscard]] StreamPtr first() {
    StreamPtr stream;
    static_cast<void>(eventually([&] {
      const std::lock_guard lock(mutex_);
      if (streams_.empty()) return false;
      stream = std::move(streams_.front());
      streams_.erase(streams_.begin());
      return true;
    }));
    return stream;
  }
  [[nodiscard]] std::size_t size() {
    const std::lock_guard lock(mutex_);
    return streams_.size();
  }

 private:
  std::mutex mutex_;
  std::vector<StreamPtr> streams_;
};

TEST(ServerStreamTest, SendsPartsAsTheyComeAndKeepsTheConnection) {
  StreamKeeper keeper;
  const auto server = serve(test_options(), keeper.handler());
  RawSocket client = RawSocket::connect(server->port());
  for (int round = 0; round < 2; ++round) {
    client.send(kGet);
    const StreamPtr stream = keeper.first();
    ASSERT_TRUE(stream);
    EXPECT_THAT(client.receive_until("\r\n\r\n"), HasSubstr("Transfer-Encoding: chunked"));
    EXPECT_EQ(stream->write("data: one\n\n"), ResponseStream::Write::Accepted);
    EXPECT_EQ(client.receive_until("one\n\n\r\n"), "b\r\ndata: one\n\n\r\n");
    EXPECT_EQ(stream->write("data: two\n\n"), ResponseStream::Write::Accepted);
    stream->finish();
    EXPECT_EQ(stream->write("more"), ResponseStream::Write::Closed);
    EXPECT_THAT(client.receive_until("0\r\n\r\n"), HasSubstr("data: two"));
  }
}

TEST(ServerStreamTest, HundredsOfSlowStreamsNeedNoThreadsOfTheirOwn) {
  StreamKeeper keeper;
  auto options = test_options();
  options.worker_threads = 2;
  // All may arrive before a worker runs, on a busy machine.
  options.limits.max_queued_requests = 400;
  const auto server = serve(options, keeper.handler());
  std::vector<RawSocket> clients;
  clients.reserve(400);
  for (int i = 0; i < 400; ++i) {
    clients.push_back(RawSocket::connect(server->port()));
    clients.back().send(kGet);
  }
  ASSERT_TRUE(eventually([&] { return keeper.size() == 400; }));
  const auto streams = keeper.take();
  for (int token = 0; token < 5; ++token) {
    for (const StreamPtr& stream : streams) {
      EXPECT_EQ(stream->write("token " + std::to_string(token) + "\n"),
                ResponseStream::Write::Accepted);
    }
  }
  for (const StreamPtr& stream : streams) stream->finish();
  for (RawSocket& client : clients) {
    const std::string answer = client.receive_until("0\r\n\r\n");
    EXPECT_THAT(answer, HasSubstr("token 0"));
    EXPECT_THAT(answer, HasSubstr("token 4"));
  }
}

TEST(ServerStreamTest, AClientThatDoesNotReadFillsOneBufferOnly) {
  StreamKeeper keeper;
  const auto server = serve(test_options(), keeper.handler());
  RawSocket client = RawSocket::connect(server->port(), "127.0.0.1", 4'096);
  client.send(kGet);
  const StreamPtr stream = keeper.first();
  ASSERT_TRUE(stream);
  const MemoryGrowth growth;
  const std::string block(16 * 1024, 'x');
  std::size_t accepted = 0;
  const Stopwatch watch;
  while (accepted < 300 * kMiB && watch.elapsed() < milliseconds(700)) {
    const auto outcome = stream->write(block);
    if (outcome == ResponseStream::Write::Full) {
      pass(milliseconds(5));
      continue;
    }
    ASSERT_EQ(outcome, ResponseStream::Write::Accepted);
    accepted += block.size();
    EXPECT_LE(stream->buffered_bytes(), 64U * 1024U);
  }
  EXPECT_EQ(stream->write(block), ResponseStream::Write::Full);
  EXPECT_LT(accepted, 16 * kMiB);  // What the kernel's socket buffers hold, and 64 KiB.
  EXPECT_LT(growth.bytes(), 4 * kMiB);
}

TEST(ServerStreamTest, AClientThatLeavesIsSeen) {
  StreamKeeper keeper;
  const auto server = serve(test_options(), keeper.handler());
  StreamPtr stream;
  {
    RawSocket client = RawSocket::connect(server->port());
    client.send(kGet);
    stream = keeper.first();
    ASSERT_TRUE(stream);
    EXPECT_FALSE(stream->client_gone());
  }
  EXPECT_TRUE(eventually([&] { return stream->client_gone(); }));  // Without a write.
  EXPECT_TRUE(stream->stop().stop_requested());
  EXPECT_EQ(stream->write("x"), ResponseStream::Write::Closed);
  EXPECT_FALSE(stream->write_waiting("x", {}));
}

TEST(ServerStreamTest, AnAbandonedStreamIsNotTakenForAWholeOne) {
  const auto server = serve(test_options(), [](const http::Request&, http::Responder responder) {
    const auto stream = std::move(responder).stream(200, {});
    static_cast<void>(stream->write("half"));
  });
  const auto response = make_client()->send(get(server->url()), {});
  EXPECT_FALSE(response);
}

TEST(ServerStreamTest, AnAbandonedHttp10StreamEndsWithAReset) {
  StreamKeeper keeper;
  const auto server = serve(test_options(), keeper.handler());
  RawSocket client = RawSocket::connect(server->port());
  client.send("GET / HTTP/1.0\r\n\r\n");
  StreamPtr stream = keeper.first();
  ASSERT_TRUE(stream);
  static_cast<void>(stream->write("half"));
  EXPECT_TRUE(client.receive_until("half").ends_with("\r\n\r\nhalf"));
  stream.reset();
  EXPECT_EQ(client.end_within(milliseconds(5'000)), RawSocket::End::Reset);
  // A stream that is finished ends like any body of HTTP/1.0.
  RawSocket second = RawSocket::connect(server->port());
  second.send("GET / HTTP/1.0\r\n\r\n");
  stream = keeper.first();
  ASSERT_TRUE(stream);
  stream->finish();
  EXPECT_EQ(second.end_within(milliseconds(5'000)), RawSocket::End::Closed);
}

TEST(ServerStreamTest, AWriterThatWaitsIsReleasedWhenTheClientLeaves) {
  std::atomic<int> released{0};
  const auto server = serve(test_options(), [&](const http::Request&, http::Responder responder) {
    const auto stream = std::move(responder).stream(200, {});
    while (stream->write_waiting(std::string(32 * 1024, 'x'), {})) {
    }
    ++released;
  });
  {
    RawSocket client = RawSocket::connect(server->port(), "127.0.0.1", 4'096);
    client.send(kGet);
    pass(milliseconds(150));
    client.reset();
  }
  EXPECT_TRUE(eventually([&] { return released == 1; }));
}

TEST(ServerStreamTest, AStreamToHeadHasNoBody) {
  StreamKeeper keeper;
  const auto server = serve(test_options(), keeper.handler());
  RawSocket client = RawSocket::connect(server->port());
  client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
  const StreamPtr stream = keeper.first();
  ASSERT_TRUE(stream);
  EXPECT_TRUE(eventually([&] { return stream->write("x") == ResponseStream::Write::Closed; }));
  EXPECT_TRUE(client.receive_until("\r\n\r\n").ends_with("\r\n\r\n"));
  client.send("HEAD /second HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_THAT(client.receive_until("\r\n\r\n"), StartsWith("HTTP/1.1 200"));
}

TEST(ServerStreamTest, Http10StreamsEndWithTheConnection) {
  StreamKeeper keeper;
  const auto server = serve(test_options(), keeper.handler());
  RawSocket client = RawSocket::connect(server->port());
  client.send("GET / HTTP/1.0\r\n\r\n");
  const StreamPtr stream = keeper.first();
  ASSERT_TRUE(stream);
  static_cast<void>(stream->write("plain"));
  stream->finish();
  EXPECT_TRUE(client.receive_all().ends_with("\r\n\r\nplain"));
}

TEST(ServerStopTest, LetsRequestsInFlightEnd) {
  std::atomic<bool> working{false};
  const auto server = serve(test_options(), http::answer_with([&](const http::Request&) {
                              working = true;
                              pass(milliseconds(300));
                              return http::Response::text(200, "in time");
                            }));
  RawSocket idle = RawSocket::connect(server->port());
  idle.send("GET /");  // Not a request yet.
  Result<http::ClientResponse> response = http::ClientResponse{};
  std::jthread caller([&] { response = make_client()->send(get(server->url()), {}); });
  ASSERT_TRUE(eventually([&] { return working.load(); }));
  idle.close();
  const Stopwatch watch;
  server->stop(milliseconds(5'000));
  EXPECT_LT(watch.elapsed(), milliseconds(4'000));  // It ends with the last request.
  caller.join();
  ASSERT_TRUE(response) << response.error().to_string();
  EXPECT_EQ(response->body, "in time");
  EXPECT_FALSE(RawSocket::connect(server->port()).connected());
}

TEST(ServerStopTest, CutsWhatOutlastsTheGrace) {
  StreamKeeper keeper;
  const auto server = serve(test_options(), keeper.handler());
  RawSocket client = RawSocket::connect(server->port());
  client.send(kGet);
  const StreamPtr stream = keeper.first();
  ASSERT_TRUE(stream);
  const Stopwatch watch;
  server->stop(milliseconds(200));
  EXPECT_GE(watch.elapsed(), milliseconds(190));
  EXPECT_LT(watch.elapsed(), milliseconds(3'000));
  EXPECT_TRUE(stream->client_gone());
  EXPECT_EQ(stream->write("x"), ResponseStream::Write::Closed);
  EXPECT_TRUE(client.closed_within(milliseconds(3'000)));
}

TEST(ServerStopTest, IdleConnectionsDoNotDelayIt) {
  const auto server = serve(test_options(), echo());
  const auto client = make_client();
  ASSERT_TRUE(client->send(get(server->url()), {}));
  const Stopwatch watch;
  server->stop(milliseconds(5'000));
  EXPECT_LT(watch.elapsed(), milliseconds(2'500));
}

TEST(ServerStopTest, UnderLoadItNeitherHangsNorCrashes) {
  for (int round = 0; round < 5; ++round) {
    auto server = serve(test_options(), echo());
    const std::string url = server->url();
    std::atomic<bool> end{false};
    std::vector<std::jthread> callers;
    callers.reserve(8);
    for (int i = 0; i < 8; ++i) {
      callers.emplace_back([&] {
        const auto client = make_client();
        while (!end) static_cast<void>(client->send(get(url, milliseconds(500)), {}));
      });
    }
    pass(milliseconds(50));
    server->stop(milliseconds(round * 50));
    server.reset();
    end = true;
  }
}

}  // namespace
}  // namespace tokenscaler::contract
