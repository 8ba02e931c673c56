#include "model/validate.h"

#include <cmath>
#include <functional>
#include <limits>

#include <gtest/gtest.h>

namespace tokenscaler::model {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TokenScaler valid() {
  TokenScaler object;
  object.metadata.name = "llama-70b";
  object.metadata.name_space = "inference";
  object.spec.scale_target_ref.name = "llama-70b";
  object.spec.max_replicas = Replicas(12);
  object.spec.capacity.tokens_per_second_per_gpu = TokensPerSecondPerGpu{
      .prompt = TokensPerSecond(8000.0), .generation = TokensPerSecond(900.0)};
  return object;
}

/// A change that breaks one rule, and what is said of it.
struct Broken {
  std::function<void(TokenScaler&)> change;
  std::string path;
  std::string message;
};

ScalingPolicy policy(int value, int period) {
  return {.type = ScalingPolicyType::Pods, .value = value, .period = seconds(period)};
}

std::vector<Broken> broken_objects() {
  return {
      {[](TokenScaler& o) { o.metadata.name = "Llama_70B"; }, "metadata.name",
       "\"Llama_70B\" is not a Kubernetes name"},
      {[](TokenScaler& o) { o.metadata.name = ""; }, "metadata.name",
       "\"\" is not a Kubernetes name"},
      {[](TokenScaler& o) { o.metadata.name = std::string(254, 'a'); }, "metadata.name",
       "\"" + std::string(254, 'a') + "\" is not a Kubernetes name"},
      {[](TokenScaler& o) { o.metadata.name = "a..b"; }, "metadata.name",
       "\"a..b\" is not a Kubernetes name"},
      {[](TokenScaler& o) { o.metadata.name_space = "a.b"; }, "metadata.namespace",
       "\"a.b\" is not a namespace name"},
      {[](TokenScaler& o) { o.spec.scale_target_ref.name = ""; }, "spec.scaleTargetRef.name",
       "is empty"},
      {[](TokenScaler& o) { o.spec.scale_target_ref.name = "-a"; }, "spec.scaleTargetRef.name",
       "\"-a\" is not a Kubernetes name"},
      {[](TokenScaler& o) { o.spec.scale_target_ref.kind = ""; }, "spec.scaleTargetRef.kind",
       "\"\" is not a kind"},
      {[](TokenScaler& o) { o.spec.scale_target_ref.api_version = ""; },
       "spec.scaleTargetRef.apiVersion", "\"\" is not an API version"},
      {[](TokenScaler& o) { o.spec.min_replicas = Replicas(0); }, "spec.minReplicas",
       "0 is outside 1..100000"},
      {[](TokenScaler& o) { o.spec.max_replicas = Replicas(100'001); }, "spec.maxReplicas",
       "100001 is outside 1..100000"},
      {[](TokenScaler& o) { o.spec.min_replicas = Replicas(13); }, "spec.minReplicas",
       "13 is more than maxReplicas, 12"},
      {[](TokenScaler& o) { o.spec.gpus_per_replica = GpuCount(0); }, "spec.gpusPerReplica",
       "0 is outside 1..1024"},
      {[](TokenScaler& o) {
         for (int i = 0; i < 17; ++i) o.spec.metrics.series_match_labels["l" + std::to_string(i)];
       },
       "spec.metrics.seriesMatchLabels", "has 17 labels"},
      {[](TokenScaler& o) { o.spec.metrics.series_match_labels["model-name"] = "x"; },
       "spec.metrics.seriesMatchLabels.model-name",
       "\"model-name\" is not a label name of a series"},
      {[](TokenScaler& o) { o.spec.metrics.series_match_labels["__name__"] = "x"; },
       "spec.metrics.seriesMatchLabels.__name__", "\"__name__\" is not a label name of a series"},
      {[](TokenScaler& o) { o.spec.metrics.series_match_labels["a"] = std::string(1025, 'x'); },
       "spec.metrics.seriesMatchLabels.a", "the value has 1025 characters"},
      {[](TokenScaler& o) { o.spec.metrics.window = seconds(14); }, "spec.metrics.windowSeconds",
       "14 s is outside 15..3600"},
      {[](TokenScaler& o) { o.spec.metrics.server_name = "http://x"; }, "spec.metrics.serverName",
       "\"http://x\" is not a server name"},
      {[](TokenScaler& o) { o.spec.metrics.queries.prompt_tokens = " \n"; },
       "spec.metrics.queries.promptTokens", "is empty"},
      {[](TokenScaler& o) { o.spec.metrics.queries.kv_cache_usage = std::string(4097, 'x'); },
       "spec.metrics.queries.kvCacheUsage", "has 4097 characters"},
      {[](TokenScaler& o) { o.spec.metrics.queries.waiting_requests = std::string("a\0b", 3); },
       "spec.metrics.queries.waitingRequests", "holds a NUL character"},
      {[](TokenScaler& o) { o.spec.metrics.engine = Engine::Custom; }, "spec.metrics.queries",
       "engine Custom has no queries of its own"},
      {[](TokenScaler& o) { o.spec.capacity.tokens_per_second_per_gpu.reset(); }, "spec.capacity",
       "says nothing, and signals.requestsInFlightPerReplica is not set"},
      {[](TokenScaler& o) {
         o.spec.capacity.tokens_per_second_per_gpu->prompt = TokensPerSecond(0.0);
       },
       "spec.capacity.tokensPerSecondPerGPU.prompt", "0 tokens/s is outside 1..10000000"},
      {[](TokenScaler& o) {
         o.spec.capacity.tokens_per_second_per_gpu->generation = TokensPerSecond(std::nan(""));
       },
       "spec.capacity.tokensPerSecondPerGPU.generation", "nan tokens/s is outside 1..10000000"},
      {[](TokenScaler& o) { o.spec.signals.requests_in_flight_per_replica = 0; },
       "spec.signals.requestsInFlightPerReplica", "0 is outside 1..100000"},
      {[](TokenScaler& o) { o.spec.signals.waiting_requests_per_replica = 100'001; },
       "spec.signals.waitingRequestsPerReplica", "100001 is outside 1..100000"},
      {[](TokenScaler& o) { o.spec.signals.kv_cache_usage_percent = 101; },
       "spec.signals.kvCacheUsagePercent", "101 is outside 1..100"},
      {[](TokenScaler& o) { o.spec.signals.time_to_first_token = milliseconds(0); },
       "spec.signals.timeToFirstTokenMilliseconds", "0 ms is outside 1..3600000"},
      {[](TokenScaler& o) { o.spec.signals.time_per_output_token = milliseconds(60'001); },
       "spec.signals.timePerOutputTokenMilliseconds", "60001 ms is outside 1..60000"},
      {[](TokenScaler& o) { o.spec.demand.buffer_factor = Decimal::from_nanos(999'999'999); },
       "spec.demand.bufferFactor", "0.999999999 is outside 1..10"},
      {[](TokenScaler& o) { o.spec.demand.queue_drain = seconds(0); },
       "spec.demand.queueDrainSeconds", "0 s is outside 1..3600"},
      {[](TokenScaler& o) { o.spec.behavior.scale_up.stabilization_window = seconds(3601); },
       "spec.behavior.scaleUp.stabilizationWindowSeconds", "3601 s is outside 0..3600"},
      {[](TokenScaler& o) { o.spec.behavior.scale_down.tolerance = Decimal::from_integer(2); },
       "spec.behavior.scaleDown.tolerance", "2 is outside 0..1"},
      {[](TokenScaler& o) { o.spec.behavior.scale_up.policies.assign(21, policy(1, 1)); },
       "spec.behavior.scaleUp.policies", "has 21 entries"},
      {[](TokenScaler& o) { o.spec.behavior.scale_up.policies[1] = policy(0, 15); },
       "spec.behavior.scaleUp.policies[1].value", "0 is outside 1..1000000"},
      {[](TokenScaler& o) { o.spec.behavior.scale_down.policies[0] = policy(1, 1801); },
       "spec.behavior.scaleDown.policies[0].periodSeconds", "1801 s is outside 1..1800"},
      {[](TokenScaler& o) { o.spec.metrics_unavailable.grace_period = seconds(86'401); },
       "spec.metricsUnavailable.gracePeriodSeconds", "86401 s is outside 0..86400"},
      {[](TokenScaler& o) {
         o.spec.metrics_unavailable.policy = MetricsUnavailablePolicy::AtLeast;
       },
       "spec.metricsUnavailable.replicas", "is missing with policy AtLeast"},
      {[](TokenScaler& o) { o.spec.metrics_unavailable.replicas = Replicas(3); },
       "spec.metricsUnavailable.replicas", "has no meaning with policy Hold"},
      {[](TokenScaler& o) {
         o.spec.metrics_unavailable = {.policy = MetricsUnavailablePolicy::AtLeast,
                                       .replicas = Replicas(13)};
       },
       "spec.metricsUnavailable.replicas", "13 is more than maxReplicas, 12"},
      {[](TokenScaler& o) {
         o.spec.cost = Cost{};
         o.spec.cost->price_per_gpu_hour = Decimal::from_integer(-1);
       },
       "spec.cost.pricePerGPUHour", "-1 is outside 0..1000000000"},
      {[](TokenScaler& o) {
         o.spec.cost = Cost{};
         o.spec.cost->price_per_replica_hour = Decimal::from_integer(-1);
       },
       "spec.cost.pricePerReplicaHour", "-1 is outside 0..1000000000"},
      {[](TokenScaler& o) {
         o.spec.cost = Cost{};
         o.spec.cost->storage_per_replica_hour = Decimal::from_integer(1'000'000'001);
       },
       "spec.cost.storagePerReplicaHour", "1000000001 is outside 0..1000000000"},
      {[](TokenScaler& o) {
         o.spec.cost = Cost{};
         o.spec.cost->network_per_replica_hour = Decimal::from_integer(-1);
       },
       "spec.cost.networkPerReplicaHour", "-1 is outside 0..1000000000"},
  };
}

TEST(Validate, AcceptsASoundObject) {
  EXPECT_TRUE(validate(valid()).empty());
}

TEST(Validate, NamesEachBrokenRuleAndOnlyThat) {
  for (const Broken& broken : broken_objects()) {
    SCOPED_TRACE(broken.path + ": " + broken.message);
    TokenScaler object = valid();
    broken.change(object);
    const auto errors = validate(object);
    ASSERT_EQ(errors.size(), 1U);
    EXPECT_EQ(errors[0].path, broken.path);
    EXPECT_EQ(errors[0].message, broken.message);
    EXPECT_FALSE(errors[0].advice.empty());
  }
}

TEST(Validate, AcceptsTheEdgesOfEachRange) {
  const std::vector<std::function<void(TokenScaler&)>> edges{
      [](TokenScaler& o) { o.metadata.name = std::string(63, 'a') + "." + std::string(63, 'b'); },
      [](TokenScaler& o) { o.spec.max_replicas = Replicas(100'000); },
      [](TokenScaler& o) { o.spec.min_replicas = o.spec.max_replicas; },
      [](TokenScaler& o) { o.spec.gpus_per_replica = GpuCount(1024); },
      [](TokenScaler& o) { o.spec.metrics.window = seconds(15); },
      [](TokenScaler& o) { o.spec.metrics.window = seconds(3600); },
      [](TokenScaler& o) { o.spec.metrics.series_match_labels["_a9"] = std::string(1024, 'x'); },
      [](TokenScaler& o) { o.spec.metrics.queries.prompt_tokens = std::string(4096, 'x'); },
      [](TokenScaler& o) {
        o.spec.metrics.engine = Engine::Custom;
        o.spec.metrics.queries.prompt_tokens = o.spec.metrics.queries.generation_tokens = "a";
      },
      [](TokenScaler& o) {
        o.spec.capacity.tokens_per_second_per_gpu.reset();
        o.spec.signals.requests_in_flight_per_replica = 1;
      },
      [](TokenScaler& o) { o.spec.demand.buffer_factor = Decimal::from_integer(1); },
      [](TokenScaler& o) { o.spec.demand.buffer_factor = Decimal::from_integer(10); },
      [](TokenScaler& o) { o.spec.behavior.scale_up.tolerance = Decimal::from_integer(0); },
      [](TokenScaler& o) { o.spec.behavior.scale_up.policies.assign(20, policy(1, 1800)); },
      [](TokenScaler& o) {
        o.spec.metrics_unavailable = {.policy = MetricsUnavailablePolicy::AtLeast,
                                      .replicas = Replicas(12),
                                      .grace_period = seconds(0)};
      },
      [](TokenScaler& o) { o.spec.cost = Cost{}; },
  };
  for (std::size_t i = 0; i < edges.size(); ++i) {
    SCOPED_TRACE(i);
    TokenScaler object = valid();
    edges[i](object);
    for (const FieldError& error : validate(object))
      ADD_FAILURE() << error.path << ": " << error.message;
  }
}

TEST(Validate, TellsAllErrorsInTheOrderOfTheFields) {
  TokenScaler object = valid();
  object.metadata.name = "A";
  object.spec.max_replicas = Replicas(0);
  object.spec.demand.queue_drain = seconds(0);
  std::vector<std::string> paths;
  for (const FieldError& error : validate(object)) paths.push_back(error.path);
  EXPECT_EQ(paths, (std::vector<std::string>{"metadata.name", "spec.maxReplicas",
                                             "spec.minReplicas", "spec.demand.queueDrainSeconds"}));
}

}  // namespace
}  // namespace tokenscaler::model
