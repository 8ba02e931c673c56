// What a person reads of a decision.
#include "decision_text.h"

#include <algorithm>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "scaling/decide.h"

namespace tokenscaler::cli {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr WallTime kNow{std::chrono::hours(10)};

scaling::Reading fresh(double value) {
  return {.state = scaling::ReadingState::Fresh, .value = value, .age = Seconds(5)};
}

/// 4,000 prompt tokens/s of which 1,000 are cached, 500 generated tokens/s, 4 requests/s.
scaling::PodSignals busy_pod(std::string name) {
  scaling::PodSignals pod;
  pod.pod = std::move(name);
  pod.prompt_tokens_per_second = fresh(4'000);
  pod.cached_prompt_tokens_per_second = fresh(1'000);
  pod.generation_tokens_per_second = fresh(500);
  pod.finished_requests_per_second = fresh(4);
  pod.running_requests = fresh(20);
  pod.waiting_requests = fresh(2);
  pod.in_flight_change_per_second = fresh(0);
  pod.kv_cache_usage = fresh(0.5);
  pod.mean_prompt_tokens = fresh(1'000);
  pod.mean_generation_tokens = fresh(125);
  return pod;
}

model::TokenScaler llama() {
  model::TokenScaler object;
  object.metadata.name = "llama";
  object.metadata.name_space = "serving";
  object.spec.scale_target_ref.name = "llama-8b";
  object.spec.max_replicas = Replicas(10);
  object.spec.capacity.tokens_per_second_per_gpu = {.prompt = TokensPerSecond(8'000),
                                                    .generation = TokensPerSecond(600)};
  object.spec.cost.emplace();
  object.spec.cost->price_per_gpu_hour = Decimal::parse("2.95").value();
  object.spec.cost->storage_per_replica_hour = Decimal::parse("0.05").value();
  return object;
}

Advice advise(const Result<scaling::Observation>& observation) {
  const model::TokenScaler object = llama();
  scaling::TargetState target;
  target.spec_replicas = Replicas(1);
  target.pods.push_back(
      {.name = "llama-8b-a", .phase = scaling::PodPhase::Ready, .since = WallTime{}});
  scaling::Outcome outcome = scaling::decide(
      {.spec = object.spec, .target = target, .observation = observation}, {}, kNow);
  return {.decision = std::move(outcome.decision),
          .target = target,
          .source = TargetSource::KubeStateMetrics};
}

scaling::Observation one_busy_pod() {
  scaling::Observation observation;
  observation.evaluated_at = kNow;
  observation.effective_window = Seconds(60);
  observation.scrape_interval = Seconds(15);
  observation.engine = model::Engine::Vllm;
  observation.pods = {busy_pod("llama-8b-a")};
  return observation;
}

// By hand: generation offered 4/s x 125 = 500; backlog 2 x 125 / 10 s = 25; x 1.3 = 682.5;
// / 600 = 1.14 replicas -> 2. Prompt: 4/s x 1,000 x 0.75 = 3,000 + 150, x 1.3 / 8,000 = 0.51.
// One replica costs 2.95 + 0.05 = 3.00/h; over 4,500 tokens/s that is 0.1852 for each million.
TEST(DecisionText, ExplainNamesTheFormulaTheReasonAndTheCost) {
  const std::string text = explain(llama(), advise(one_busy_pod()));
  EXPECT_THAT(text, StartsWith("serving/llama (Deployment llama-8b): 1 -> 2 replicas, ScaleUp, "
                               "bound by GenerationTokens\n"));
  EXPECT_THAT(text,
              HasSubstr("prompt      3000 tokens/s served, 3000 offered + 150 backlog, "
                        "4095 required; one replica serves 8000; 1000 more came from caches"));
  EXPECT_THAT(text, HasSubstr("generation  500 tokens/s served, 500 offered + 25 backlog, "
                              "682 required; one replica serves 600"));
  EXPECT_THAT(text, HasSubstr("4.00/s arrive, 22 in flight, 2 of them wait; 1000 prompt "
                              "(75 % uncached) and 125 generated tokens each"));
  EXPECT_THAT(text, HasSubstr("1.14 GenerationTokens   (500 offered + 25 backlog) x 1.3 / 600 "
                              "tokens/s per replica"));
  EXPECT_THAT(text, HasSubstr("USD 3.00/h now, USD 6.00/h desired"));
  EXPECT_THAT(text, HasSubstr("observed    USD 0.1852/1M tokens all"));
  EXPECT_THAT(text, EndsWith("\n"));
}

TEST(DecisionText, WithoutMetricsNothingIsInvented) {
  const Error down = make_error(ErrorCode::Unavailable, "connection refused");
  const Advice advice = advise(down);
  const std::string text = explain(llama(), advice);
  EXPECT_THAT(text, HasSubstr("1 -> 1 replicas, Hold, bound by None"));
  EXPECT_THAT(text, HasSubstr("MetricsUnavailable: connection refused; 1 replicas are held"));
  EXPECT_THAT(text, Not(HasSubstr("tokens/s served")));
  EXPECT_THAT(table_row(advice), HasSubstr(" - "));
}

TEST(DecisionText, ARowHasTheColumnsOfTheHeader) {
  const std::string row = table_row(advise(one_busy_pod()));
  EXPECT_THAT(row, StartsWith("10:00:00 "));
  EXPECT_THAT(row, HasSubstr("USD 3.00/h"));
  EXPECT_THAT(row, HasSubstr("USD 0.1852"));
  EXPECT_EQ(std::count(row.begin(), row.end(), '\n'), 1);
  // The reason is the last column and begins where its heading does.
  const std::size_t column = table_header().find("REASON");
  EXPECT_EQ(row.substr(column), "ValidMetricFound\n");
}

}  // namespace
}  // namespace tokenscaler::cli
