#include "prom/target_state_reader.h"

#include <cmath>
#include <regex>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "unit/prom/fake_prometheus.h"

namespace tokenscaler::prom {
namespace {

using scaling::PodPhase;
using testing::FakeHttpClient;
using testing::form_field;
using testing::json_response;
using testing::vector_answer;

constexpr double kNow = 1'700'000'000.0;

class TargetStateTest : public ::testing::Test {
 protected:
  TargetStateTest() {
    server_.url = "http://prom";
    request_.name_space = "ml";
    request_.target.name = "llama";
    set("kube_deployment_spec_replicas", {{R"("deployment":"llama")", 3}});
    set("max(timestamp(kube_deployment_spec_replicas", {{"", kNow - 20}});
    set("max(timestamp(kube_pod_owner", {{"", kNow - 20}});
    set("count(kube_pod_info)", {{"", 10}});
    set("kube_replicaset_owner", {{R"("replicaset":"llama-1")", 1}});
    own("a", "llama-1");
    is("kube_pod_container_resource_requests", "a", 4);
  }

  /// Rows (labels, value) for queries that contain `series`.
  void set(const std::string& series, std::vector<std::pair<std::string, double>> rows) {
    rows_[series] = std::move(rows);
  }
  void own(const std::string& pod, const std::string& owner) {
    rows_["kube_pod_owner{"].emplace_back(
        fmt::format(R"("pod":"{}","owner_name":"{}")", pod, owner), 1);
  }
  void is(const std::string& series, const std::string& pod, double value,
          const std::string& more = "") {
    rows_[series].emplace_back(fmt::format(R"("pod":"{}"{})", pod, more), value);
  }

  http::ClientResponse answer(const http::ClientRequest& request) {
    const std::string query = form_field(request, "query");
    if (query == "time()") {
      return json_response(fmt::format(
          R"({{"status":"success","data":{{"resultType":"scalar","result":[{0:.0f},"{0:.0f}"]}}}})",
          kNow));
    }
    std::string body;
    const bool aggregate = query.starts_with("max(timestamp");
    for (const auto& [series, rows] : rows_) {
      if (query.find(series) == std::string::npos) continue;
      if (aggregate != series.starts_with("max(timestamp")) continue;
      for (const auto& [labels, value] : rows) {
        body +=
            fmt::format(R"({}{{"metric":{{{}}},"value":[{:.0f},"{}"]}})", body.empty() ? "" : ",",
                        labels, kNow, std::isnan(value) ? "NaN" : fmt::to_string(value));
      }
    }
    return json_response(vector_answer(body));
  }

