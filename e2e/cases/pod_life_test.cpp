// Pods that start, restart and have not served yet.
#include "cases/expectations.h"
#include "cases/scripts.h"

namespace tokenscaler::e2e {

using namespace std::chrono_literals;

namespace {

constexpr std::chrono::seconds kRestart = 50s;
constexpr std::chrono::seconds kOutageEnds = 60s;
constexpr std::chrono::seconds kCreated = 40s;
constexpr std::chrono::seconds kReady = 50s;
constexpr std::chrono::seconds kEnd = 166s;
constexpr std::string_view kNewPod = "llm-3";

EngineLoad times(const EngineLoad& load, double factor) {
  EngineLoad result = load;
  result.prompt_tokens_per_second *= factor;
  result.cached_prompt_tokens_per_second *= factor;
  result.generation_tokens_per_second *= factor;
  result.finished_requests_per_second *= factor;
  result.running_requests *= factor;
  return result;
}

/// 1500 generated tokens/s in all: 500 on each of three pods, 375 on each of four.
/// 1500 x 1.2 / 500 = 3.6 replicas.
const EngineLoad kThirdOfLoad = times(kTypicalLoad, 1.25);
const EngineLoad kFourthOfLoad = times(kTypicalLoad, 0.9375);
constexpr double kNeededByAll = 3.6;

void script_new_pod(Timeline& timeline) {
  Fleet& fleet = timeline.add_fleet({.name = "new-pod", .load = kThirdOfLoad});
  EngineIdentity identity;
  identity.pod = kNewPod;
  timeline.add_pod(fleet, identity, EngineLoad{});
  timeline.at(kCreated, [&timeline, &fleet] {
    fleet.target.spec_replicas = Replicas(4);
    fleet.target.pods.push_back({.name = std::string(kNewPod),
                                 .phase = scaling::PodPhase::Starting,
                                 .since = timeline.clock().wall(),
                                 .surplus = false});
    fleet.pods[3].scraped = true;
    fleet.engine(3).restart(EngineLoad{});
    timeline.publish_targets();
  });
  timeline.at(kReady, [&timeline, &fleet] {
    fleet.target.pods[3] = ready_pod(std::string(kNewPod), timeline.clock().wall());
    for (std::size_t i = 0; i < 4; ++i) fleet.engine(i).set_load(kFourthOfLoad);
  });
}

/// The process is replaced within one scrape interval: only the counters tell.
void script_restart(Timeline& timeline) {
  Fleet& fleet = timeline.add_fleet({.name = "restart", .load = kLightLoad});
  timeline.at(kRestart, [&fleet] { fleet.engine(1).restart(kLightLoad); });
}

/// The container crashes and needs ten seconds; the others carry its load meanwhile.
void script_outage(Timeline& timeline) {
  Fleet& fleet = timeline.add_fleet({.name = "outage", .load = kLightLoad});
  // While the window passes the crash, it has the load that the others took over only in part, and
  // the pod that lost it is not there to be asked. Such dips are what a cooldown is for.
  fleet.spec.behavior.scale_down.stabilization_window = 20s;
  timeline.at(kRestart, [&timeline, &fleet] {
    fleet.engine(1).set_fault(ScrapeFault::ServerError);
    fleet.target.pods[1].phase = scaling::PodPhase::Starting;
    fleet.target.pods[1].since = timeline.clock().wall();
    for (const std::size_t other : {0U, 2U}) fleet.engine(other).set_load(times(kLightLoad, 1.5));
  });
  timeline.at(kOutageEnds, [&timeline, &fleet] {
    fleet.engine(1).set_fault(ScrapeFault::None);
    fleet.engine(1).restart(kLightLoad);
    fleet.target.pods[1] = ready_pod("llm-1", timeline.clock().wall());
    for (const std::size_t other : {0U, 2U}) fleet.engine(other).set_load(kLightLoad);
  });
}

}  // namespace

void script_pod_life(Timeline& timeline) {
  script_new_pod(timeline);
  script_restart(timeline);
  script_outage(timeline);
}

namespace {

TEST(PodLife, NewPodWarmsUpAndIsThenMeasured) {
  const Fleet& fleet = recorded("new-pod");
  expect_never_down(fleet);
  expect_each(fleet, kWarm, kCreated,
              [](const Cycle& cycle) { return is_right(cycle, kNeededByAll, 4); });
  EXPECT_EQ(cycle_at(fleet, kReady - 4s).decision->replicas.starting, Replicas(1));
  // While it warms up its rate is at most the true one, the sum is right, and nothing shrinks.
  // Bound: the new pod's first scrape interval is not seen, 1 s of 15 s of a fourth of the load;
  // gauges of pods that took over at different scrapes do the rest.
  expect_each(fleet, kReady, kReady + 16s, [](const Cycle& cycle) {
    const scaling::PodSignals signals = signals_of(cycle, kNewPod);
    if (signals.generation_tokens_per_second.known() &&
        signals.generation_tokens_per_second.value > 375 * (1 + kRateBound)) {
      return testing::AssertionFailure() << "a rate that never was" << describe(cycle);
    }
    if (cycle.decision->replicas.warming != Replicas(1)) {
      return testing::AssertionFailure() << "does not warm up" << describe(cycle);
    }
    return is_right(cycle, kNeededByAll, 4, 0.10);
  });
  expect_each(fleet, kReady + 24s, kEnd, [](const Cycle& cycle) {
    const testing::AssertionResult result = reads_load(cycle, kNewPod, kFourthOfLoad);
    return result ? is_right(cycle, kNeededByAll, 4) : result;
  });
  EXPECT_EQ(fleet.cycles.back().decision->replicas.measured, Replicas(4));
}

// A counter that begins again is no negative rate and no leap; at most one scrape interval of its
// tokens is not seen: 1 s of 15 s of one pod.
TEST(PodLife, RestartNeitherDipsNorLeaps) {
  const Fleet& fleet = recorded("restart");
  expect_never_down(fleet);
  expect_each(fleet, kWarm, kEnd, [](const Cycle& cycle) {
    const scaling::Reading& rate = signals_of(cycle, "llm-1").generation_tokens_per_second;
    if (rate.value < 300 * (1 - 1.0 / 15 - kRateBound) || rate.value > 300 * (1 + kRateBound)) {
      return testing::AssertionFailure() << "a rate that never was" << describe(cycle);
    }
    return is_right(cycle, 3 * kReplicasPerLightEngine, 3, kRateBound + 1.0 / 15 / 3);
  });
}

TEST(PodLife, OutageIsNoLackOfLoad) {
  const Fleet& fleet = recorded("outage");
  expect_never_down(fleet);
  EXPECT_EQ(cycle_at(fleet, kRestart + 4s).decision->replicas.starting, Replicas(1));
  // Two pods take over at once and give back at once: the sum of rates is right but for the scrape
  // intervals in which the process changed.
  expect_each(fleet, kWarm, kEnd, [](const Cycle& cycle) {
    if (cycle.decision->desired == Replicas(3)) return testing::AssertionSuccess();
    return testing::AssertionFailure() << "not 3 replicas" << describe(cycle);
  });
  expect_each(fleet, kOutageEnds + 24s, kEnd, [](const Cycle& cycle) {
    const testing::AssertionResult result = reads_load(cycle, "llm-1", kLightLoad);
    return result ? is_right(cycle, 3 * kReplicasPerLightEngine, 3) : result;
  });
}

}  // namespace

}  // namespace tokenscaler::e2e
