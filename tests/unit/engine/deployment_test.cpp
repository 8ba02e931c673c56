#include "engine/deployment.h"

#include <algorithm>
#include <map>
#include <regex>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/deployment_pages.h"
#include "engine/json_reader.h"

namespace tokenscaler::engine {
namespace {

constexpr WallTime kStart{std::chrono::seconds(1'700'000'000)};

// Plays kubelet: starts and ends processes as told, with a clock of its own.
class Cluster {
 public:
  explicit Cluster(DeploymentOptions options = {.name = "llama-8b"})
      : deployment(std::move(options), {"--old"}, kStart) {}

  void step(std::chrono::milliseconds time = std::chrono::milliseconds(100)) {
    elapsed += time;
    for (const PodAction& action : deployment.reconcile(kStart + elapsed, SteadyTime(elapsed))) {
      log.push_back(action);
      switch (action.kind) {
        case PodAction::Kind::Start:
          deployment.on_started(action.pod, ++last_pid, SteadyTime(elapsed));
          deployment.on_port(action.pod, static_cast<std::uint16_t>(10'000 + last_pid));
          break;
        case PodAction::Kind::Terminate:
          if (!stubborn) deployment.on_exit(action.pod, SteadyTime(elapsed));
          break;
        case PodAction::Kind::Kill:
          deployment.on_exit(action.pod, SteadyTime(elapsed));
          break;
      }
    }
  }
  void settle() {
    for (int i = 0; i < 20; ++i) {
      step();
      all_ready();
    }
  }
  void all_ready() {
    for (const Pod& pod : std::vector<Pod>(deployment.pods())) {
      if (pod.pid) deployment.on_probe(pod.name, true, kStart + elapsed);
    }
  }
  int count(PodAction::Kind kind) const {
    return static_cast<int>(std::count_if(log.begin(), log.end(),
                                          [kind](const auto& one) { return one.kind == kind; }));
  }

  Deployment deployment;
  std::chrono::milliseconds elapsed{0};
  std::vector<PodAction> log;
  int last_pid = 0;
  bool stubborn = false;
};

TEST(Deployment, StartsPodsWithKubernetesNamesAndWaitsForReadiness) {
  Cluster cluster;
  cluster.deployment.set_replicas(3);
  cluster.step();
  EXPECT_EQ(cluster.deployment.live_replicas(), 3);
  EXPECT_EQ(cluster.deployment.ready_replicas(), 0);
  const std::regex name("llama-8b-[b-z2-9]{9}-[b-z2-9]{5}");
  for (const Pod& pod : cluster.deployment.pods()) {
    EXPECT_TRUE(std::regex_match(pod.name, name)) << pod.name;
    EXPECT_EQ(pod.phase, PodPhase::Running);
  }
  cluster.all_ready();
  EXPECT_EQ(cluster.deployment.ready_replicas(), 3);
}

TEST(Deployment, RemovesPodsThatAreNotReadyFirstThenTheYoungest) {
  Cluster cluster;
  cluster.deployment.set_replicas(1);
  cluster.settle();
  const std::string oldest = cluster.deployment.pods()[0].name;
  cluster.deployment.set_replicas(2);
  cluster.settle();
  const std::string second = cluster.deployment.pods()[1].name;
  cluster.deployment.set_replicas(3);
  cluster.step();  // the third is not ready
  const std::string third = cluster.deployment.pods()[2].name;
  cluster.deployment.set_replicas(2);
  cluster.step();
  EXPECT_EQ(cluster.log.back().pod, third);
  cluster.deployment.set_replicas(1);
  cluster.step();
  EXPECT_EQ(cluster.log.back().pod, second);
  ASSERT_EQ(cluster.deployment.pods().size(), 1U);
  EXPECT_EQ(cluster.deployment.pods()[0].name, oldest);
}

TEST(Deployment, DrainsThenKillsWhatDoesNotGo) {
  Cluster cluster({.name = "d", .termination_grace = std::chrono::seconds(30)});
  cluster.stubborn = true;
  cluster.deployment.set_replicas(1);
  cluster.settle();
  cluster.deployment.set_replicas(0);
  cluster.step();
  EXPECT_EQ(cluster.deployment.live_replicas(), 0);
  ASSERT_EQ(cluster.deployment.pods().size(), 1U);  // still terminating
  EXPECT_THAT(ready_endpoints(cluster.deployment), testing::IsEmpty());
  EXPECT_THAT(file_sd_json(cluster.deployment), testing::HasSubstr("\"pod\""));
  cluster.step(std::chrono::seconds(29));
  EXPECT_EQ(cluster.count(PodAction::Kind::Kill), 0);
  cluster.step(std::chrono::seconds(2));
  EXPECT_EQ(cluster.count(PodAction::Kind::Kill), 1);
  EXPECT_TRUE(cluster.deployment.pods().empty());
}

TEST(Deployment, RestartsACrashedEngineAtOnceThenWithBackOff) {
  Cluster cluster;
  cluster.deployment.set_replicas(1);
  cluster.settle();
  const std::string name = cluster.deployment.pods()[0].name;
  const std::uint16_t port = cluster.deployment.pods()[0].port;
  cluster.deployment.on_exit(name, SteadyTime(cluster.elapsed));
  EXPECT_EQ(cluster.deployment.ready_replicas(), 0);
  cluster.step();
  EXPECT_EQ(cluster.count(PodAction::Kind::Start), 2);
  EXPECT_EQ(cluster.deployment.pods()[0].name, name);  // the same pod
  EXPECT_NE(cluster.deployment.pods()[0].port, 0);
  static_cast<void>(port);
  cluster.deployment.on_exit(name, SteadyTime(cluster.elapsed));
  cluster.step(std::chrono::milliseconds(9'900));
  EXPECT_EQ(cluster.count(PodAction::Kind::Start), 2);
  EXPECT_THAT(kube_state_metrics_text(cluster.deployment),
              testing::HasSubstr("reason=\"CrashLoopBackOff\"} 1"));
  cluster.step(std::chrono::milliseconds(200));
  EXPECT_EQ(cluster.count(PodAction::Kind::Start), 3);
  EXPECT_EQ(cluster.deployment.pods()[0].restarts, 2);
}

TEST(Deployment, LeavesPodsPendingWhenGpusRunOut) {
  Cluster cluster({.name = "d", .gpus_per_replica = 4, .gpus_on_node = 8});
  cluster.deployment.set_replicas(3);
  cluster.settle();
  EXPECT_EQ(cluster.deployment.live_replicas(), 3);
  EXPECT_EQ(cluster.deployment.ready_replicas(), 2);
  EXPECT_THAT(kube_state_metrics_text(cluster.deployment),
              testing::ContainsRegex("kube_pod_status_unschedulable\\{.*\\} 1"));
  EXPECT_THAT(kube_state_metrics_text(cluster.deployment),
              testing::ContainsRegex("phase=\"Pending\"\\} 1"));
  cluster.deployment.set_replicas(2);
  cluster.step();
  EXPECT_EQ(cluster.deployment.pods().size(), 2U);
  EXPECT_EQ(cluster.deployment.ready_replicas(), 2);  // the pending one went
}

TEST(Deployment, RollsOnePodAtATimeWithoutLosingReadyOnes) {
  Cluster cluster;
  cluster.deployment.set_replicas(3);
  cluster.settle();
  cluster.deployment.set_template({"--new"}, 64);
  for (int i = 0; i < 20; ++i) {
    cluster.step();
    EXPECT_LE(cluster.deployment.live_replicas(), 4);
    EXPECT_GE(cluster.deployment.ready_replicas(), 3);
    if (i % 2 == 1) cluster.all_ready();
  }
  EXPECT_EQ(cluster.deployment.updated_replicas(), 3);
  EXPECT_EQ(cluster.deployment.live_replicas(), 3);
  for (const Pod& pod : cluster.deployment.pods()) {
    EXPECT_THAT(pod.args, testing::ElementsAre("--new"));
  }
}

TEST(Deployment, StopsARolloutHalfWay) {
  Cluster cluster;
  cluster.deployment.set_replicas(4);
  cluster.settle();
  cluster.deployment.set_template({"--new"}, 2);
  cluster.settle();
  EXPECT_EQ(cluster.deployment.updated_replicas(), 2);
  EXPECT_EQ(cluster.deployment.live_replicas(), 4);
  cluster.deployment.set_replicas(6);  // scaling up meanwhile adds old ones
  cluster.settle();
  EXPECT_EQ(cluster.deployment.updated_replicas(), 2);
  EXPECT_EQ(cluster.deployment.live_replicas(), 6);
  cluster.deployment.set_template({"--new"}, 64);
  cluster.settle();
  EXPECT_EQ(cluster.deployment.updated_replicas(), 6);
}

TEST(Deployment, ClampsReplicas) {
  Cluster cluster({.name = "d", .max_replicas = 5});
  cluster.deployment.set_replicas(99);
  EXPECT_EQ(cluster.deployment.replicas(), 5);
  cluster.deployment.set_replicas(-1);
  EXPECT_EQ(cluster.deployment.replicas(), 0);
}

TEST(DeploymentPages, KubeStateMetricsHasWhatTheOperatorReads) {
  Cluster cluster(
      {.name = "d", .namespace_name = "n", .container = "c", .node = "g", .gpus_per_replica = 4});
  cluster.deployment.set_replicas(1);
  cluster.settle();
  const Pod& pod = cluster.deployment.pods()[0];
  const std::string text = kube_state_metrics_text(cluster.deployment);
  const std::string of_pod = "{namespace=\"n\",pod=\"" + pod.name + "\",uid=\"" + pod.uid + "\"";
  // Names and labels: kube-state-metrics docs/metrics/workload/*.md.
  for (const std::string& line :
       {std::string(R"(kube_deployment_spec_replicas{namespace="n",deployment="d"} 1)"),
        std::string(R"(kube_deployment_status_replicas{namespace="n",deployment="d"} 1)"),
        std::string(R"(kube_deployment_status_replicas_ready{namespace="n",deployment="d"} 1)"),
        std::string(R"(kube_deployment_status_replicas_updated{namespace="n",deployment="d"} 1)"),
        "kube_pod_created" + of_pod + "} 1700000000",
        "kube_pod_status_phase" + of_pod + ",phase=\"Running\"} 1",
        "kube_pod_status_ready" + of_pod + ",condition=\"true\"} 1",
        "kube_pod_status_ready_time" + of_pod + "} 1700000000",
        "kube_pod_owner" + of_pod + ",owner_kind=\"ReplicaSet\",owner_name=\"" + pod.replica_set +
            "\",owner_is_controller=\"true\"} 1",
        "kube_pod_container_resource_requests" + of_pod +
            ",container=\"c\",node=\"g\",resource=\"nvidia_com_gpu\",unit=\"integer\"} 4",
        "kube_replicaset_owner{namespace=\"n\",replicaset=\"" + pod.replica_set +
            "\",owner_kind=\"Deployment\",owner_name=\"d\",owner_is_controller=\"true\"} 1"}) {
    EXPECT_THAT(text, testing::HasSubstr(line + "\n"));
  }
}

TEST(DeploymentPages, JsonPagesAreJson) {
  Cluster cluster;
  cluster.deployment.set_replicas(2);
  cluster.settle();
  const auto targets = read_json(file_sd_json(cluster.deployment));
  ASSERT_TRUE(targets);
  ASSERT_EQ(targets->array()->size(), 2U);
  const JsonValue* labels = targets->array()->front().find("labels");
  EXPECT_EQ(*labels->find("pod")->string(), cluster.deployment.pods()[0].name);
  const auto scale = read_json(scale_json(cluster.deployment));
  ASSERT_TRUE(scale);
  EXPECT_EQ(scale->find("spec")->find("replicas")->integer(), 2);
  EXPECT_EQ(read_json(status_json(cluster.deployment))->find("readyReplicas")->integer(), 2);
}

}  // namespace
}  // namespace tokenscaler::engine