  Result<scaling::TargetState> read() {
    FakeHttpClient http([this](const http::ClientRequest& request) { return answer(request); });
    const ManualClock clock{WallTime(std::chrono::seconds(1'700'000'000))};
    const ApiClient api(server_, http, clock);
    return read_target_state(api, request_, {});
  }

  Server server_;
  TargetStateRequest request_;
  std::map<std::string, std::vector<std::pair<std::string, double>>> rows_;
};

TEST_F(TargetStateTest, ReadsPodsByOwnership) {
  own("b", "llama-1");
  own("stranger", "other-1");
  is("kube_pod_status_ready{", "a", 1);
  is("kube_pod_status_ready_time", "a", kNow - 500);
  is("kube_pod_created", "b", kNow - 30);
  const auto state = read();
  ASSERT_TRUE(state) << state.error().to_string();
  EXPECT_EQ(state->spec_replicas, Replicas(3));
  EXPECT_EQ(state->gpus_per_replica, GpuCount(4));
  EXPECT_FALSE(state->rolling_out);
  ASSERT_EQ(state->pods.size(), 2U);
  EXPECT_EQ(state->pods[0].phase, PodPhase::Ready);
  EXPECT_EQ(state->pods[0].since, WallTime(std::chrono::seconds(1'699'999'500)));
  EXPECT_EQ(state->pods[1].phase, PodPhase::Starting);
  EXPECT_EQ(state->pods[1].since, WallTime(std::chrono::seconds(1'699'999'970)));
}

TEST_F(TargetStateTest, JudgesWhatAPodDoes) {
  for (const char* pod : {"crash", "oom", "pull", "full", "bye", "evicted", "done"})
    own(pod, "llama-1");
  is("kube_pod_container_status_waiting_reason", "crash", 1, R"(,"reason":"CrashLoopBackOff")");
  is("kube_pod_container_status_waiting_reason", "pull", 1, R"(,"reason":"ImagePullBackOff")");
  is("kube_pod_container_status_waiting_reason", "a", 1, R"(,"reason":"ContainerCreating")");
  is("kube_pod_container_status_last_terminated_reason", "oom", 1, R"(,"reason":"OOMKilled")");
  is("kube_pod_status_unschedulable", "full", 1);
  is("kube_pod_deletion_timestamp", "bye", kNow - 5);
  is("kube_pod_status_ready{", "bye", 1);
  is("kube_pod_status_phase", "crash", 1, R"(,"phase":"Running")");
  // What is left of these is not a replica.
  is("kube_pod_status_phase", "evicted", 1, R"(,"phase":"Failed")");
  is("kube_pod_status_phase", "done", 1, R"(,"phase":"Succeeded")");
  const auto state = read();
  ASSERT_TRUE(state);
  std::map<std::string, PodPhase> phases;
  for (const auto& pod : state->pods) phases[pod.name] = pod.phase;
  EXPECT_EQ(phases, (std::map<std::string, PodPhase>{{"a", PodPhase::Starting},
                                                     {"bye", PodPhase::Terminating},
                                                     {"crash", PodPhase::Failing},
                                                     {"full", PodPhase::Unschedulable},
                                                     {"oom", PodPhase::Failing},
                                                     {"pull", PodPhase::Failing}}));
}

TEST_F(TargetStateTest, ARolloutHasASurge) {
  set("kube_deployment_spec_replicas", {{R"("deployment":"llama")", 1}});
  set("kube_deployment_status_replicas{", {{R"("deployment":"llama")", 2}});
  set("kube_deployment_status_replicas_updated", {{R"("deployment":"llama")", 1}});
  own("new", "llama-1");
  is("kube_pod_status_ready{", "a", 1);
  const auto state = read();
  ASSERT_TRUE(state);
  EXPECT_TRUE(state->rolling_out);
  EXPECT_FALSE(state->pods[0].surplus);
  EXPECT_TRUE(state->pods[1].surplus);
}

TEST_F(TargetStateTest, FewerPodsThanTheDeploymentCountsAreNoView) {
  own("b", "llama-1");
  own("bye", "llama-1");
  is("kube_pod_deletion_timestamp", "bye", kNow - 5);
  set("kube_deployment_status_replicas{", {{R"("deployment":"llama")", 2}});
  EXPECT_TRUE(read());
  set("kube_deployment_status_replicas{", {{R"("deployment":"llama")", 4}});
  const auto state = read();
  ASSERT_FALSE(state);
  EXPECT_EQ(state.error().code, ErrorCode::Unavailable);
  EXPECT_EQ(state.error().to_string(),
            "kube-state-metrics tells 2 of 4 pods of the Deployment ml/llama (find out whether a "
            "shard of kube-state-metrics is not scraped)");
}

TEST_F(TargetStateTest, TwoRevisionsThatStayAreNoRollout) {
  set("kube_deployment_status_replicas{", {{R"("deployment":"llama")", 1}});
  set("kube_deployment_status_replicas_updated", {{R"("deployment":"llama")", 0}});
  is("kube_pod_status_ready{", "a", 1);
  ASSERT_TRUE(read());
  EXPECT_FALSE(read()->rolling_out);
  own("b", "llama-1");
  EXPECT_TRUE(read()->rolling_out);
  rows_["kube_pod_owner{"].pop_back();
  set("kube_deployment_metadata_generation", {{R"("deployment":"llama")", 3}});
  set("kube_deployment_status_observed_generation", {{R"("deployment":"llama")", 2}});
  EXPECT_TRUE(read()->rolling_out);
}

TEST_F(TargetStateTest, APhaseBeginsWithItsLatestEvent) {
  const auto ago = [](int seconds) {
    return WallTime(std::chrono::seconds(1'700'000'000 - seconds));
  };
  for (const char* pod : {"b", "c", "d", "e"}) own(pod, "llama-1");
  is("kube_pod_created", "a", kNow - 90'000);  // Restarted,
  is("kube_pod_status_scheduled_time", "a", kNow - 89'000);
  is("kube_pod_container_state_started", "a", kNow - 80'000, R"(,"container":"sidecar")");
  is("kube_pod_container_state_started", "a", kNow - 12, R"(,"container":"engine")");
  is("kube_pod_created", "b", kNow - 1500);  // waited for a node,
  is("kube_pod_status_scheduled_time", "b", kNow - 20);
  is("kube_pod_status_ready{", "d", 1);  // ready with and without the time.
  is("kube_pod_created", "d", kNow - 500);
  is("kube_pod_status_ready_time", "d", kNow - 200);
  is("kube_pod_status_ready{", "e", 1);
  const auto state = read();
  ASSERT_TRUE(state) << state.error().to_string();
  std::map<std::string, WallTime> since;
  for (const auto& pod : state->pods) since[pod.name] = pod.since;
  EXPECT_EQ(since,
            (std::map<std::string, WallTime>{
                {"a", ago(12)}, {"b", ago(20)}, {"c", ago(0)}, {"d", ago(200)}, {"e", ago(0)}}));
}

TEST_F(TargetStateTest, ColdStartIsFromCreatedToReady) {
  EXPECT_EQ(read()->cold_start_p95, std::nullopt);
  const auto ready_after = [&](const std::string& pod, double seconds) {
    own(pod, "llama-1");
    is("kube_pod_status_ready{", pod, 1);
    is("kube_pod_created", pod, kNow - 9000);
    is("kube_pod_status_ready_time", pod, kNow - 9000 + seconds);
  };
  ready_after("restarted", 3000);
  is("kube_pod_container_status_last_terminated_reason", "restarted", 1, R"(,"reason":"Error")");
  ready_after("flapped", 8000);
  ready_after("backwards", -5);
  EXPECT_EQ(read()->cold_start_p95, std::nullopt);
  // The nearest rank of 95 % of 20 is the 19th.
  for (int i = 1; i <= 20; ++i) ready_after("p" + std::to_string(i), 10.0 * i);
  EXPECT_EQ(read()->cold_start_p95, Seconds(190));
}

TEST_F(TargetStateTest, GpusAreNotGuessed) {
  rows_.erase("kube_pod_container_resource_requests");
  auto state = read();
  ASSERT_FALSE(state);
  EXPECT_EQ(state.error().code, ErrorCode::Invalid);
  EXPECT_EQ(state.error().to_string(),
            "spec.gpusPerReplica: kube-state-metrics tells of no GPUs that pods of the Deployment "
            "ml/llama request (set spec.gpusPerReplica)");
  rows_["kube_pod_container_resource_requests"] = {};
  is("kube_pod_container_resource_requests", "a", std::nan(""));
  EXPECT_EQ(read().error().code, ErrorCode::Invalid);
  request_.gpus_per_replica = GpuCount(8);
  state = read();
  ASSERT_TRUE(state);
  EXPECT_EQ(state->gpus_per_replica, GpuCount(8));
}

TEST_F(TargetStateTest, OnlyWholeGpusAndSlicesAreAskedFor) {
  FakeHttpClient http([this](const http::ClientRequest& request) { return answer(request); });
  const ManualClock clock{WallTime(std::chrono::seconds(1'700'000'000))};
  const ApiClient api(server_, http, clock);
  ASSERT_TRUE(read_target_state(api, request_, {}));
  std::string query;
  for (const http::ClientRequest& request : http.requests()) {
    const std::string text = form_field(request, "query");
    if (text.find("kube_pod_container_resource_requests") != std::string::npos) query = text;
  }
  const auto from = query.find("resource=~\"") + 11;
  const std::regex asked(query.substr(from, query.find('"', from) - from));
  for (const char* gpu : {"nvidia_com_gpu", "nvidia_com_gpu_shared", "nvidia_com_mig_1g_10gb",
                          "amd_com_gpu", "gpu_intel_com_i915", "gpu_intel_com_xe"}) {
    EXPECT_TRUE(std::regex_match(gpu, asked)) << gpu;
  }
  for (const char* other :
       {"nvidia_com_gpumem", "nvidia_com_gpucores", "nvidia_com_gpumem_percentage",
        "gpu_intel_com_millicores", "gpu_intel_com_memory_max", "memory"}) {
    EXPECT_FALSE(std::regex_match(other, asked)) << other;
  }
}

TEST_F(TargetStateTest, SaysWhyItDoesNotKnow) {
  request_.target.name = "lama";
  rows_.erase("kube_deployment_spec_replicas");
  EXPECT_EQ(read().error().to_string(),
            "kube-state-metrics does not know the Deployment ml/lama (check the names; without "
            "honorLabels the namespace is in the label exported_namespace)");
  rows_.clear();
  EXPECT_EQ(
      read().error().to_string(),
      "kube-state-metrics does not know the Deployment ml/lama: this Prometheus has no series "
      "of kube-state-metrics (scrape kube-state-metrics with this Prometheus, or tell the "
      "number of replicas)");
  request_.target.kind = "LeaderWorkerSet";
  EXPECT_EQ(read().error().code, ErrorCode::Invalid);
}

TEST_F(TargetStateTest, OldSeriesAreNoViewOfThePresent) {
  set("max(timestamp(kube_deployment_spec_replicas", {{"", kNow - 240}});
  EXPECT_EQ(
      read().error().to_string(),
      "the series of kube-state-metrics are 240 s old (find out why kube-state-metrics is not "
      "scraped)");
}

TEST(TargetStateFrom, TakesPodsWithSamplesAsReplicas) {
  scaling::Observation observation;
  observation.evaluated_at = WallTime(std::chrono::seconds(1000));
  observation.effective_window = Seconds(60);
  observation.scrape_interval = Seconds(15);
  observation.pods.resize(2);
  observation.pods[0].pod = "old";
  observation.pods[0].observed_for = Seconds(140);
  observation.pods[1].pod = "young";
  observation.pods[1].observed_for = Seconds(20);
  const auto state = target_state_from(observation, GpuCount(2));
  EXPECT_EQ(state.spec_replicas, Replicas(2));
  EXPECT_EQ(state.gpus_per_replica, GpuCount(2));
  EXPECT_LT(state.pods[0].since, WallTime(std::chrono::seconds(0)));
  EXPECT_EQ(state.pods[1].since, WallTime(std::chrono::seconds(980)));
}

}  // namespace
}  // namespace tokenscaler::prom
