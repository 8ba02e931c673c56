// No traffic, the first traffic, and more traffic than the fleet can serve.
#include "cases/expectations.h"
#include "cases/scripts.h"

namespace tokenscaler::e2e {

using namespace std::chrono_literals;
using scaling::ReadingState;
using scaling::ReasonCode;

namespace {

constexpr std::chrono::seconds kEnd = 166s;
constexpr std::chrono::seconds kCooldown = 20s;
constexpr std::chrono::seconds kQuiet = 50s;
constexpr std::chrono::seconds kOverload = 50s;

/// Saturated: what finishes stays at 5 requests/s while 2 more a second pile up.
constexpr EngineLoad kSaturated{.prompt_tokens_per_second = 1250,
                                .cached_prompt_tokens_per_second = 0,
                                .generation_tokens_per_second = 500,
                                .finished_requests_per_second = 5,
                                .running_requests = 8,
                                .waiting_requests = 0,
                                .waiting_growth_per_second = 2,
                                .kv_cache_usage = 0.8};

/// Requests in the batch, and none has finished: counters do not exist yet.
constexpr EngineLoad kFirstPrefill{.running_requests = 4, .kv_cache_usage = 0.1};

}  // namespace

void script_traffic(Timeline& timeline) {
  Fleet& unborn = timeline.add_fleet({.name = "never-asked", .load = EngineLoad{}});
  unborn.spec.behavior.scale_down.stabilization_window = kCooldown;

  Fleet& quiet = timeline.add_fleet({.name = "gone-quiet"});
  quiet.spec.behavior.scale_down.stabilization_window = kCooldown;
  timeline.at(kQuiet, [&quiet] {
    for (std::size_t i = 0; i < 3; ++i) quiet.engine(i).set_load(EngineLoad{});
  });

  timeline.add_fleet({.name = "first-prefill", .load = kFirstPrefill});

  Fleet& overload = timeline.add_fleet({.name = "overload"});
  timeline.at(kOverload, [&overload] {
    for (std::size_t i = 0; i < 3; ++i) overload.engine(i).set_load(kSaturated);
  });
}

namespace {

// Gauges say 0 and counters do not exist: nobody has asked. That is known, and shrinks the fleet
// to its minimum when the cooldown is over.
TEST(Traffic, CountersNotYetBornAreZeroTraffic) {
  const Fleet& fleet = recorded("never-asked");
  expect_each(fleet, kWarm, kEnd, [](const Cycle& cycle) {
    const scaling::PodSignals signals = signals_of(cycle, "llm-0");
    const bool unborn = signals.prompt_tokens_per_second.state == ReadingState::NotYetBorn &&
                        signals.generation_tokens_per_second.state == ReadingState::NotYetBorn &&
                        signals.finished_requests_per_second.state == ReadingState::NotYetBorn &&
                        reads(signals.running_requests, 0);
    if (!unborn) return testing::AssertionFailure() << "another state" << describe(cycle);
    if (!has_reason(cycle, ReasonCode::ZeroTraffic)) {
      return testing::AssertionFailure() << "does not say ZeroTraffic" << describe(cycle);
    }
    return testing::AssertionSuccess();
  });
  // The cooldown counts from the first evaluation, where what was there is what was recommended.
  expect_each(fleet, 0s, kCooldown, [](const Cycle& cycle) {
    if (cycle.decision->desired == Replicas(3)) return testing::AssertionSuccess();
    return testing::AssertionFailure() << "the cooldown did not count" << describe(cycle);
  });
  expect_each(fleet, kWarm + kCooldown + 4s, kEnd, [](const Cycle& cycle) {
    if (cycle.decision->desired == Replicas(1)) return testing::AssertionSuccess();
    return testing::AssertionFailure() << "not at the minimum" << describe(cycle);
  });
}

// Counters that exist and stand still are a rate of 0, after the window has passed them.
TEST(Traffic, CountersThatStandStillAreZeroTraffic) {
  const Fleet& fleet = recorded("gone-quiet");
  expect_each(fleet, kWarm, kQuiet,
              [](const Cycle& cycle) { return is_right(cycle, 3 * kReplicasPerTypicalEngine, 3); });
  expect_each(fleet, kQuiet, kQuiet + kCooldown, [](const Cycle& cycle) {
    if (cycle.decision->desired == Replicas(3)) return testing::AssertionSuccess();
    return testing::AssertionFailure() << "the cooldown did not count" << describe(cycle);
  });
  expect_each(fleet, kQuiet + 18s, kEnd, [](const Cycle& cycle) {
    const testing::AssertionResult zero =
        reads(signals_of(cycle, "llm-1").generation_tokens_per_second, 0);
    if (!zero || !has_reason(cycle, ReasonCode::ZeroTraffic)) {
      return testing::AssertionFailure() << zero.message() << describe(cycle);
    }
    return testing::AssertionSuccess();
  });
  EXPECT_EQ(fleet.cycles.back().decision->desired, Replicas(1));
  EXPECT_EQ(fleet.cycles.back().decision->verdict, scaling::Verdict::ScaleDown);
}

// Work in the batch and no counter yet is not zero traffic.
TEST(Traffic, FirstPrefillIsNotZeroTraffic) {
  const Fleet& fleet = recorded("first-prefill");
  expect_never_down(fleet);
  expect_each(fleet, kWarm, kEnd, [](const Cycle& cycle) {
    if (has_reason(cycle, ReasonCode::ZeroTraffic)) {
      return testing::AssertionFailure() << "says ZeroTraffic" << describe(cycle);
    }
    if (has_reason(cycle, ReasonCode::DarkReplicas) ||
        has_reason(cycle, ReasonCode::RequestShapeUnknown) ||
        has_reason(cycle, ReasonCode::MetricsUnavailable)) {
      return testing::AssertionSuccess();
    }
    return testing::AssertionFailure() << "does not say why it holds" << describe(cycle);
  });
}

// Served tokens stay at 1500/s; what is asked for does not. From one window after the beginning:
//   arrivals = 3 x (5 finished + 2 more in flight) = 21 requests/s of 100 generated tokens
//   waiting  = 3 x 2 x t, and the queue has to be gone in 10 s: 6 t x 100 / 10 = 60 t tokens/s
//   needed   = (2100 + 60 t) x 1.2 / 500
TEST(Traffic, OverloadIsSeenBeyondWhatIsServed) {
  const Fleet& fleet = recorded("overload");
  expect_never_down(fleet);
  double last = 0.0;
  for (const Cycle* cycle : cycles_between(fleet, kOverload + 18s, kOverload + 60s)) {
    const double since = cycle->at.count() - Seconds(kOverload).count();
    // The gauges are up to a scrape and a half old.
    const double needed = (2100 + 60 * since) * 1.2 / 500;
    ASSERT_TRUE(cycle->decision->recommendation) << describe(*cycle);
    EXPECT_NEAR(cycle->decision->recommendation->needed, needed,
                needed * kRateBound + 60 * 1.5 * 1.2 / 500)
        << describe(*cycle);
    EXPECT_GT(cycle->decision->recommendation->needed, last) << describe(*cycle);
    EXPECT_EQ(cycle->decision->verdict, scaling::Verdict::ScaleUp) << describe(*cycle);
    EXPECT_NEAR(cycle->decision->measurement->generation.value(), 1500, 1500 * kRateBound);
    last = cycle->decision->recommendation->needed;
  }
  EXPECT_GT(last, 3 * 3.0) << "three times the fleet is asked for by now";
}

}  // namespace

}  // namespace tokenscaler::e2e
