// research/cpp.md A.2 on our server: peers that send too much, too slowly, or nothing; too many of
// them; handlers that do not answer; a machine without file descriptors.
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "contract/server_fixture.h"

namespace tokenscaler::contract {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

constexpr const char* kGet = "GET /x HTTP/1.1\r\nHost: a\r\n\r\n";

bool is_alive(const http::Server& server) {
  const auto response = make_client()->send(get(server.url() + "/alive"), {});
  return response && response->status == 200;
}

TEST(ServerLimitTest, EndlessHeadersEndAtTheLimit) {
  const auto server = serve(test_options(), echo());
  const MemoryGrowth growth;
  for (const std::string& filler :
       {"X: " + std::string(1'000, 'y') + "\r\n", std::string(64 * 1024, 'z')}) {
    RawSocket client = RawSocket::connect(server->port());
    client.send("GET / HTTP/1.1\r\nHost: a\r\n");
    EXPECT_LT(flood(client, filler, 300 * kMiB), 16 * kMiB);
  }
  EXPECT_LT(growth.bytes(), 4 * kMiB);
  EXPECT_TRUE(is_alive(*server));
}

TEST(ServerLimitTest, HeadersJustBeyondTheLimitAreTold) {
  const auto server = serve(test_options(), echo());
  RawSocket client = RawSocket::connect(server->port());
  client.send("GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(17'000, 'y') + "\r\n\r\n");
  EXPECT_THAT(client.receive_all(), StartsWith("HTTP/1.1 431"));
  RawSocket within = RawSocket::connect(server->port());
  within.send("GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(15'000, 'y') + "\r\n\r\n");
  EXPECT_THAT(within.receive_until("]\n"), StartsWith("HTTP/1.1 200"));
}

TEST(ServerLimitTest, ABodyBeyondTheLimitGets413BeforeItIsSent) {
  const auto server = serve(test_options(), echo());
  const MemoryGrowth growth;
  RawSocket client = RawSocket::connect(server->port());
  client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 314572800\r\n\r\n");
  EXPECT_THAT(client.receive_until("\r\n\r\n", milliseconds(1'000)), StartsWith("HTTP/1.1 413"));
  EXPECT_LT(flood(client, std::string(64 * 1024, 'x'), 300 * kMiB), 32 * kMiB);
  EXPECT_LT(growth.bytes(), 4 * kMiB);
}

TEST(ServerLimitTest, AnEndlessChunkedBodyGets413AtTheLimit) {
  const auto server = serve(test_options(), echo());
  const MemoryGrowth growth;
  RawSocket client = RawSocket::connect(server->port());
  client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
  const std::string chunk = "10000\r\n" + std::string(0x10000, 'x') + "\r\n";
  EXPECT_LT(flood(client, chunk, 300 * kMiB), 32 * kMiB);
  EXPECT_THAT(client.receive_until("\r\n\r\n"), testing::AnyOf("", StartsWith("HTTP/1.1 413")));
  EXPECT_LT(growth.bytes(), 8 * kMiB);  // 1 MiB of body in a string that doubles.
  EXPECT_TRUE(is_alive(*server));
}

TEST(ServerLimitTest, ManyBodiesTogetherStayWithinTheirBudget) {
  auto options = test_options();
  options.limits.max_body_bytes = 4 * kMiB;
  options.limits.max_total_body_bytes = 8 * kMiB;
  const auto server = serve(options, echo());
  const MemoryGrowth growth;
  std::vector<RawSocket> clients;
  const std::string most(3 * kMiB, 'x');
  for (int i = 0; i < 20; ++i) {
    clients.push_back(RawSocket::connect(server->port()));
    clients.back().send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4194304\r\n\r\n");
    clients.back().send(most, milliseconds(500));
  }
  EXPECT_LT(growth.bytes(), 48 * kMiB);  // 20 x 3 MiB would be 60, and strings reserve 4 each.
  int refused = 0;
  for (RawSocket& client : clients) {
    refused += client.receive(milliseconds(50)).starts_with("HTTP/1.1 503") ? 1 : 0;
  }
  EXPECT_GE(refused, 10);
  clients.clear();
  EXPECT_TRUE(eventually([&] { return is_alive(*server); }));
}

TEST(ServerLimitTest, ABodyInTheQueueCountsUntilItIsGone) {
  auto options = test_options();
  options.worker_threads = 1;
  options.limits.handler_timeout = milliseconds(200);
  options.limits.max_body_bytes = 4 * kMiB;
  options.limits.max_total_body_bytes = 4 * kMiB;
  std::atomic<bool> release{false};
  const auto server =
      serve(options, http::answer_with([&](const http::Request&) {
              static_cast<void>(eventually([&] { return release.load(); }, milliseconds(30'000)));
              return http::Response::text(200, "done");
            }));
  RawSocket busy = RawSocket::connect(server->port());
  busy.send(kGet);
  EXPECT_THAT(busy.receive_all(), StartsWith("HTTP/1.1 504"));  // The one worker works on.
  const auto post = [&] {
    RawSocket client = RawSocket::connect(server->port());
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3145728\r\n\r\n");
    client.send(std::string(3 * kMiB, 'x'), milliseconds(500));
    return client.receive_until("\r\n\r\n");
  };
  EXPECT_THAT(post(), StartsWith("HTTP/1.1 504"));  // It waits on, though its client was told.
  EXPECT_THAT(post(), StartsWith("HTTP/1.1 503"));
  release = true;
  EXPECT_TRUE(eventually([&] { return post().starts_with("HTTP/1.1 200"); }));
}

TEST(ServerLimitTest, SlowHeadersAreCutAtTheirDeadline) {
  auto options = test_options();
  options.limits.header_timeout = milliseconds(300);
  const auto server = serve(options, echo());
  const MemoryGrowth growth;
  const Stopwatch watch;
  std::vector<RawSocket> clients;
  clients.reserve(300);
  for (int i = 0; i < 300; ++i) {
    clients.push_back(RawSocket::connect(server->port()));
    clients.back().send("GET / HTTP/1.1\r\nHost: a\r\nX-Slow: ");
  }
  while (server->connections() > 0 && watch.elapsed() < milliseconds(5'000)) {
    for (RawSocket& client : clients)
      client.send("x");  // One byte now and then, as slowloris does.
    pass(milliseconds(20));
  }
  EXPECT_EQ(server->connections(), 0U);
  EXPECT_LT(growth.bytes(), 300 * 100 * 1024U);  // The stated bound for each connection.
  EXPECT_TRUE(is_alive(*server));
}

TEST(ServerLimitTest, ConnectionsThatSayNothingAreCut) {
  auto options = test_options();
  options.limits.header_timeout = milliseconds(200);
  const auto server = serve(options, echo());
  RawSocket client = RawSocket::connect(server->port());
  EXPECT_TRUE(client.closed_within(milliseconds(4'000)));
}

TEST(ServerLimitTest, SlowBodiesAreCutHoweverTheyDrip) {
  auto options = test_options();
  options.limits.body_timeout = milliseconds(300);
  const auto server = serve(options, echo());
  RawSocket client = RawSocket::connect(server->port());
  client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n");
  const Stopwatch watch;
  std::string answer;
  while (answer.empty() && watch.elapsed() < milliseconds(3'000) && client.send("x")) {
    answer = client.receive(milliseconds(20));
  }
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 408"));
  EXPECT_LT(watch.elapsed(), milliseconds(2'500));
}

TEST(ServerLimitTest, IdleConnectionsAreCutAndBusyOnesKept) {
  auto options = test_options();
  options.limits.idle_timeout = milliseconds(600);
  const auto server = serve(options, echo());
  RawSocket client = RawSocket::connect(server->port());
  for (int i = 0; i < 4; ++i) {
    client.send(kGet);
    EXPECT_THAT(client.receive_until("]\n"), HasSubstr("GET /x []"));
    pass(milliseconds(200));
  }
  EXPECT_TRUE(client.closed_within(milliseconds(4'000)));
}

TEST(ServerLimitTest, AClientThatDoesNotReadIsCutAtTheWriteDeadline) {
  auto options = test_options();
  options.limits.write_timeout = milliseconds(300);
  const auto server = serve(options, http::answer_with([](const http::Request&) {
                              return http::Response::text(200, std::string(32 * kMiB, 'x'));
                            }));
  RawSocket client = RawSocket::connect(server->port(), "127.0.0.1", 4'096);
  client.send(kGet);
  EXPECT_TRUE(eventually([&] { return server->connections() == 1; }));
  EXPECT_TRUE(eventually([&] { return server->connections() == 0; }));
}

TEST(ServerLimitTest, ConnectionsBeyondTheLimitAreTurnedAway) {
  auto options = test_options();
  options.limits.max_connections = 5;
  std::atomic<bool> release{false};
  const auto server = serve(options, http::answer_with([&](const http::Request&) {
                              static_cast<void>(eventually([&] { return release.load(); }));
                              return http::Response::text(200, "done");
                            }));
  std::vector<RawSocket> clients;
  clients.reserve(5);
  for (int i = 0; i < 5; ++i) {
    clients.push_back(RawSocket::connect(server->port()));
    clients.back().send(
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
    // A connection is busy from its first byte on. This answer shows that it has been read.
    ASSERT_THAT(clients.back().receive_until("\r\n\r\n"), StartsWith("HTTP/1.1 100"));
    clients.back().send("half");
  }
  RawSocket beyond = RawSocket::connect(server->port());
  const std::string answer = beyond.receive_all();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 503"));
  EXPECT_THAT(answer, HasSubstr("Retry-After: 1"));
  release = true;
  clients.clear();
  EXPECT_TRUE(eventually([&] { return is_alive(*server); }));
}

TEST(ServerLimitTest, IdleConnectionsGiveWayToNewOnes) {
  auto options = test_options();
  options.limits.max_connections = 5;
  const auto server = serve(options, echo());
  std::vector<RawSocket> clients;
  clients.reserve(20);
  for (int i = 0; i < 20; ++i) {  // One peer opens ever more and keeps them.
    clients.push_back(RawSocket::connect(server->port()));
    clients.back().send(kGet);
    EXPECT_THAT(clients.back().receive_until("]\n"), StartsWith("HTTP/1.1 200")) << i;
  }
  EXPECT_TRUE(eventually([&] { return server->connections() <= 5; }));
  EXPECT_TRUE(clients.front().closed_within(milliseconds(3'000)));
  clients.back().send(kGet);  // The youngest is not the one that gave way.
  EXPECT_THAT(clients.back().receive_until("]\n"), StartsWith("HTTP/1.1 200"));
}

TEST(ServerLimitTest, AHandlerThatNeverAnswersGets504AndIsToldToStop) {
  auto options = test_options();
  options.limits.handler_timeout = milliseconds(250);
  options.worker_threads = 1;
  std::atomic<int> stopped{0};
  const auto server = serve(options, [&](const http::Request& request, http::Responder responder) {
    if (request.path() == "/alive") return std::move(responder).send(http::Response::text(200, ""));
    static_cast<void>(
        eventually([&] { return request.stop.stop_requested(); }, milliseconds(10'000)));
    ++stopped;
    std::move(responder).send(http::Response::text(200, "too late"));
  });
  const auto response = make_client()->send(get(server->url()), {});
  ASSERT_TRUE(response) << response.error().to_string();
  EXPECT_EQ(response->status, 504);
  EXPECT_TRUE(eventually([&] { return stopped == 1; }));
  EXPECT_TRUE(is_alive(*server));
}

TEST(ServerLimitTest, AnAnswerThatIsKeptForeverGets504) {
  auto options = test_options();
  options.limits.handler_timeout = milliseconds(150);
  std::mutex mutex;
  std::vector<http::Responder> kept;
  {
    const auto server = serve(options, [&](const http::Request&, http::Responder responder) {
      const std::lock_guard lock(mutex);
      kept.push_back(std::move(responder));
    });
    const auto response = make_client()->send(get(server->url()), {});
    ASSERT_TRUE(response) << response.error().to_string();
    EXPECT_EQ(response->status, 504);
  }
  for (http::Responder& responder : kept) {
    std::move(responder).send(http::Response::text(200, "after the server's end"));
  }
}

TEST(ServerLimitTest, AClientThatLeavesStopsItsHandler) {
  std::atomic<int> stopped{0};
  const auto server = serve(test_options(), [&](const http::Request& request, http::Responder) {
    if (eventually([&] { return request.stop.stop_requested(); })) ++stopped;
  });
  {
    RawSocket client = RawSocket::connect(server->port());
    client.send(kGet);
    ASSERT_TRUE(eventually([&] { return server->connections() == 1; }));
    pass(milliseconds(50));
  }
  EXPECT_TRUE(eventually([&] { return stopped == 1; }));
  EXPECT_TRUE(eventually([&] { return server->connections() == 0; }));
}

TEST(ServerLimitTest, BusyWorkersMeanRetryLaterAndNeverABlockedServer) {
  auto options = test_options();
  options.worker_threads = 2;
  options.limits.max_queued_requests = 3;
  std::atomic<bool> release{false};
  const auto server =
      serve(options, http::answer_with([&](const http::Request&) {
              static_cast<void>(eventually([&] { return release.load(); }, milliseconds(10'000)));
              return http::Response::text(200, "done");
            }));
  std::vector<RawSocket> waiting;
  waiting.reserve(12);
  for (int i = 0; i < 12; ++i) {
    waiting.push_back(RawSocket::connect(server->port()));
    waiting.back().send(kGet);
  }
  std::vector<RawSocket> refused;
  const auto collect_refusals = [&] {
    std::vector<RawSocket> still;
    for (RawSocket& client : waiting) {
      const std::string answer = client.receive_until("busy\n", milliseconds(10));
      const bool expected = answer.empty() || (answer.starts_with("HTTP/1.1 503") &&
                                               answer.find("Retry-After: 1") != std::string::npos);
      EXPECT_TRUE(expected) << answer;
      (answer.empty() ? still : refused).push_back(std::move(client));
    }
    waiting = std::move(still);
    // Of twelve, two are worked on and three wait; up to two more are refused when they come before
    // the workers have taken their first ones.
    return refused.size() >= 7;
  };
  EXPECT_TRUE(eventually(collect_refusals)) << refused.size();
  release = true;
  int answered = 0;
  for (RawSocket& client : waiting) {
    answered += client.receive_until("\r\n\r\n").starts_with("HTTP/1.1 200") ? 1 : 0;
  }
  EXPECT_GE(answered, 3);
  EXPECT_LE(answered, 5);
  refused.front().send(kGet);  // The refusal cost one request, not the connection.
  EXPECT_THAT(refused.front().receive_until("done"), HasSubstr("done"));
}

TEST(ServerLimitTest, WithoutDescriptorsItWaitsAndRecovers) {
  Reports reports;
  auto options = test_options();
  options.report = reports.sink();
  const auto server = serve(options, echo());
  ASSERT_TRUE(is_alive(*server));
  std::vector<RawSocket> clients;
  rlimit before{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  rlimit low = before;
  low.rlim_cur = open_descriptors() + 20;
  ::setrlimit(RLIMIT_NOFILE, &low);
  // Clients and server share the process's descriptors: the clients take all, so accept fails.
  for (int i = 0; i < 40; ++i) {
    RawSocket client = RawSocket::connect(server->port());
    if (!client.connected()) break;
    clients.push_back(std::move(client));
  }
  std::vector<int> taken;
  for (int fd = ::open("/dev/null", O_RDONLY); fd >= 0; fd = ::open("/dev/null", O_RDONLY)) {
    taken.push_back(fd);
  }
  const auto cpu = cpu_time();
  pass(milliseconds(1'000));
  const auto cpu_used = cpu_time() - cpu;
  for (const int fd : taken) ::close(fd);
  ::setrlimit(RLIMIT_NOFILE, &before);
  clients.clear();
  EXPECT_LT(cpu_used, milliseconds(200)) << "in one second of shortage";
  ASSERT_FALSE(reports.texts().empty());
  EXPECT_THAT(reports.texts().front(), HasSubstr("raise the limit on open files"));
  EXPECT_TRUE(eventually([&] { return is_alive(*server); }));
}

TEST(ServerLimitTest, ClosedConnectionsLeaveNothingBehind) {
  const auto server = serve(test_options(), echo());
  const auto connect_many = [&](int count) {
    for (int i = 0; i < count; ++i) {
      RawSocket client = RawSocket::connect(server->port());
      client.send(i % 3 == 0 ? kGet : "GET / HT");
      if (i % 2 == 0) client.reset();
    }
    return eventually([&] { return server->connections() == 0; });
  };
  ASSERT_TRUE(connect_many(100));
  pass(milliseconds(50));  // The last ones may still wait to be accepted.
  const std::size_t descriptors = open_descriptors();
  const MemoryGrowth growth;
  ASSERT_TRUE(connect_many(2'000));
  EXPECT_TRUE(eventually([&] { return open_descriptors() <= descriptors; }));
  EXPECT_LT(growth.bytes(), 8 * kMiB);
}

}  // namespace
}  // namespace tokenscaler::contract
