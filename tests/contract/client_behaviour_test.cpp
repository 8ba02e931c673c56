// What the client promises to its callers: cancelling, streaming with back-pressure, keep-alive, a
// bounded pool, many threads, IPv6, and life without file descriptors.
#include <algorithm>
#include <cstdlib>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "contract/server_fixture.h"

namespace tokenscaler::contract {
namespace {

using testing::HasSubstr;

std::unique_ptr<http::Server> start_server(http::Handler handler,
                                           http::ServerOptions options = test_options()) {
  return serve(std::move(options), std::move(handler));
}

TEST(ClientTest, SendsMethodTargetHeadersAndBody) {
  const auto server = start_server(http::answer_with([](const http::Request& request) {
    std::string text = request.method + "|" + request.target + "|" + request.body;
    for (const char* name : {"X-Empty", "X-Full", "Content-Type", "Expect"}) {
      text += "|" + std::string(request.headers.find(name).value_or("none"));
    }
    return http::Response::text(418, text);
  }));
  const auto client = make_client();
  for (const char* method : {"GET", "POST", "PUT", "PATCH", "DELETE", "QUERY"}) {
    auto request = get(server->url() + "/a?b=c");
    request.method = method;
    request.body = "body";
    request.headers = {{"X-Empty", ""}, {"X-Full", "a: b\tc"}};
    const auto response = client->send(request, {});
    ASSERT_TRUE(response) << response.error().to_string();
    EXPECT_EQ(response->status, 418);
    EXPECT_EQ(response->body, std::string(method) + "|/a?b=c|body||a: b\tc|none|none");
  }
  auto head = get(server->url() + "/a");
  head.method = "HEAD";
  const auto response = client->send(head, {});
  ASSERT_TRUE(response) << response.error().to_string();
  EXPECT_EQ(response->body, "");
  EXPECT_NE(response->headers.find("Content-Length"), "0");
}

TEST(ClientTest, SendsABodyOfSeveralMegabytes) {
  http::ServerOptions options;
  options.limits.max_body_bytes = 8 * kMiB;
  const auto server =
      start_server(http::answer_with([](const http::Request& request) {
                     return http::Response::text(200, std::to_string(request.body.size()));
                   }),
                   options);
  auto request = get(server->url());
  request.method = "POST";
  request.body.assign(6 * kMiB, 'x');
  const auto response = make_client()->send(request, {});
  ASSERT_TRUE(response) << response.error().to_string();
  EXPECT_EQ(response->body, std::to_string(6 * kMiB));
}

TEST(ClientTest, DecodesGzip) {
  // gzip of `hello, compressed world`, by Python's gzip module.
  const std::string packed(
      "\037\213\010\000\000\000\000\000\002\003\313\110\315\311\311\327\121\110\316\317"
      "\055\050\112\055\056\116\115\121\050\317\057\312\111\001\000\010\236\064\065\027"
      "\000\000\000",
      43);
  const RawServer server(
      answer_once("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: " +
                  std::to_string(packed.size()) + "\r\n\r\n" + packed));
  const auto response = make_client()->send(get(server.url()), {});
  ASSERT_TRUE(response) << response.error().to_string();
  EXPECT_EQ(response->body, "hello, compressed world");
  EXPECT_FALSE(response->headers.find("Content-Encoding"));
}

TEST(ClientTest, ReachesIpv6Literals) {
  http::ServerOptions options;
  options.address = "::1";
  const auto server = start_server(echo(), options);
  EXPECT_THAT(server->url(), HasSubstr("http://[::1]:"));
  const auto response = make_client()->send(get(server->url() + "/six"), {});
  ASSERT_TRUE(response) << response.error().to_string();
  EXPECT_EQ(response->body, "GET /six []\n");
}

TEST(ClientTest, ReusesConnections) {
  std::atomic<int> connections{0};
  const RawServer server([&](RawSocket& socket, const std::stop_token& stop) {
    ++connections;
    while (!stop.stop_requested() && !socket.receive_until("\r\n\r\n", milliseconds(500)).empty()) {
      socket.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    }
  });
  const auto client = make_client();
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(client->send(get(server.url()), {}));
  EXPECT_EQ(connections, 1);
}

TEST(ClientTest, RepeatsARequestWhosePooledConnectionHadDied) {
  const RawServer server(answer_once("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"));
  const auto client = make_client();  // The server closes after each answer without saying so.
  for (int i = 0; i < 10; ++i) {
    const auto response = client->send(get(server.url()), {});
    ASSERT_TRUE(response) << i << ": " << response.error().to_string();
  }
}

TEST(ClientTest, KeepsToItsBoundOfConnections) {
  std::atomic<int> open{0};
  std::atomic<int> most{0};
  const RawServer server([&](RawSocket& socket, const std::stop_token&) {
    const int now = ++open;
    for (int seen = most; now > seen && !most.compare_exchange_weak(seen, now);) {
    }
    while (!socket.receive_until("\r\n\r\n", milliseconds(500)).empty()) {
      static_cast<void>(socket.closed_within(milliseconds(10)));
      socket.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    }
    --open;
  });
  http::CurlClientOptions options;
  options.max_connections = 3;
  const auto client = make_client(options);
  std::atomic<int> answered{0};
  {
    std::vector<std::jthread> callers;
    callers.reserve(24);
    for (int i = 0; i < 24; ++i) {
      callers.emplace_back([&] { answered += client->send(get(server.url()), {}) ? 1 : 0; });
    }
  }
  EXPECT_EQ(answered, 24);
  EXPECT_LE(most, 3);
}

TEST(ClientTest, WaitingForAConnectionCountsTowardsTheDeadline) {
  const RawServer server([](RawSocket& socket, const std::stop_token&) {
    static_cast<void>(socket.closed_within(milliseconds(5'000)));
  });
  http::CurlClientOptions options;
  options.max_connections = 1;
  const auto client = make_client(options);
  std::stop_source stop;
  const std::jthread first(
      [&] { static_cast<void>(client->send(get(server.url()), stop.get_token())); });
  ASSERT_TRUE(eventually([&] { return server.accepted() == 1; }));
  const Stopwatch watch;
  EXPECT_THAT(client->send(get(server.url(), milliseconds(200)), {}),
              FailsWith(ErrorCode::Timeout, ""));
  EXPECT_LT(watch.elapsed(), milliseconds(1'500));
  stop.request_stop();
}

TEST(ClientTest, ServesManyThreads) {
  const auto server = start_server(echo());
  const auto client = make_client();
  std::atomic<int> right{0};
  {
    std::vector<std::jthread> callers;
    callers.reserve(16);
    for (int thread = 0; thread < 16; ++thread) {
      callers.emplace_back([&, thread] {
        for (int i = 0; i < 50; ++i) {
          const std::string path = "/" + std::to_string(thread) + "/" + std::to_string(i);
          const auto response = client->send(get(server->url() + path, milliseconds(20'000)), {});
          right += response && response->body == "GET " + path + " []\n" ? 1 : 0;
        }
      });
    }
  }
  EXPECT_EQ(right, 16 * 50);
}

TEST(ClientTest, CancelsWithinMilliseconds) {
  const RawServer server([](RawSocket& socket, const std::stop_token&) {
    static_cast<void>(socket.closed_within(milliseconds(5'000)));
  });
  const auto client = make_client();
  for (const bool streaming : {false, true}) {
    auto best = milliseconds::max();  // Of several: the machine may be busy with other things.
    for (int i = 0; i < 5; ++i) {
      std::stop_source stop;
      Stopwatch watch;
      std::jthread canceller([&] {
        pass(milliseconds(50));
        watch = Stopwatch();
        stop.request_stop();
      });
      const auto request = get(server.url());
      const auto accept_all = [](std::string_view) { return true; };
      const auto response = streaming ? client->stream(request, accept_all, stop.get_token())
                                      : client->send(request, stop.get_token());
      canceller.join();
      best = std::min(best, watch.elapsed());
      EXPECT_THAT(response, FailsWith(ErrorCode::Cancelled, "cancelled"));
    }
    EXPECT_LT(best, milliseconds(30));
  }
  std::stop_source stopped;
  stopped.request_stop();
  EXPECT_THAT(client->send(get(server.url()), stopped.get_token()),
              FailsWith(ErrorCode::Cancelled, ""));
}

TEST(ClientTest, AThousandCancelledCallsLeaveNothingBehind) {
  const RawServer server([](RawSocket& socket, const std::stop_token&) {
    static_cast<void>(socket.closed_within(milliseconds(5'000)));
  });
  const auto client = make_client();
  const auto cancel_many = [&](int count) {
    for (int i = 0; i < count; ++i) {
      std::stop_source stop;
      const std::jthread canceller([&] { stop.request_stop(); });
      static_cast<void>(client->send(get(server.url()), stop.get_token()));
    }
  };
  cancel_many(100);
  const std::size_t descriptors = open_descriptors();
  const MemoryGrowth growth;
  cancel_many(1'000);
  EXPECT_LT(open_descriptors(), descriptors + 20);  // The raw server's side may lag.
  EXPECT_LT(growth.bytes(), 16 * kMiB);
}

TEST(ClientTest, StreamsEveryByteInOrder) {
  const auto server = start_server([](const http::Request&, http::Responder responder) {
    const auto stream = std::move(responder).stream(200, {});
    for (int i = 0; i < 10'000; ++i) {
      if (!stream->write_waiting("line " + std::to_string(i) + "\n", {})) return;
    }
    stream->finish();
  });
  std::string all;
  const auto response = make_client()->stream(get(server->url()),
                                              [&](std::string_view part) {
                                                all += part;
                                                return true;
                                              },
                                              {});
  ASSERT_TRUE(response) << response.error().to_string();
  std::string expected;
  for (int i = 0; i < 10'000; ++i) expected += "line " + std::to_string(i) + "\n";
  EXPECT_TRUE(all == expected) << all.size() << " of " << expected.size() << " bytes";
}

TEST(ClientTest, HoldsBackAServerWhoseReceiverIsSlow) {
  std::atomic<std::size_t> sent{0};
  const RawServer server([&](RawSocket& socket, const std::stop_token& stop) {
    static_cast<void>(socket.receive_until("\r\n\r\n"));
    socket.send("HTTP/1.1 200 OK\r\n\r\n");
    const std::string block(64 * 1024, 'x');
    while (!stop.stop_requested() && sent < 256 * kMiB && socket.send(block, milliseconds(400))) {
      sent += block.size();
    }
  });
  http::CurlClientOptions options;
  options.stream_buffer_bytes = 128 * 1024;
  const auto client = make_client(options);
  const MemoryGrowth growth;
  std::size_t seen = 0;
  bool slept = false;
  const auto response =
      client->stream(get(server.url(), milliseconds(10'000)),
                     [&](std::string_view part) {
                       seen += part.size();
                       if (!slept) pass(milliseconds(700));  // The server gives up after 400 ms.
                       slept = true;
                       return true;
                     },
                     {});
  // Kernel buffers on loopback hold a few MiB; the client adds its 128 KiB.
  EXPECT_LT(sent, 32 * kMiB);
  EXPECT_LT(growth.bytes(), 8 * kMiB);
  EXPECT_EQ(seen, sent);
}

TEST(ClientTest, ASinkMayEndOrBreakTheCall) {
  const auto server = start_server(http::answer_with(
      [](const http::Request&) { return http::Response::text(200, "some body"); }));
  const auto client = make_client();
  EXPECT_THAT(client->stream(get(server->url()), [](std::string_view) { return false; }, {}),
              FailsWith(ErrorCode::Cancelled, "receiver ended"));
  EXPECT_THAT(
      client->stream(get(server->url()),
                     [](std::string_view) -> bool { throw std::runtime_error("bad line"); }, {}),
      FailsWith(ErrorCode::Cancelled, "bad line"));
}

TEST(ClientTest, DeliversWhatCameBeforeAStreamBroke) {
  const RawServer server(
      answer_once("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n"));
  std::string all;
  const auto response = make_client()->stream(get(server.url()),
                                              [&](std::string_view part) {
                                                all += part;
                                                return true;
                                              },
                                              {});
  EXPECT_FALSE(response);
  EXPECT_EQ(all, "first");
}

TEST(ClientTest, TheEnvironmentsProxyIsNotUsed) {
  const RawServer proxy(answer_once("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nproxy"));
  const auto server = start_server(echo());
  ::setenv("http_proxy", proxy.url().c_str(), 1);
  ::setenv("ALL_PROXY", proxy.url().c_str(), 1);
  const auto direct = make_client()->send(get(server->url() + "/direct"), {});
  http::CurlClientOptions options;
  options.proxy = proxy.url();
  const auto proxied = make_client(options)->send(get(server->url() + "/proxied"), {});
  ::unsetenv("http_proxy");
  ::unsetenv("ALL_PROXY");
  ASSERT_TRUE(direct);
  EXPECT_EQ(direct->body, "GET /direct []\n");
  ASSERT_TRUE(proxied);
  EXPECT_EQ(proxied->body, "proxy");
}

TEST(ClientTest, DestructionEndsRunningCalls) {
  const RawServer server([](RawSocket& socket, const std::stop_token&) {
    static_cast<void>(socket.closed_within(milliseconds(5'000)));
  });
  auto client = make_client();
  const Stopwatch watch;
  Result<http::ClientResponse> response = http::ClientResponse{};
  {
    std::jthread caller([&, raw = client.get()] { response = raw->send(get(server.url()), {}); });
    while (server.accepted() == 0) std::this_thread::yield();
    client.reset();
  }
  EXPECT_THAT(response, FailsWith(ErrorCode::Cancelled, ""));
  EXPECT_LT(watch.elapsed(), milliseconds(2'000));
}

TEST(ClientTest, WithoutDescriptorsNoClientIsMade) {
  static_cast<void>(make_client());  // Everything lazy is set up.
  rlimit before{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  rlimit low = before;
  low.rlim_cur = open_descriptors() + 4;
  ::setrlimit(RLIMIT_NOFILE, &low);
  std::vector<int> taken;
  for (int fd = ::open("/dev/null", O_RDONLY); fd >= 0; fd = ::open("/dev/null", O_RDONLY)) {
    taken.push_back(fd);
  }
  const auto client = http::make_curl_client({});
  for (const int fd : taken) ::close(fd);
  ::setrlimit(RLIMIT_NOFILE, &before);
  ASSERT_FALSE(client);
  EXPECT_EQ(client.error().code, ErrorCode::Unavailable);
  EXPECT_THAT(client.error().to_string(), testing::HasSubstr("open files"));
}

TEST(ClientTest, WithoutDescriptorsACallFailsAndALaterOneWorks) {
  const auto server = start_server(echo());
  const auto client = make_client();
  ASSERT_TRUE(client->send(get(server->url()), {}));  // Everything lazy is set up.
  const auto other = start_server(echo());
  rlimit before{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  rlimit low = before;
  low.rlim_cur = open_descriptors() + 4;
  ::setrlimit(RLIMIT_NOFILE, &low);
  std::vector<int> taken;
  for (int fd = ::open("/dev/null", O_RDONLY); fd >= 0; fd = ::open("/dev/null", O_RDONLY)) {
    taken.push_back(fd);
  }
  const auto cpu = cpu_time();
  const Stopwatch watch;
  const auto response = client->send(get(other->url(), milliseconds(1'000)), {});
  const auto cpu_used = cpu_time() - cpu;
  for (const int fd : taken) ::close(fd);
  ::setrlimit(RLIMIT_NOFILE, &before);
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, ErrorCode::Unavailable) << response.error().to_string();
  EXPECT_LT(watch.elapsed(), milliseconds(1'500));
  EXPECT_LT(cpu_used, milliseconds(500));
  EXPECT_TRUE(client->send(get(other->url()), {}));
}

}  // namespace
}  // namespace tokenscaler::contract
