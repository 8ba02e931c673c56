// Small fleets for tests: every default is a healthy pod, and a test changes what it is about.
#pragma once

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "scaling/decide.h"

namespace tokenscaler::scaling::testing {

using std::chrono::seconds;

/// Some fixed time; stamps are told as seconds before it.
inline constexpr WallTime kNow{std::chrono::milliseconds(1'700'000'000'000)};

inline WallTime ago(std::int64_t age_seconds) {
  return kNow - seconds(age_seconds);
}

inline Reading fresh(double value) {
  return {.state = ReadingState::Fresh, .value = value, .age = Seconds(5)};
}

inline Reading unusable(ReadingState state, double age = 0.0) {
  return {.state = state, .value = 0.0, .age = Seconds(age)};
}

/// A busy engine: 1000 prompt and 200 generation tokens/s, 2 requests/s of 500 and 100 tokens.
inline PodSignals busy_pod(std::string name) {
  PodSignals pod;
  pod.pod = std::move(name);
  pod.prompt_tokens_per_second = fresh(1000.0);
  pod.cached_prompt_tokens_per_second = fresh(0.0);
  pod.generation_tokens_per_second = fresh(200.0);
  pod.finished_requests_per_second = fresh(2.0);
  pod.running_requests = fresh(8.0);
  pod.waiting_requests = fresh(0.0);
  pod.in_flight_change_per_second = fresh(0.0);
  pod.kv_cache_usage = fresh(0.3);
  pod.mean_prompt_tokens = fresh(500.0);
  pod.mean_generation_tokens = fresh(100.0);
  pod.mean_time_to_first_token_seconds = fresh(0.4);
  pod.mean_time_per_output_token_seconds = fresh(0.03);
  return pod;
}

/// A ready engine before its first request: gauges read 0, counters do not exist.
inline PodSignals idle_pod(std::string name) {
  PodSignals pod;
  pod.pod = std::move(name);
  const Reading unborn = unusable(ReadingState::NotYetBorn);
  pod.prompt_tokens_per_second = unborn;
  pod.cached_prompt_tokens_per_second = unborn;
  pod.generation_tokens_per_second = unborn;
  pod.finished_requests_per_second = unborn;
  pod.running_requests = fresh(0.0);
  pod.waiting_requests = fresh(0.0);
  pod.in_flight_change_per_second = fresh(0.0);
  pod.kv_cache_usage = fresh(0.0);
  return pod;
}

/// A pod that Prometheus knows nothing of.
inline PodSignals silent_pod(std::string name) {
  PodSignals pod;
  pod.pod = std::move(name);
  return pod;
}

inline PodState ready_pod(std::string name, std::int64_t age_seconds = 3600) {
  return {.name = std::move(name), .phase = PodPhase::Ready, .since = ago(age_seconds)};
}

inline PodState pod_in(PodPhase phase, std::string name, std::int64_t age_seconds = 10) {
  return {.name = std::move(name), .phase = phase, .since = ago(age_seconds)};
}

using CountOf = std::pair<Replicas ReplicaCounts::*, std::int32_t>;

inline ReplicaCounts counts_of(std::initializer_list<CountOf> counts) {
  ReplicaCounts result;
  for (const auto& [member, count] : counts) result.*member = Replicas(count);
  return result;
}

inline std::string pod_name(int index) {
  return "pod-" + std::to_string(index);
}

/// Room for 4000 uncached prompt and 400 generation tokens/s in each replica of 2 GPUs.
inline model::TokenScalerSpec basic_spec() {
  model::TokenScalerSpec spec;
  spec.scale_target_ref.name = "llama-70b";
  spec.min_replicas = Replicas(1);
  spec.max_replicas = Replicas(20);
  spec.capacity.tokens_per_second_per_gpu = model::TokensPerSecondPerGpu{
      .prompt = TokensPerSecond(2000.0), .generation = TokensPerSecond(200.0)};
  return spec;
}

inline constexpr GpuCount kGpus{2};

/// `busy` busy replicas that have been ready for an hour.
inline Snapshot basic_snapshot(int busy) {
  Observation observation;
  observation.evaluated_at = kNow;
  observation.effective_window = Seconds(60);
  observation.scrape_interval = Seconds(15);
  observation.engine = model::Engine::Vllm;
  TargetState target;
  target.spec_replicas = Replicas(busy);
  target.gpus_per_replica = kGpus;
  for (int i = 0; i < busy; ++i) {
    observation.pods.push_back(busy_pod(pod_name(i)));
    target.pods.push_back(ready_pod(pod_name(i)));
  }
  return {.spec = basic_spec(), .target = std::move(target), .observation = std::move(observation)};
}

/// A history in which `replicas` were recommended every 15 s for an hour, so that no window holds.
inline History settled_history(int replicas) {
  History history;
  for (std::int64_t age = 3600; age > 0; age -= 15) {
    remember_recommendation(history, ago(age), Replicas(replicas));
  }
  return history;
}

inline bool has_reason(const std::vector<Reason>& reasons, ReasonCode code) {
  return std::any_of(reasons.begin(), reasons.end(),
                     [&](const Reason& reason) { return reason.code == code; });
}

/// The message of the first reason with `code`, or empty.
inline std::string message_of(const std::vector<Reason>& reasons, ReasonCode code) {
  for (const Reason& reason : reasons) {
    if (reason.code == code) return reason.message;
  }
  return {};
}

}  // namespace tokenscaler::scaling::testing
