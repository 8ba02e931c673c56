// Scrapes that fail and engines that go silent: the recommendation stays right, or it holds and
// says why. Light load: figures that are 8 % too low would make two of three replicas.
#include "cases/expectations.h"
#include "cases/scripts.h"

namespace tokenscaler::e2e {

using namespace std::chrono_literals;
using scaling::ReadingState;
using scaling::ReasonCode;

namespace {

constexpr std::chrono::seconds kFault = 50s;
constexpr std::chrono::seconds kBack = 100s;
constexpr std::chrono::seconds kEnd = 166s;
constexpr double kThreeEngines = 3 * kReplicasPerLightEngine;
constexpr std::string_view kFaulty = "llm-2";
constexpr std::size_t kFaultyIndex = 2;

/// A fleet whose third pod fails in one way from kFault until `until`.
void script_fault(Timeline& timeline, std::string name, ScrapeFault fault,
                  std::chrono::milliseconds until) {
  Fleet& fleet = timeline.add_fleet({.name = std::move(name), .load = kLightLoad});
  timeline.at(kFault, [&fleet, fault] { fleet.engine(kFaultyIndex).set_fault(fault); });
  timeline.at(until, [&fleet] { fleet.engine(kFaultyIndex).set_fault(ScrapeFault::None); });
}

testing::AssertionResult is_right_or_dark(const Cycle& cycle) {
  const testing::AssertionResult right = is_right(cycle, kThreeEngines, 3, 0.08);
  if (right) return right;
  const testing::AssertionResult held = holds(cycle, ReasonCode::DarkReplicas);
  if (held) return held;
  return testing::AssertionFailure() << "neither right (" << right.message() << ") nor held";
}

/// Silent from kFault on for good: dark until the end.
void expect_dark(const Fleet& fleet, std::chrono::seconds until, std::vector<ReadingState> states) {
  expect_never_down(fleet);
  expect_each(fleet, kFault, until, is_right_or_dark);
  // Freshness is judged by 30 s; discovery takes five more.
  expect_each(fleet, kFault + 40s, until, [&](const Cycle& cycle) {
    const scaling::PodSignals signals = signals_of(cycle, kFaulty);
    const bool expected = std::find(states.begin(), states.end(),
                                    signals.generation_tokens_per_second.state) != states.end();
    if (!expected) return testing::AssertionFailure() << "another state" << describe(cycle);
    return holds(cycle, ReasonCode::DarkReplicas);
  });
}

void script_vanished(Timeline& timeline) {
  Fleet& fleet = timeline.add_fleet({.name = "vanished", .load = kLightLoad});
  timeline.at(kFault, [&timeline, &fleet] {
    fleet.pods[kFaultyIndex].scraped = false;
    timeline.publish_targets();
  });
}

/// A proxy or a push gateway goes on serving the last page with its old stamps: the scrapes
/// succeed, and Prometheus never writes a staleness marker.
void script_old_stamps(Timeline& timeline) {
  Fleet& fleet = timeline.add_fleet(
      {.name = "old-stamps", .load = kLightLoad, .identity = {.explicit_stamps = true}});
  timeline.at(kFault, [&fleet] { fleet.engine(kFaultyIndex).freeze(); });
}

void script_not_a_number(Timeline& timeline) {
  Fleet& fleet = timeline.add_fleet({.name = "not-a-number", .load = kLightLoad});
  timeline.at(kFault, [&fleet] { fleet.engine(kFaultyIndex).set_running_is_nan(true); });
  timeline.at(kBack, [&fleet] { fleet.engine(kFaultyIndex).set_running_is_nan(false); });
}

}  // namespace

void script_scrape_faults(Timeline& timeline) {
  script_fault(timeline, "lost-scrape", ScrapeFault::ServerError, kFault + 1s);
  script_fault(timeline, "lost-scrapes", ScrapeFault::ServerError, kFault + 6s);
  script_fault(timeline, "late-scrapes", ScrapeFault::Hang, kFault + 4s);
  script_fault(timeline, "garbage", ScrapeFault::Garbage, kBack);
  script_fault(timeline, "hanging", ScrapeFault::Hang, kBack);
  script_vanished(timeline);
  script_old_stamps(timeline);
  script_not_a_number(timeline);
}

namespace {

class ShortFault : public testing::TestWithParam<std::string_view> {};

TEST_P(ShortFault, StaysRightOrHolds) {
  const Fleet& fleet = recorded(GetParam());
  expect_never_down(fleet);
  expect_each(fleet, kWarm, kEnd, is_right_or_dark);
  expect_each(fleet, kFault + 6s + 18s, kEnd, [](const Cycle& cycle) {
    const testing::AssertionResult result = reads_load(cycle, kFaulty, kLightLoad);
    return result ? is_right(cycle, kThreeEngines, 3) : result;
  });
}

std::string test_name(const testing::TestParamInfo<std::string_view>& info) {
  std::string name(info.param);
  std::erase(name, '-');
  return name;
}

INSTANTIATE_TEST_SUITE_P(ScrapeFaults, ShortFault,
                         testing::Values("lost-scrape", "lost-scrapes", "late-scrapes"), test_name);

// One lost scrape of fifteen is no reason to hold: the counters tell what happened meanwhile.
TEST(ScrapeFaults, OneLostScrapeDoesNotMatter) {
  expect_each(recorded("lost-scrape"), kWarm, kEnd,
              [](const Cycle& cycle) { return is_right(cycle, kThreeEngines, 3, 0.08); });
}

class LongFault : public testing::TestWithParam<std::string_view> {};

TEST_P(LongFault, IsDarkAndThenRightAgain) {
  const Fleet& fleet = recorded(GetParam());
  expect_dark(fleet, kBack, {ReadingState::Stale, ReadingState::Missing});
  expect_each(fleet, kBack, kBack + 24s, is_right_or_dark);
  expect_each(fleet, kBack + 24s, kEnd, [](const Cycle& cycle) {
    const testing::AssertionResult result = reads_load(cycle, kFaulty, kLightLoad);
    return result ? is_right(cycle, kThreeEngines, 3) : result;
  });
}

INSTANTIATE_TEST_SUITE_P(ScrapeFaults, LongFault, testing::Values("garbage", "hanging"), test_name);

TEST(ScrapeFaults, VanishedFromDiscoveryIsDark) {
  expect_dark(recorded("vanished"), kEnd, {ReadingState::Stale, ReadingState::Missing});
}

TEST(ScrapeFaults, OldStampsAreStale) {
  const Fleet& fleet = recorded("old-stamps");
  expect_dark(fleet, kEnd, {ReadingState::Stale});
  // The age is the truth, not that of the last successful scrape.
  const Cycle& cycle = cycle_at(fleet, 120s);
  EXPECT_NEAR(signals_of(cycle, kFaulty).running_requests.age.count(),
              cycle.at.count() - Seconds(kFault).count(), 3.0);
}

TEST(ScrapeFaults, NotANumberIsNotZero) {
  const Fleet& fleet = recorded("not-a-number");
  expect_never_down(fleet);
  expect_each(fleet, kFault + 4s, kBack, [](const Cycle& cycle) {
    const scaling::PodSignals signals = signals_of(cycle, kFaulty);
    if (signals.running_requests.state != ReadingState::NotANumber) {
      return testing::AssertionFailure() << "another state" << describe(cycle);
    }
    return holds(cycle, ReasonCode::DarkReplicas);
  });
  expect_each(fleet, kBack + 24s, kEnd,
              [](const Cycle& cycle) { return is_right(cycle, kThreeEngines, 3); });
}

}  // namespace

}  // namespace tokenscaler::e2e
