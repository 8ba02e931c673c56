// Ten thousand TokenScalers cost a handful of queries, and joining their answers takes no time that
// matters in a cycle of 15 s.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "prom/fleet_reader.h"
#include "unit/prom/fake_prometheus.h"

namespace tokenscaler::prom {
namespace {

using testing::FakeHttpClient;
using testing::FakePrometheus;

constexpr int kTargets = 10'000;
constexpr int kPodsOfTarget = 3;
constexpr int kTargetsOfNamespace = 40;
// Time, up, heartbeats, gauges, rates, changes and means.
constexpr std::size_t kQueries = 7;

TEST(FleetScale, TenThousandTargetsShareTheirQueries) {
  FakePrometheus fake;
  std::vector<ObservationRequest> requests;
  std::string beats;
  std::string gauges;
  std::string rates;
  const auto add = [](std::string& to, std::string row) { to += (to.empty() ? "" : ",") + row; };
  for (int target = 0; target < kTargets; ++target) {
    ObservationRequest& request = requests.emplace_back();
    request.name_space = fmt::format("ns-{}", target / kTargetsOfNamespace);
    request.metrics.engine = model::Engine::Vllm;
    request.metrics.series_match_labels = {{"model_name", fmt::format("model-{}", target)}};
    request.pods.emplace();
    for (int i = 0; i < kPodsOfTarget; ++i) {
      const std::string pod = fmt::format("pod-{}-{}", target, i);
      request.pods->push_back(pod);
      const std::string labels =
          fmt::format(R"("namespace":"{}","pod":"{}","model_name":"model-{}")", request.name_space,
                      pod, target);
      add(beats,
          fmt::format(
              R"({{"metric":{{{}}},"values":[[1699999930,"1"],[1699999945,"1"],[1699999960,"1"],[1699999975,"1"],[1699999990,"1"]]}})",
              labels));
      add(gauges, fake.row(labels + R"(,"tks_signal":"running_requests/0")", "2"));
      add(rates,
          fake.row(labels + R"(,"tks_signal":"prompt_tokens/0")", fmt::format("{}", target)));
    }
  }
  fake.heartbeats = beats;
  fake.gauges = gauges;
  fake.rates = rates;
  std::size_t longest = 0;
  FakeHttpClient http([&](const http::ClientRequest& request) {
    longest = std::max(longest, testing::form_field(request, "query").size());
    return fake.answer(request);
  });
  ManualClock clock(fake.wall());
  Server server;
  server.url = "http://prom";
  server.max_concurrent_queries = 1;
  FleetReader reader(server, http, clock);
  const SystemClock stopwatch;
  const auto start = stopwatch.steady();
  const auto results = reader.read(requests, {});
  const std::chrono::duration<double> took = stopwatch.steady() - start;
  EXPECT_EQ(reader.queries_of_last_read(), kQueries);
  EXPECT_EQ(http.requests().size(), kQueries);
  EXPECT_LT(longest, 20'000U);
  for (int target = 0; target < kTargets; ++target) {
    const auto& result = results[static_cast<std::size_t>(target)];
    ASSERT_TRUE(result) << result.error().to_string();
    ASSERT_EQ(result->pods.size(), static_cast<std::size_t>(kPodsOfTarget));
    for (const auto& pod : result->pods) {
      EXPECT_EQ(pod.prompt_tokens_per_second.value, target);
      EXPECT_EQ(pod.running_requests.value, 2.0);
    }
  }
  RecordProperty("seconds", std::to_string(took.count()));
#if defined(NDEBUG) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  EXPECT_LT(took.count(), 5.0);
#endif
}

TEST(FleetScale, IdenticalCustomQueriesAreSentOnce) {
  FakePrometheus fake;
  fake.custom["same"] = fake.row(R"("namespace":"ml","pod":"a")", "1");
  FakeHttpClient http([&](const http::ClientRequest& request) { return fake.answer(request); });
  ManualClock clock(fake.wall());
  Server server;
  server.url = "http://prom";
  FleetReader reader(server, http, clock);
  std::vector<ObservationRequest> requests(100);
  for (ObservationRequest& request : requests) {
    request.name_space = "ml";
    request.metrics.engine = model::Engine::Custom;
    request.metrics.queries.prompt_tokens = "same";
    request.metrics.queries.generation_tokens = "same";
  }
  for (const auto& result : reader.read(requests, {})) EXPECT_TRUE(result);
  EXPECT_EQ(reader.queries_of_last_read(), 4U);  // time, up, heartbeats, the query
}

}  // namespace
}  // namespace tokenscaler::prom
