// Scrapes that are slow for the window: the window grows to four of them.
#include "cases/expectations.h"
#include "cases/scripts.h"

namespace tokenscaler::e2e {

using namespace std::chrono_literals;

namespace {

constexpr std::chrono::seconds kEnd = 166s;
/// 16 s of window, two scrapes to measure the interval and one before the first.
constexpr std::chrono::seconds kCalmWarm = 36s;
/// Up to 30 s before the first scrape, and 120 s of window.
constexpr std::chrono::seconds kSlowWarm = 154s;

}  // namespace

void script_sampling(Timeline& timeline) {
  timeline.add_fleet({.name = "scraped-each-4s", .load = kLightLoad, .job = kCalmJob});
  Fleet& slow =
      timeline.add_fleet({.name = "scraped-each-30s", .load = kLightLoad, .job = kSlowJob});
  slow.spec.metrics.window = 60s;
}

namespace {

TEST(Sampling, FourScrapesOfFourSecondsAreTheWindow) {
  const Fleet& fleet = recorded("scraped-each-4s");
  expect_never_down(fleet);
  expect_each(fleet, kCalmWarm, kEnd, [](const Cycle& cycle) {
    const testing::AssertionResult result = reads_load(cycle, "llm-0", kLightLoad);
    return result ? is_right(cycle, 3 * kReplicasPerLightEngine, 3) : result;
  });
  EXPECT_EQ(fleet.cycles.back().observation->scrape_interval, Seconds(4));
  EXPECT_EQ(fleet.cycles.back().observation->effective_window, Seconds(16));
}

// A rate over 60 s would have two samples at best and none after one lost scrape.
TEST(Sampling, FourScrapesOfThirtySecondsAreTheWindow) {
  const Fleet& fleet = recorded("scraped-each-30s");
  expect_never_down(fleet);
  expect_each(fleet, kSlowWarm, kEnd, [](const Cycle& cycle) {
    const testing::AssertionResult result = reads_load(cycle, "llm-0", kLightLoad);
    return result ? is_right(cycle, 3 * kReplicasPerLightEngine, 3) : result;
  });
  EXPECT_EQ(fleet.cycles.back().observation->scrape_interval, Seconds(30));
  EXPECT_EQ(fleet.cycles.back().observation->effective_window, Seconds(120));
}

}  // namespace

}  // namespace tokenscaler::e2e
