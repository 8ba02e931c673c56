// Each engine's own names, ranks and replicas of Prometheus, under steady load: the figures are the
// hand calculation, neither doubled nor multiplied.
#include "cases/expectations.h"
#include "cases/scripts.h"

namespace tokenscaler::e2e {

using namespace std::chrono_literals;

namespace {

constexpr std::chrono::seconds kReplicaLost = 60s;
constexpr std::chrono::seconds kUpgraded = 60s;
constexpr std::chrono::seconds kEnd = 166s;
constexpr double kThreeEngines = 3 * kReplicasPerTypicalEngine;
constexpr double kFourEngines = 4 * kReplicasPerTypicalEngine;

/// Each pod is scraped twice, as by the two replicas of a pair behind Thanos without deduplication.
void script_replica_pair(Timeline& timeline) {
  Fleet& fleet = timeline.add_fleet({.name = "replica-pair"});
  for (ScriptedPod& pod : fleet.pods) {
    ScrapeTarget other = pod.targets.front();
    pod.targets.front().labels["prometheus_replica"] = "a";
    other.labels["prometheus_replica"] = "b";
    pod.targets.push_back(other);
  }
  timeline.at(kReplicaLost, [&timeline, &fleet] {
    for (ScriptedPod& pod : fleet.pods) pod.targets.pop_back();
    timeline.publish_targets();
  });
}

/// An upgrade of vLLM that has come half-way: two pods with the old names, one with both, one with
/// the new ones. Later one more pod changes over.
void script_upgrade(Timeline& timeline) {
  Fleet& fleet = timeline.add_fleet({.name = "upgrade", .pods = 0});
  for (const EngineNames names : {EngineNames::VllmV0, EngineNames::VllmV0,
                                  EngineNames::VllmBothNames, EngineNames::VllmV1}) {
    EngineIdentity identity;
    identity.pod = "llm-" + std::to_string(fleet.pods.size());
    identity.names = names;
    timeline.add_ready_pod(fleet, identity, kTypicalLoad);
  }
  fleet.target.spec_replicas = Replicas(4);
  timeline.at(kUpgraded, [&fleet] {
    fleet.engine(1).set_names(EngineNames::VllmV1);
    fleet.engine(1).restart(kTypicalLoad);
  });
}

}  // namespace

void script_engines(Timeline& timeline) {
  timeline.add_fleet({.name = "vllm"});
  timeline.add_fleet(
      {.name = "data-parallel", .identity = {.rank_kv_cache_usage = {0.2, 0.4, 0.6, 0.8}}});
  timeline.add_fleet(
      {.name = "sglang", .identity = {.names = EngineNames::Sglang, .tensor_parallel_ranks = 4}});
  timeline.add_fleet({.name = "tgi", .identity = {.names = EngineNames::Tgi}});
  script_replica_pair(timeline);
  script_upgrade(timeline);
}

namespace {

TEST(Engines, VllmReadsAsCalculated) {
  const Fleet& fleet = recorded("vllm");
  expect_each(fleet, kWarm, kEnd, [](const Cycle& cycle) {
    for (const std::string_view pod : {"llm-0", "llm-1", "llm-2"}) {
      const testing::AssertionResult result = reads_load(cycle, pod, kTypicalLoad);
      if (!result) return result;
    }
    return is_right(cycle, kThreeEngines, 3);
  });
  const Cycle& last = fleet.cycles.back();
  EXPECT_EQ(last.observation->engine, model::Engine::Vllm);
  EXPECT_EQ(last.observation->effective_window, Seconds(15));
  EXPECT_EQ(last.observation->scrape_interval, Seconds(1));
  EXPECT_FALSE(last.observation->partial);
  EXPECT_EQ(last.decision->bound_by, scaling::Signal::GenerationTokens);
  EXPECT_EQ(last.decision->replicas.measured, Replicas(3));
  // 3 x 1000, 3 x 250, 3 x 400 tokens/s.
  EXPECT_NEAR(last.decision->measurement->prompt.value(), 3000, 3000 * kRateBound);
  EXPECT_NEAR(last.decision->measurement->cached_prompt.value(), 750, 750 * kRateBound);
  EXPECT_NEAR(last.decision->measurement->generation.value(), 1200, 1200 * kRateBound);
}

// Four `engine` series for each pod: counters and requests are added up once, the KV cache's use is
// their mean, (0.2 + 0.4 + 0.6 + 0.8) / 4 = 0.5.
TEST(Engines, DataParallelRanksAreOnePod) {
  expect_each(recorded("data-parallel"), kWarm, kEnd, [](const Cycle& cycle) {
    const testing::AssertionResult result = reads_load(cycle, "llm-1", kTypicalLoad);
    return result ? is_right(cycle, kThreeEngines, 3) : result;
  });
}

// Four tensor-parallel ranks report the numbers of the same engine.
TEST(Engines, SglangRanksAreNotMultiplied) {
  const Fleet& fleet = recorded("sglang");
  expect_each(fleet, kWarm, kEnd, [](const Cycle& cycle) {
    const testing::AssertionResult result = reads_traffic(cycle, "llm-2", kTypicalLoad);
    return result ? is_right(cycle, kThreeEngines, 3) : result;
  });
  const scaling::PodSignals signals = signals_of(fleet.cycles.back(), "llm-0");
  EXPECT_TRUE(reads(signals.cached_prompt_tokens_per_second, 250));
  EXPECT_TRUE(reads(signals.kv_cache_usage, 0.5));
  EXPECT_EQ(fleet.cycles.back().observation->engine, model::Engine::Sglang);
}

TEST(Engines, TgiIsReadFromItsHistograms) {
  const Fleet& fleet = recorded("tgi");
  expect_each(fleet, kWarm, kEnd, [](const Cycle& cycle) {
    const testing::AssertionResult result = reads_traffic(cycle, "llm-0", kTypicalLoad);
    return result ? is_right(cycle, kThreeEngines, 3) : result;
  });
  EXPECT_EQ(fleet.cycles.back().observation->engine, model::Engine::Tgi);
}

// Nothing is doubled while both replicas of a pair are there, and nothing is halved or dark when
// one of them is lost.
TEST(Engines, ReplicasOfPrometheusAreNotDoubled) {
  expect_each(recorded("replica-pair"), kWarm, kEnd, [](const Cycle& cycle) {
    const testing::AssertionResult result = reads_load(cycle, "llm-1", kTypicalLoad);
    return result ? is_right(cycle, kThreeEngines, 3) : result;
  });
}

// Every pod counts once under whatever names it has, and the pod with both names does not count
// twice.
TEST(Engines, UpgradeHalfWay) {
  const auto all_four = [](const Cycle& cycle) {
    for (const std::string_view pod : {"llm-0", "llm-1", "llm-2", "llm-3"}) {
      const testing::AssertionResult result = reads_load(cycle, pod, kTypicalLoad);
      if (!result) return result;
    }
    return is_right(cycle, kFourEngines, 4);
  };
  const Fleet& fleet = recorded("upgrade");
  expect_each(fleet, kWarm, kUpgraded, all_four);
  // The new process has lost at most one scrape interval of its counters: 1 s of 15 s, of one pod
  // in four.
  expect_each(fleet, kUpgraded, kUpgraded + 18s, [](const Cycle& cycle) {
    return is_right(cycle, kFourEngines, 4, kRateBound + 1.0 / 15 / 4);
  });
  expect_each(fleet, kUpgraded + 18s, kEnd, all_four);
  EXPECT_EQ(fleet.cycles.back().observation->engine, model::Engine::Vllm);
  EXPECT_NE(fleet.cycles.back().observation->engine_detail.find("V0"), std::string::npos)
      << fleet.cycles.back().observation->engine_detail;
}

}  // namespace

}  // namespace tokenscaler::e2e
