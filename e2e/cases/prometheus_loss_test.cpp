// Prometheus itself is lost and comes back without its data.
#include "cases/expectations.h"
#include "cases/scripts.h"

namespace tokenscaler::e2e {

using namespace std::chrono_literals;
using scaling::ReasonCode;

namespace {

constexpr std::chrono::seconds kLost = 60s;
constexpr std::chrono::seconds kBack = 72s;
/// Prometheus starts within a few seconds; then a window has to fill.
constexpr std::chrono::seconds kRightAgain = kBack + 10s + kWarm;
constexpr std::chrono::seconds kEnd = 166s;
constexpr double kThreeEngines = 3 * kReplicasPerLightEngine;

}  // namespace

void script_prometheus_loss(Timeline& timeline) {
  timeline.add_fleet({.name = "prometheus-lost", .load = kLightLoad, .site = Site::Lossy});
  timeline.at(kLost, [&timeline] { timeline.prometheus(Site::Lossy).kill(); });
  timeline.at(kBack, [&timeline] {
    const Status begun = timeline.prometheus(Site::Lossy).begin_empty();
    EXPECT_TRUE(begun);
  });
}

namespace {

TEST(PrometheusLoss, HoldsWhileItIsAway) {
  const Fleet& fleet = recorded("prometheus-lost");
  expect_each(fleet, kWarm, kLost,
              [](const Cycle& cycle) { return is_right(cycle, kThreeEngines, 3); });
  expect_each(fleet, kLost, kBack, [](const Cycle& cycle) {
    if (cycle.observation) return testing::AssertionFailure() << "was read" << describe(cycle);
    if (cycle.observation.error().code != ErrorCode::Unavailable) {
      return testing::AssertionFailure() << cycle.observation.error().to_string();
    }
    return holds(cycle, ReasonCode::MetricsUnavailable);
  });
}

// A window over a database that is younger than the window shows less than there is.
TEST(PrometheusLoss, HoldsUntilTheWindowIsFullAgain) {
  const Fleet& fleet = recorded("prometheus-lost");
  expect_never_down(fleet);
  expect_each(fleet, kBack, kRightAgain, [](const Cycle& cycle) {
    const testing::AssertionResult right = is_right(cycle, kThreeEngines, 3);
    if (right || holds(cycle, ReasonCode::MetricsUnavailable) ||
        holds(cycle, ReasonCode::DarkReplicas)) {
      return testing::AssertionSuccess();
    }
    return testing::AssertionFailure() << "neither right nor held: " << right.message();
  });
  expect_each(fleet, kRightAgain, kEnd,
              [](const Cycle& cycle) { return is_right(cycle, kThreeEngines, 3); });
}

}  // namespace

}  // namespace tokenscaler::e2e
