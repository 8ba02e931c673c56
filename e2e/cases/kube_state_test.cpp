// The target as kube-state-metrics tells it: pods that cannot be scheduled, that crash, and a
// rollout.
#include <algorithm>
#include <memory>

#include "cases/expectations.h"
#include "cases/kube_state_metrics.h"
#include "cases/scripts.h"

namespace tokenscaler::e2e {

using namespace std::chrono_literals;
using scaling::PodPhase;
using scaling::ReasonCode;

namespace {

constexpr std::chrono::seconds kScaledUp = 40s;   // The fourth pod finds no node,
constexpr std::chrono::seconds kScheduled = 60s;  // then starts,
constexpr std::chrono::seconds kCrashed = 76s;    // crashes again and again,
constexpr std::chrono::seconds kHealed = 92s;     // and is ready.
constexpr std::chrono::seconds kRollout = 124s;   // A rollout, while little is asked for,
constexpr std::chrono::seconds kRolledOut = 146s;
constexpr std::chrono::seconds kEnd = 166s;
/// A scrape, and the five minutes of lookback do not matter: kube-state-metrics goes on.
constexpr std::chrono::seconds kSeen = 4s;
constexpr std::string_view kFourth = "llm-3";

/// 1500 generated tokens/s by three engines, or by four: 3.6 replicas.
EngineLoad share(double generation) {
  EngineLoad load = kTypicalLoad;
  load.prompt_tokens_per_second = generation * 2.5;
  load.cached_prompt_tokens_per_second = 0;
  load.generation_tokens_per_second = generation;
  load.finished_requests_per_second = generation / 100;
  load.kv_cache_usage = generation / 1000;  // Never binds.
  return load;
}

void script_life_of_fourth_pod(Timeline& timeline, Fleet& fleet,
                               const std::shared_ptr<KubeStateMetrics>& state) {
  const auto change_fourth = [state](auto change) {
    state->update([&](KubeDeployment& deployment) { change(deployment.pods.at(3)); });
  };
  timeline.at(kScaledUp, [&timeline, state] {
    state->update([&](KubeDeployment& deployment) {
      deployment.spec_replicas = 4;
      deployment.updated_replicas = 4;
      deployment.generation = deployment.observed_generation = 2;
      deployment.pods.push_back({.name = std::string(kFourth),
                                 .replica_set = "llm-6d5f",
                                 .created = timeline.clock().wall(),
                                 .phase = "Pending",
                                 .unschedulable = true,
                                 .gpus = 2});
    });
  });
  timeline.at(kScheduled, [change_fourth] {
    change_fourth([](KubePod& pod) {
      pod.unschedulable = false;
      pod.waiting_reason = "ContainerCreating";
    });
  });
  timeline.at(kCrashed, [change_fourth] {
    change_fourth([](KubePod& pod) {
      pod.phase = "Running";
      pod.waiting_reason = "CrashLoopBackOff";
      pod.restarts = 3;
    });
  });
  timeline.at(kHealed, [&timeline, &fleet, change_fourth] {
    change_fourth([&](KubePod& pod) {
      pod.waiting_reason.clear();
      pod.ready_since = timeline.clock().wall();
    });
    fleet.pods[3].scraped = true;
    for (std::size_t i = 0; i < 4; ++i) fleet.engine(i).restart(share(375));
    timeline.publish_targets();
  });
}

void script_rollout(Timeline& timeline, Fleet& fleet,
                    const std::shared_ptr<KubeStateMetrics>& state) {
  timeline.at(kRollout, [&timeline, &fleet, state] {
    state->update([&](KubeDeployment& deployment) {
      deployment.generation = deployment.observed_generation = 3;
      deployment.updated_replicas = 1;
      deployment.replica_sets.emplace_back("llm-7e6a");
      deployment.pods.push_back({.name = "llm-new",
                                 .replica_set = "llm-7e6a",
                                 .created = timeline.clock().wall(),
                                 .phase = "Pending",
                                 .waiting_reason = "ContainerCreating",
                                 .gpus = 2});
    });
    for (std::size_t i = 0; i < 4; ++i) fleet.engine(i).set_load(share(100));
  });
  timeline.at(kRolledOut, [state] {
    state->update([](KubeDeployment& deployment) {
      deployment.updated_replicas = 4;
      deployment.pods.pop_back();
    });
  });
}

}  // namespace

void script_kube_state(Timeline& timeline) {
  Fleet& fleet = timeline.add_fleet({.name = "kube-state", .load = share(500)});
  EngineIdentity identity;
  identity.pod = kFourth;
  timeline.add_pod(fleet, identity, EngineLoad{});
  fleet.spec.gpus_per_replica.reset();
  // Two GPUs for each replica: the same capacity for each replica as typical_spec().
  fleet.spec.capacity.tokens_per_second_per_gpu = model::TokensPerSecondPerGpu{
      .prompt = TokensPerSecond(1000), .generation = TokensPerSecond(250)};
  fleet.target_request = prom::TargetStateRequest{
      .name_space = fleet.name_space,
      .target = {.api_version = "apps/v1", .kind = "Deployment", .name = "llm"},
      .gpus_per_replica = std::nullopt};

  KubeDeployment deployment{.name_space = fleet.name_space,
                            .name = "llm",
                            .spec_replicas = 3,
                            .updated_replicas = 3,
                            .replica_sets = {"llm-6d5f"}};
  const WallTime long_ago = timeline.clock().wall() - 1h;
  for (const std::string pod : {"llm-0", "llm-1", "llm-2"}) {
    deployment.pods.push_back({.name = pod,
                               .replica_set = "llm-6d5f",
                               .created = long_ago - 2min,
                               .ready_since = long_ago,
                               .gpus = 2});
  }
  const auto state = std::make_shared<KubeStateMetrics>(std::move(deployment));
  timeline.add_state_page("kube-state", [state] { return state->page(); });
  script_life_of_fourth_pod(timeline, fleet, state);
  script_rollout(timeline, fleet, state);
}

namespace {

testing::AssertionResult fourth_pod_is(const Cycle& cycle, PodPhase phase) {
  if (!cycle.target) return testing::AssertionFailure() << describe(cycle);
  for (const scaling::PodState& pod : cycle.target->pods) {
    if (pod.name != kFourth) continue;
    if (pod.phase == phase) return testing::AssertionSuccess();
    return testing::AssertionFailure() << to_string(pod.phase) << describe(cycle);
  }
  return testing::AssertionFailure() << "there is no such pod" << describe(cycle);
}

TEST(KubeState, TellsReplicasPodsAndGpus) {
  const Fleet& fleet = recorded("kube-state");
  expect_each(fleet, kWarm, kScaledUp, [](const Cycle& cycle) {
    if (!cycle.target || cycle.target->spec_replicas != Replicas(3) ||
        cycle.target->gpus_per_replica != GpuCount(2) || cycle.target->pods.size() != 3 ||
        cycle.target->rolling_out) {
      return testing::AssertionFailure() << "another target" << describe(cycle);
    }
    return is_right(cycle, 3.6, 4);
  });
}

TEST(KubeState, PodsGoThroughTheirPhases) {
  const Fleet& fleet = recorded("kube-state");
  expect_each(fleet, kScaledUp + kSeen, kScheduled, [](const Cycle& cycle) {
    const testing::AssertionResult result = fourth_pod_is(cycle, PodPhase::Unschedulable);
    return result ? is_right(cycle, 3.6, 4) : result;
  });
  expect_each(fleet, kScheduled + kSeen, kCrashed, [](const Cycle& cycle) {
    const testing::AssertionResult result = fourth_pod_is(cycle, PodPhase::Starting);
    return result ? is_right(cycle, 3.6, 4) : result;
  });
  // A pod that crashes is no capacity: 3.6 + 1 replicas.
  expect_each(fleet, kCrashed + kSeen, kHealed, [](const Cycle& cycle) {
    const testing::AssertionResult result = fourth_pod_is(cycle, PodPhase::Failing);
    if (!result) return result;
    if (!has_reason(cycle, ReasonCode::FailingReplicasReplaced)) {
      return testing::AssertionFailure() << "does not say why" << describe(cycle);
    }
    return is_right(cycle, 4.6, 5);
  });
  expect_each(fleet, kHealed + kSeen, kRollout,
              [](const Cycle& cycle) { return fourth_pod_is(cycle, PodPhase::Ready); });
  expect_each(fleet, kHealed + 24s, kRollout,
              [](const Cycle& cycle) { return is_right(cycle, 3.6, 4); });
}

// 4 x 100 tokens/s need one replica; the fleet shrinks when the rollout is over, not before.
TEST(KubeState, RolloutHolds) {
  const Fleet& fleet = recorded("kube-state");
  expect_each(fleet, kRollout + 18s, kRolledOut, [](const Cycle& cycle) {
    if (!cycle.target || !cycle.target->rolling_out) {
      return testing::AssertionFailure() << "does not roll out" << describe(cycle);
    }
    return holds(cycle, ReasonCode::RolloutInProgress);
  });
  expect_each(fleet, kRolledOut + kSeen, kEnd,
              [](const Cycle& cycle) { return is_right(cycle, 4 * 100 * 1.2 / 500, 1); });
}

}  // namespace

}  // namespace tokenscaler::e2e
