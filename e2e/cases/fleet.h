// One target of the product under a script: its pods, what Kubernetes says of them, and what was
// read and decided cycle by cycle.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "cases/prometheus_process.h"
#include "cases/scripted_engine.h"
#include "model/token_scaler.h"
#include "prom/target_state_reader.h"
#include "scaling/decide.h"

namespace tokenscaler::e2e {

/// One evaluation.
struct Cycle {
  Seconds at{0};  ///< Since the timeline began.
  Result<scaling::TargetState> target;
  Result<scaling::Observation> observation;
  std::optional<scaling::Decision> decision;  ///< Unset when the target's state was not known.
};

/// A pod: its exporter and how Prometheus reaches it.
struct ScriptedPod {
  std::shared_ptr<ScriptedEngine> engine;
  std::vector<ScrapeTarget> targets;  ///< Two for a Prometheus pair.
  bool scraped = true;                ///< Whether discovery knows it.
};

struct Fleet {
  std::string name;  ///< Of the script, for messages.
  std::string name_space;
  std::string job;  ///< Of its targets.
  model::TokenScalerSpec spec;
  /// What Kubernetes says; the script changes it.
  scaling::TargetState target;
  /// Instead of `target`: read from kube-state-metrics.
  std::optional<prom::TargetStateRequest> target_request;
  /// Whether the read names the target's pods; else every pod whose series match is read.
  bool pods_are_named = true;
  std::vector<ScriptedPod> pods;

  scaling::History history;
  std::vector<Cycle> cycles;

  [[nodiscard]] ScriptedEngine& engine(std::size_t index) { return *pods.at(index).engine; }
};

/// The load of every engine of which the script says nothing else. The figures that follow:
///   mean prompt 1000 / 4 = 250 tokens, mean generation 400 / 4 = 100 tokens.
inline constexpr EngineLoad kTypicalLoad{.prompt_tokens_per_second = 1000,
                                         .cached_prompt_tokens_per_second = 250,
                                         .generation_tokens_per_second = 400,
                                         .finished_requests_per_second = 4,
                                         .running_requests = 8,
                                         .waiting_requests = 0,
                                         .waiting_growth_per_second = 0,
                                         .kv_cache_usage = 0.5,
                                         .time_to_first_token_seconds = 0.2,
                                         .time_per_output_token_seconds = 0.02};

/// Three quarters of it. Three such engines need 2.16 replicas, so that figures that are 8 % too
/// low make two of three.
inline constexpr EngineLoad kLightLoad{.prompt_tokens_per_second = 750,
                                       .cached_prompt_tokens_per_second = 187.5,
                                       .generation_tokens_per_second = 300,
                                       .finished_requests_per_second = 3,
                                       .running_requests = 6,
                                       .waiting_requests = 0,
                                       .waiting_growth_per_second = 0,
                                       .kv_cache_usage = 0.4,
                                       .time_to_first_token_seconds = 0.2,
                                       .time_per_output_token_seconds = 0.02};

/// What the shapes of kTypicalLoad need with typical_spec():
///   generation: 400 x 1.2 / 500 = 0.96 replicas for each loaded engine, which binds;
///   prompt: 750 uncached x 1.2 / 2000 = 0.45; KV cache: 0.5 / 0.9 = 0.56.
inline constexpr double kReplicasPerTypicalEngine = 0.96;
/// 300 x 1.2 / 500.
inline constexpr double kReplicasPerLightEngine = 0.72;

/// One GPU for each replica, 2000 prompt and 500 generated tokens/s for each GPU, buffer 1.2,
/// window 15 s, 1..20 replicas, and no stabilization at all: what is recommended is decided at
/// once, so that a cooldown cannot hide a wrong figure.
[[nodiscard]] model::TokenScalerSpec typical_spec();

/// A ready pod.
[[nodiscard]] scaling::PodState ready_pod(std::string name, WallTime since);

}  // namespace tokenscaler::e2e
