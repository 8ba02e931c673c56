#include "prom/settle.h"

#include <limits>

#include <gtest/gtest.h>

namespace tokenscaler::prom {
namespace {

using scaling::ReadingState;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

/// A vLLM pod with a heartbeat 5 s ago, busy, with both token counters.
class SettleTest : public ::testing::Test {
 protected:
  SettleTest() {
    context_.preset = find_preset(model::Engine::Vllm);
    evidence_.heartbeat =
        PodHeartbeat{.freshest_age = Seconds(5), .oldest_age = Seconds(5), .sample_ages = {5.0}};
    evidence_.observed_for = Seconds(100);
    evidence_.scrape = ScrapeState::Working;
  }
  void row(Signal signal, double value, std::size_t preference = 0, RowKind kind = RowKind::Value) {
    evidence_.rows.add({kind, signal, preference}, value);
  }
  scaling::PodSignals settle() { return settle_pod("a", evidence_, context_); }

  SettleContext context_;
  PodEvidence evidence_;
};

TEST_F(SettleTest, AFreshNumberIsFresh) {
  row(Signal::PromptTokens, 100.0);
  const auto pod = settle();
  EXPECT_EQ(pod.prompt_tokens_per_second,
            (scaling::Reading{ReadingState::Fresh, 100.0, Seconds(5)}));
  EXPECT_EQ(pod.observed_for, Seconds(100));
}

TEST_F(SettleTest, ZeroAbsentStaleAndNanAreFourThings) {
  row(Signal::RunningRequests, 0.0);
  row(Signal::GenerationTokens, kNan);
  EXPECT_EQ(settle().running_requests.state, ReadingState::Fresh);
  EXPECT_EQ(settle().prompt_tokens_per_second.state, ReadingState::NotYetBorn);
  EXPECT_EQ(settle().generation_tokens_per_second.state, ReadingState::NotANumber);
  EXPECT_EQ(settle().kv_cache_usage.state, ReadingState::Missing);
  evidence_.heartbeat->freshest_age = evidence_.heartbeat->oldest_age = Seconds(95);
  EXPECT_EQ(settle().running_requests, (scaling::Reading{ReadingState::Stale, 0.0, Seconds(95)}));
  evidence_.heartbeat.reset();
  evidence_.rows = {};
  EXPECT_EQ(settle().prompt_tokens_per_second.state, ReadingState::Missing);
}

TEST_F(SettleTest, ABusyEngineWithoutACounterProvesNothing) {
  row(Signal::RunningRequests, 12.0);
  EXPECT_EQ(settle().prompt_tokens_per_second.state, ReadingState::Missing);
  row(Signal::PromptTokens, 10.0);
  EXPECT_EQ(settle().finished_requests_per_second.state, ReadingState::Missing);
  // Other pods of the target count finished requests, so this one has not finished any.
  context_.known_counters = {Signal::FinishedRequests};
  EXPECT_EQ(settle().finished_requests_per_second.state, ReadingState::NotYetBorn);
}

TEST_F(SettleTest, OneSampleIsTooYoungForARate) {
  row(Signal::RunningRequests, 0.0);
  row(Signal::PromptTokens, 1.0, 0, RowKind::Newborn);
  EXPECT_EQ(settle().prompt_tokens_per_second.state, ReadingState::TooYoung);
  EXPECT_EQ(settle().in_flight_change_per_second.state, ReadingState::TooYoung);
}

TEST_F(SettleTest, ShortHistoryMakesRatesUnknownAndGaugesNot) {
  context_.history_covers_window = false;
  row(Signal::PromptTokens, 100.0);
  row(Signal::RunningRequests, 3.0);
  row(Signal::RunningRequests, 3.0, 0, RowKind::Change);
  EXPECT_EQ(settle().prompt_tokens_per_second.state, ReadingState::TooYoung);
  EXPECT_EQ(settle().in_flight_change_per_second.state, ReadingState::TooYoung);
  EXPECT_EQ(settle().running_requests.state, ReadingState::Fresh);
}

TEST_F(SettleTest, ALostScrapeDoesNotLowerARate) {
  // Window 60 s, scrapes every 15 s, 80 tokens/s all the time. With the newest sample 30 s old,
  // rate() counts the tokens of 60 - 30 + 15/2 = 37.5 s and divides by 60 s: it says 50.
  context_.scrape_interval = Seconds(15);
  row(Signal::PromptTokens, 50.0);
  row(Signal::RunningRequests, 1.0);
  row(Signal::RunningRequests, -30.0, 0, RowKind::Change);
  const auto at_age = [&](double age) {
    evidence_.heartbeat->freshest_age = evidence_.heartbeat->oldest_age = Seconds(age);
    return settle();
  };
  EXPECT_DOUBLE_EQ(at_age(30).prompt_tokens_per_second.value, 80.0);
  EXPECT_EQ(at_age(30).prompt_tokens_per_second.state, ReadingState::Fresh);
  EXPECT_DOUBLE_EQ(at_age(30).in_flight_change_per_second.value, -0.5);
  // Up to 1.1 intervals Prometheus carries the line on by itself.
  EXPECT_DOUBLE_EQ(at_age(16).prompt_tokens_per_second.value, 50.0);
  // Over less than half of the window it is a guess; the gauge is still within its bound.
  context_.freshness = Seconds(38);
  EXPECT_EQ(at_age(31).prompt_tokens_per_second.state, ReadingState::Stale);
  EXPECT_EQ(at_age(31).running_requests.state, ReadingState::Fresh);
}

TEST_F(SettleTest, APodThatWasSilentHasNoRateUntilTheWindowIsFullAgain) {
  // Window 60 s, scrapes every 15 s; silent from 130 s to 40 s ago: rate() knows 40 s of 60 s.
  context_.scrape_interval = Seconds(15);
  evidence_.heartbeat->all_sample_ages = {10.0, 25.0, 40.0, 130.0, 145.0};
  row(Signal::PromptTokens, 50.0);
  EXPECT_EQ(settle().prompt_tokens_per_second.state, ReadingState::TooYoung);
  // With a sample at the beginning of the window, the counter tells what the gap hid.
  evidence_.heartbeat->all_sample_ages = {10.0, 55.0, 70.0};
  EXPECT_EQ(settle().prompt_tokens_per_second.state, ReadingState::Fresh);
  // A new pod had no tokens before.
  evidence_.heartbeat->all_sample_ages = {10.0, 25.0, 40.0};
  EXPECT_EQ(settle().prompt_tokens_per_second.state, ReadingState::Fresh);
}

TEST_F(SettleTest, APodWithBothNamesCountsOnce) {
  row(Signal::KvCacheUsage, 0.4, 1);  // gpu_cache_usage_perc
  EXPECT_EQ(settle().kv_cache_usage.value, 0.4);
  row(Signal::KvCacheUsage, 0.6, 0);  // kv_cache_usage_perc
  EXPECT_EQ(settle().kv_cache_usage.value, 0.6);
}

TEST_F(SettleTest, CachedTokensPreferTheExactCounter) {
  row(Signal::PromptTokens, 100.0);
  row(Signal::CachedPromptTokens, 30.0, 2);  // a hit share of 30: inflated
  EXPECT_EQ(settle().cached_prompt_tokens_per_second.value, 100.0);
  row(Signal::CachedPromptTokens, 25.0, 0);  // prompt_tokens_by_source
  EXPECT_EQ(settle().cached_prompt_tokens_per_second.value, 25.0);
}

TEST_F(SettleTest, CachedSharesAreClamped) {
  row(Signal::PromptTokens, 100.0);
  row(Signal::CachedPromptTokens, -1.0, 4);  // V0's gauge says -1 for unknown
  EXPECT_EQ(settle().cached_prompt_tokens_per_second.value, 0.0);
  evidence_.rows = {};
  row(Signal::PromptTokens, 100.0);
  row(Signal::CachedPromptTokens, kNan, 2);  // 0/0: nothing looked up
  EXPECT_EQ(settle().cached_prompt_tokens_per_second,
            (scaling::Reading{ReadingState::Fresh, 0.0, Seconds(5)}));
}

TEST_F(SettleTest, ChangeOfRequestsInFlightIsPerSecondOfTheWindow) {
  row(Signal::RunningRequests, 10.0);
  row(Signal::WaitingRequests, 4.0);
  row(Signal::RunningRequests, 30.0, 0, RowKind::Change);
  row(Signal::WaitingRequests, -6.0, 0, RowKind::Change);
  EXPECT_DOUBLE_EQ(settle().in_flight_change_per_second.value, 24.0 / 60.0);
}

TEST_F(SettleTest, ARestartIsNotADrain) {
  row(Signal::RunningRequests, 1.0);
  row(Signal::RunningRequests, -30.0, 0, RowKind::Change);
  EXPECT_DOUBLE_EQ(settle().in_flight_change_per_second.value, -0.5);
  row(Signal::GenerationTokens, 1.0, 0, RowKind::Reset);
  EXPECT_DOUBLE_EQ(settle().in_flight_change_per_second.value, 0.0);
}

TEST_F(SettleTest, ASilentRankMakesThePodStaleUnlessItsScrapesWork) {
  evidence_.heartbeat->oldest_age = Seconds(60);
  row(Signal::RunningRequests, 1.0);
  EXPECT_EQ(settle().running_requests.state, ReadingState::Fresh);  // left by an old container
  evidence_.scrape = ScrapeState::Failing;
  EXPECT_EQ(settle().running_requests.state, ReadingState::Stale);
  evidence_.scrape = ScrapeState::Unknown;
  EXPECT_EQ(settle().running_requests.state, ReadingState::Stale);
}

TEST_F(SettleTest, WhatCannotBeIsNotANumber) {
  row(Signal::RunningRequests, -1.0);
  row(Signal::WaitingRequests, std::numeric_limits<double>::infinity());
  row(Signal::KvCacheUsage, 40.0);
  const auto pod = settle();
  EXPECT_EQ(pod.running_requests.state, ReadingState::NotANumber);
  EXPECT_EQ(pod.waiting_requests.state, ReadingState::NotANumber);
  EXPECT_EQ(pod.kv_cache_usage.state, ReadingState::NotANumber);
}

TEST_F(SettleTest, MeansOfNothingAreMissingAndUnitsAreScaled) {
  row(Signal::TimeToFirstToken, kNan);
  EXPECT_EQ(settle().mean_time_to_first_token_seconds.state, ReadingState::Missing);
  context_.preset = find_preset(model::Engine::TensorRtLlm);
  evidence_.rows = {};
  row(Signal::TimeToFirstToken, 250.0, 1);  // Triton's histogram is in ms
  EXPECT_DOUBLE_EQ(settle().mean_time_to_first_token_seconds.value, 0.25);
}

TEST_F(SettleTest, AnEngineBornLateReadsZeroBeforeItsFirstRequest) {
  context_.preset = find_preset(model::Engine::Tgi);
  evidence_.heartbeat.reset();
  // Something of the pod is scraped, maybe a sidecar only.
  EXPECT_EQ(settle().prompt_tokens_per_second.state, ReadingState::Missing);
  EXPECT_EQ(settle().running_requests.state, ReadingState::Missing);
  evidence_.engine_answers = true;
  EXPECT_EQ(settle().prompt_tokens_per_second.state, ReadingState::NotYetBorn);
  EXPECT_EQ(settle().running_requests.state, ReadingState::NotYetBorn);
  EXPECT_EQ(settle().kv_cache_usage.state, ReadingState::Missing);  // TGI has none
  evidence_.scrape = ScrapeState::Failing;
  EXPECT_EQ(settle().prompt_tokens_per_second.state, ReadingState::Missing);
}

TEST_F(SettleTest, SleepIsSeen) {
  row(Signal::Asleep, 0.0);
  EXPECT_FALSE(settle().asleep);
  evidence_.rows = {};
  row(Signal::Asleep, 1.0);
  EXPECT_TRUE(settle().asleep);
}

TEST_F(SettleTest, AGatewaySumsItsNamespacesAndKnowsItsAge) {
  context_.preset = find_preset(model::Engine::InferenceExtension);
  const WallTime now(std::chrono::seconds(1000));
  SignalRows one;
  one.add({RowKind::Value, Signal::QueuedRequests, 0}, 3.0);
  one.add({RowKind::SampledAt, Signal::QueuedRequests, 0}, 990.0);
  SignalRows two;
  two.add({RowKind::Value, Signal::QueuedRequests, 1}, 4.0);
  two.add({RowKind::SampledAt, Signal::QueuedRequests, 1}, 980.0);
  auto gateway = settle_gateway({one, two}, context_, now);
  EXPECT_EQ(gateway.queued_requests, (scaling::Reading{ReadingState::Fresh, 7.0, Seconds(10)}));
  EXPECT_EQ(gateway.prompt_tokens_per_second.state, ReadingState::NotYetBorn);
  gateway = settle_gateway({one, two}, context_, now + std::chrono::seconds(60));
  EXPECT_EQ(gateway.queued_requests.state, ReadingState::Stale);
  EXPECT_EQ(settle_gateway({}, context_, now).queued_requests.state, ReadingState::Missing);
}

TEST_F(SettleTest, ASilentGatewayPodAmongOthersMakesItsSignalsStale) {
  context_.preset = find_preset(model::Engine::InferenceExtension);
  const WallTime now(std::chrono::seconds(1000));
  SignalRows talks;
  talks.add({RowKind::Value, Signal::PromptTokens, 0}, 50.0);
  talks.add({RowKind::Value, Signal::QueuedRequests, 0}, 3.0);
  talks.add({RowKind::SampledAt, Signal::PromptTokens, 0}, 990.0);
  SignalRows silent;
  silent.add({RowKind::Value, Signal::PromptTokens, 0}, 20.0);
  auto gateway = settle_gateway({talks, silent}, context_, now);
  EXPECT_EQ(gateway.prompt_tokens_per_second.state, ReadingState::Stale);
  EXPECT_EQ(gateway.queued_requests.state, ReadingState::Fresh);
  silent.add({RowKind::SampledAt, Signal::PromptTokens, 0}, 960.0);
  gateway = settle_gateway({silent, talks}, context_, now);
  EXPECT_EQ(gateway.prompt_tokens_per_second.state, ReadingState::Stale);
}

}  // namespace
}  // namespace tokenscaler::prom
