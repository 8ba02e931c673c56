// Runs all scripts once, side by side, and then the tests on what was recorded.
#include <chrono>

#include <gtest/gtest.h>

#include "cases/expectations.h"
#include "cases/scripts.h"

namespace tokenscaler::e2e {

namespace {

/// A fleet that is scraped each 30 s needs 120 s for its window, and up to 30 s before its first
/// scrape.
constexpr std::chrono::seconds kLength{166};

Timeline& the_timeline() {
  static Timeline timeline;
  return timeline;
}

class Recording : public testing::Environment {
 public:
  void SetUp() override {
    Timeline& all = the_timeline();
    const Status prepared = all.prepare();
    ASSERT_TRUE(prepared) << prepared.error().to_string();
    script_engines(all);
    script_scrape_faults(all);
    script_pod_life(all);
    script_traffic(all);
    script_selection(all);
    script_sampling(all);
    script_prometheus_loss(all);
    script_kube_state(all);
    const Status run = all.run(kLength);
    ASSERT_TRUE(run) << run.error().to_string();
  }
};

TEST(Timeline, CyclesKeepPace) {
  // A slow cycle moves the script's next actions; the tests leave four seconds for that.
  EXPECT_LT(timeline().slowest_cycle(), Seconds(4));
}

// The first window of a new fleet, or of a new reader, is not full: whatever is read by then,
// nothing may be removed, although no fleet here has a cooldown.
TEST(Timeline, NothingShrinksInTheFirstWindow) {
  for (const Fleet& fleet : timeline().fleets()) {
    for (const Cycle& cycle : fleet.cycles) {
      if (!cycle.decision || cycle.at > std::chrono::seconds(15)) continue;
      EXPECT_GE(cycle.decision->desired, cycle.decision->current) << fleet.name << describe(cycle);
    }
  }
}

TEST(Timeline, EveryDecisionSaysWhy) {
  for (const Fleet& fleet : timeline().fleets()) {
    for (const Cycle& cycle : fleet.cycles) {
      if (!cycle.decision) continue;
      EXPECT_FALSE(cycle.decision->reasons.empty()) << fleet.name << describe(cycle);
    }
  }
}

}  // namespace

Timeline& timeline() {
  return the_timeline();
}

}  // namespace tokenscaler::e2e

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  testing::AddGlobalTestEnvironment(new tokenscaler::e2e::Recording());  // GoogleTest owns it.
  return RUN_ALL_TESTS();
}
