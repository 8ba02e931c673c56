#include "scaling/measure.h"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "unit/scaling/fleet_builder.h"

namespace tokenscaler::scaling {
namespace {

using namespace testing;

Measurement measure_of(const Snapshot& snapshot) {
  return measure(*snapshot.observation, snapshot.target, kNow, snapshot.spec.metrics);
}

/// The readings without which a pod's load is not known.
const std::vector<std::pair<std::string, Reading PodSignals::*>> kNeeded{
    {"prompt tokens/s", &PodSignals::prompt_tokens_per_second},
    {"generation tokens/s", &PodSignals::generation_tokens_per_second},
    {"finished requests/s", &PodSignals::finished_requests_per_second},
    {"running requests", &PodSignals::running_requests},
    {"waiting requests", &PodSignals::waiting_requests},
    {"change of requests in flight", &PodSignals::in_flight_change_per_second},
    {"KV-cache use", &PodSignals::kv_cache_usage},
};

/// The readings that only refine what is known.
const std::vector<Reading PodSignals::*> kOptional{
    &PodSignals::cached_prompt_tokens_per_second,
    &PodSignals::mean_prompt_tokens,
    &PodSignals::mean_generation_tokens,
    &PodSignals::mean_time_to_first_token_seconds,
    &PodSignals::mean_time_per_output_token_seconds,
};

constexpr ReadingState kUnusable[] = {ReadingState::TooYoung, ReadingState::Missing,
                                      ReadingState::Stale, ReadingState::NotANumber};

TEST(Measure, SumsTheKnownPods) {
  const Measurement m = measure_of(basic_snapshot(3));
  EXPECT_EQ(m.replicas, (counts_of({{&ReplicaCounts::measured, 3}})));
  EXPECT_EQ(m.known, Replicas(3));
  EXPECT_DOUBLE_EQ(m.prompt.value(), 3000.0);
  EXPECT_DOUBLE_EQ(m.generation.value(), 600.0);
  EXPECT_DOUBLE_EQ(m.finished.value(), 6.0);
  EXPECT_DOUBLE_EQ(m.running.value(), 24.0);
  EXPECT_TRUE(m.in_flight_known);
  EXPECT_TRUE(m.finished_known);
  ASSERT_TRUE(m.kv_cache_usage_sum);
  EXPECT_NEAR(*m.kv_cache_usage_sum, 0.9, 1e-12);
  EXPECT_EQ(m.window, Seconds(60));
}

TEST(Measure, EveryUnusableNeededReadingMakesItsPodDark) {
  for (const auto& [name, member] : kNeeded) {
    for (const ReadingState state : kUnusable) {
      SCOPED_TRACE(name + " " + std::string(to_string(state)));
      Snapshot snapshot = basic_snapshot(3);
      snapshot.observation->pods[1].*member = unusable(state, 95.0);
      const Measurement m = measure_of(snapshot);
      EXPECT_EQ(m.replicas.measured, Replicas(2));
      EXPECT_EQ(m.replicas.dark, Replicas(1));
      EXPECT_EQ(m.known, Replicas(2));
      EXPECT_DOUBLE_EQ(m.generation.value(), 400.0);
      ASSERT_EQ(m.dark_details.size(), 1U);
      EXPECT_EQ(m.dark_details[0],
                "pod-1: " + name + " is " + std::string(to_string(state)) + " (95 s old)");
    }
  }
}

TEST(Measure, ACounterThatIsNotYetBornReadsZero) {
  Snapshot snapshot = basic_snapshot(2);
  snapshot.observation->pods[0] = idle_pod("pod-0");
  const Measurement m = measure_of(snapshot);
  EXPECT_EQ(m.replicas.measured, Replicas(2));
  EXPECT_DOUBLE_EQ(m.prompt.value(), 1000.0);
}

TEST(Measure, UnusableOptionalReadingsDarkenNothing) {
  for (const auto member : kOptional) {
    for (const ReadingState state : kUnusable) {
      Snapshot snapshot = basic_snapshot(2);
      snapshot.observation->pods[0].*member = unusable(state, 95.0);
      EXPECT_EQ(measure_of(snapshot).replicas.measured, Replicas(2));
    }
  }
}

TEST(Measure, ImplausibleValuesAreNotBelieved) {
  const double infinity = std::numeric_limits<double>::infinity();
  for (const double value : {std::nan(""), infinity, -infinity, 1e300, 1e13}) {
    for (const auto& [name, member] : kNeeded) {
      SCOPED_TRACE(name + " = " + std::to_string(value));
      Snapshot snapshot = basic_snapshot(2);
      snapshot.observation->pods[0].*member = fresh(value);
      EXPECT_EQ(measure_of(snapshot).replicas.dark, Replicas(1));
    }
  }
}

TEST(Measure, OnlyTheChangeOfRequestsInFlightMayBeNegative) {
  for (const auto& [name, member] : kNeeded) {
    SCOPED_TRACE(name);
    Snapshot snapshot = basic_snapshot(2);
    snapshot.observation->pods[0].*member = fresh(-1.0);
    const bool allowed = member == &PodSignals::in_flight_change_per_second;
    EXPECT_EQ(measure_of(snapshot).replicas.dark, Replicas(allowed ? 0 : 1));
    if (!allowed) {
      EXPECT_EQ(measure_of(snapshot).dark_details[0],
                "pod-0: " + name + " reads -1, which cannot be");
    }
  }
}

TEST(Measure, WhatNoPodHasIsAMatterOfTheEngine) {
  const std::vector<Reading PodSignals::*> not_everywhere{
      &PodSignals::finished_requests_per_second, &PodSignals::running_requests,
      &PodSignals::waiting_requests, &PodSignals::in_flight_change_per_second,
      &PodSignals::kv_cache_usage};
  for (const auto member : not_everywhere) {
    Snapshot snapshot = basic_snapshot(2);
    for (PodSignals& pod : snapshot.observation->pods) {
      pod.*member = unusable(ReadingState::Missing);
    }
    EXPECT_EQ(measure_of(snapshot).replicas.measured, Replicas(2));
  }
}

TEST(Measure, InFlightIsKnownOnlyWithBothGauges) {
  Snapshot snapshot = basic_snapshot(1);
  snapshot.observation->pods[0].waiting_requests = unusable(ReadingState::Missing);
  EXPECT_FALSE(measure_of(snapshot).in_flight_known);
}

TEST(Measure, SeriesOfOtherPodsSayNothingOfThisTarget) {
  Snapshot snapshot = basic_snapshot(1);
  snapshot.observation->pods[0].kv_cache_usage = unusable(ReadingState::Missing);
  snapshot.observation->pods.push_back(busy_pod("somebody-else"));
  const Measurement m = measure_of(snapshot);
  EXPECT_EQ(m.foreign_pods, 1U);
  EXPECT_EQ(m.replicas.measured, Replicas(1)) << "the other pod's KV gauge made ours dark";
  EXPECT_DOUBLE_EQ(m.prompt.value(), 1000.0);
}

TEST(Measure, APodWithoutAnySeriesIsDark) {
  Snapshot snapshot = basic_snapshot(2);
  snapshot.observation->pods.pop_back();
  const Measurement m = measure_of(snapshot);
  EXPECT_EQ(m.replicas.dark, Replicas(1));
  EXPECT_EQ(m.dark_details[0], "pod-1: no series at all");
}

TEST(Measure, APodWarmsUpForAWindowAndTwoScrapes) {
  // 60 s + 2 x 15 s.
  for (const auto& [age, warming] : {std::pair(89, true), std::pair(90, false)}) {
    Snapshot snapshot = basic_snapshot(2);
    snapshot.target.pods[0].since = ago(age);
    snapshot.observation->pods[0] = silent_pod("pod-0");
    const Measurement m = measure_of(snapshot);
    EXPECT_EQ(m.replicas.warming, Replicas(warming ? 1 : 0));
    EXPECT_EQ(m.replicas.dark, Replicas(warming ? 0 : 1));
  }
}

TEST(Measure, AWarmingPodWithRatesCountsItsTraffic) {
  Snapshot snapshot = basic_snapshot(2);
  snapshot.target.pods[0].since = ago(30);
  const Measurement m = measure_of(snapshot);
  EXPECT_EQ(m.replicas.warming, Replicas(1));
  EXPECT_EQ(m.known, Replicas(2));
  EXPECT_DOUBLE_EQ(m.prompt.value(), 2000.0);
}

TEST(Measure, EachPodIsCountedOnceInItsPhase) {
  Snapshot snapshot = basic_snapshot(1);
  snapshot.target.cold_start_p95 = Seconds(100);
  snapshot.observation->pods.push_back(busy_pod("asleep"));
  snapshot.observation->pods.back().asleep = true;
  snapshot.target.pods.push_back(ready_pod("asleep"));
  snapshot.target.pods.push_back(pod_in(PodPhase::Starting, "starting", 200));
  snapshot.target.pods.push_back(pod_in(PodPhase::Starting, "overdue", 201));
  snapshot.target.pods.push_back(pod_in(PodPhase::Failing, "failing"));
  snapshot.target.pods.push_back(pod_in(PodPhase::Unschedulable, "unschedulable"));
  snapshot.target.pods.push_back(pod_in(PodPhase::Terminating, "terminating"));
  snapshot.target.pods.push_back(ready_pod("surge"));
  snapshot.target.pods.back().surplus = true;
  const ReplicaCounts counts = measure_of(snapshot).replicas;
  EXPECT_EQ(counts, (counts_of({{&ReplicaCounts::measured, 1},
                                {&ReplicaCounts::asleep, 1},
                                {&ReplicaCounts::starting, 1},
                                {&ReplicaCounts::overdue, 1},
                                {&ReplicaCounts::failing, 1},
                                {&ReplicaCounts::unschedulable, 1},
                                {&ReplicaCounts::terminating, 1}})));
  EXPECT_EQ(counts.ready(), Replicas(2));
  EXPECT_EQ(counts.unproductive(), Replicas(3));
}

TEST(Measure, WithoutAMeasuredColdStartAPodIsOverdueAfterTwentyMinutes) {
  Snapshot snapshot = basic_snapshot(0);
  snapshot.target.pods = {pod_in(PodPhase::Starting, "a", 1200),
                          pod_in(PodPhase::Starting, "b", 1201)};
  EXPECT_EQ(measure_of(snapshot).replicas.starting, Replicas(1));
  EXPECT_EQ(measure_of(snapshot).replicas.overdue, Replicas(1));
}

TEST(Measure, TrafficOfTerminatingAndSurgePodsIsLoad) {
  Snapshot snapshot = basic_snapshot(3);
  snapshot.target.pods[1].phase = PodPhase::Terminating;
  snapshot.target.pods[2].surplus = true;
  const Measurement m = measure_of(snapshot);
  EXPECT_DOUBLE_EQ(m.prompt.value(), 3000.0);
  EXPECT_EQ(m.known, Replicas(1));
  ASSERT_TRUE(m.kv_cache_usage_sum);
  EXPECT_DOUBLE_EQ(*m.kv_cache_usage_sum, 0.3);
}

TEST(Measure, CachedTokensAreTakenOutAndNeverMoreThanThereAre) {
  Snapshot snapshot = basic_snapshot(2);
  snapshot.observation->pods[0].cached_prompt_tokens_per_second = fresh(250.0);
  snapshot.observation->pods[1].cached_prompt_tokens_per_second = fresh(30'000.0);
  const Measurement m = measure_of(snapshot);
  EXPECT_DOUBLE_EQ(m.uncached_prompt.value(), 750.0);
  EXPECT_DOUBLE_EQ(m.cached_prompt.value(), 1250.0);
}

TEST(Measure, MeansAreWeightedByFinishedRequests) {
  Snapshot snapshot = basic_snapshot(2);
  PodSignals& large = snapshot.observation->pods[1];
  large.finished_requests_per_second = fresh(6.0);
  large.mean_prompt_tokens = fresh(900.0);
  // (2 x 500 + 6 x 900) / 8
  EXPECT_DOUBLE_EQ(measure_of(snapshot).mean_prompt->value(), 800.0);
}

TEST(Measure, WithoutHistogramsMeansComeFromTheRates) {
  Snapshot snapshot = basic_snapshot(2);
  for (PodSignals& pod : snapshot.observation->pods) {
    pod.mean_prompt_tokens = unusable(ReadingState::Missing);
    pod.mean_generation_tokens = unusable(ReadingState::Missing);
  }
  const Measurement m = measure_of(snapshot);
  EXPECT_DOUBLE_EQ(m.mean_prompt->value(), 500.0);      // 2000 tokens/s over 4 requests/s
  EXPECT_DOUBLE_EQ(m.mean_generation->value(), 100.0);  // 400 over 4
}

TEST(Measure, NamesAtMostFiveDarkPods) {
  Snapshot snapshot = basic_snapshot(9);
  snapshot.observation->pods.clear();
  const Measurement m = measure_of(snapshot);
  EXPECT_EQ(m.replicas.dark, Replicas(9));
  EXPECT_EQ(m.dark_details.size(), kMaxDarkDetails);
  EXPECT_FALSE(m.any_load_known());
}

GatewaySignals busy_gateway() {
  return {.prompt_tokens_per_second = fresh(1000.0),
          .cached_prompt_tokens_per_second = fresh(100.0),
          .generation_tokens_per_second = fresh(200.0),
          .finished_requests_per_second = fresh(2.0),
          .queued_requests = fresh(5.0)};
}

TEST(MeasureGateway, IsReadBesideTheEngines) {
  Snapshot snapshot = basic_snapshot(1);
  snapshot.observation->gateway = busy_gateway();
  const Measurement m = measure_of(snapshot);
  EXPECT_TRUE(m.gateway_known);
  EXPECT_DOUBLE_EQ(m.gateway_queued.value(), 5.0);
  EXPECT_DOUBLE_EQ(m.prompt.value(), 1000.0) << "the same tokens are not counted twice";
  EXPECT_FALSE(m.gateway_trouble);
}

TEST(MeasureGateway, AQueueWithoutTokenCountersIsUsed) {
  Snapshot snapshot = basic_snapshot(1);
  snapshot.observation->gateway = GatewaySignals{};
  snapshot.observation->gateway->queued_requests = fresh(7.0);
  const Measurement m = measure_of(snapshot);
  EXPECT_FALSE(m.gateway_known);
  EXPECT_DOUBLE_EQ(m.gateway_queued.value(), 7.0);
  EXPECT_FALSE(m.gateway_trouble);
}

TEST(MeasureGateway, AFigureThatCannotBeUsedIsTrouble) {
  for (const ReadingState state :
       {ReadingState::Stale, ReadingState::NotANumber, ReadingState::TooYoung}) {
    Snapshot snapshot = basic_snapshot(1);
    snapshot.observation->gateway = busy_gateway();
    snapshot.observation->gateway->queued_requests = unusable(state, 95.0);
    EXPECT_EQ(measure_of(snapshot).gateway_trouble,
              "queued requests is " + std::string(to_string(state)) + " (95 s old)");
  }
}

TEST(MeasureGateway, AsTheOnlySourceItIsTheFleet) {
  for (const model::Engine engine :
       {model::Engine::LiteLlm, model::Engine::EnvoyAiGateway, model::Engine::InferenceExtension}) {
    Snapshot snapshot = basic_snapshot(2);
    snapshot.spec.metrics.engine = engine;
    snapshot.observation->pods = {silent_pod("pod-0"), silent_pod("pod-1")};
    snapshot.observation->gateway = busy_gateway();
    const Measurement m = measure_of(snapshot);
    EXPECT_EQ(m.replicas, (counts_of({{&ReplicaCounts::measured, 2}})));
    EXPECT_DOUBLE_EQ(m.uncached_prompt.value(), 900.0);
    EXPECT_DOUBLE_EQ(m.mean_prompt->value(), 500.0);
    EXPECT_TRUE(m.any_load_known());
  }
}

TEST(MeasureGateway, UnderEngineAutoPodsMustStillSpeak) {
  Snapshot snapshot = basic_snapshot(2);
  snapshot.observation->pods.clear();
  snapshot.observation->gateway = busy_gateway();
  EXPECT_EQ(measure_of(snapshot).replicas.dark, Replicas(2));
}

TEST(Measure, TimesThatCannotBeAreNotUsed) {
  for (const double absurd : {std::nan(""), -1.0, 0.0, 1e300}) {
    Snapshot snapshot = basic_snapshot(1);
    snapshot.observation->effective_window = Seconds(absurd);
    snapshot.observation->scrape_interval = Seconds(absurd);
    snapshot.target.cold_start_p95 = Seconds(absurd);
    EXPECT_EQ(measure_of(snapshot).window, Seconds(60)) << "spec.metrics.windowSeconds";
    EXPECT_FALSE(plausible_cold_start(snapshot.target));
  }
}

TEST(CountWithoutObservation, EveryReadyReplicaIsDark) {
  Snapshot snapshot = basic_snapshot(2);
  snapshot.target.pods.push_back(pod_in(PodPhase::Starting, "starting"));
  EXPECT_EQ(count_without_observation(snapshot.target, kNow),
            (counts_of({{&ReplicaCounts::dark, 2}, {&ReplicaCounts::starting, 1}})));
}

TEST(ReadingState, OnlyFreshAndNotYetBornAreKnown) {
  EXPECT_TRUE(fresh(0.0).known());
  EXPECT_TRUE(unusable(ReadingState::NotYetBorn).known());
  for (const ReadingState state : kUnusable) EXPECT_FALSE(unusable(state).known());
}

}  // namespace
}  // namespace tokenscaler::scaling
