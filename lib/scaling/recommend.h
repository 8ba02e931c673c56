// Stage 3: what is asked for -> how many replicas would serve it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/token_scaler.h"
#include "scaling/demand.h"
#include "scaling/measure.h"
#include "scaling/reason.h"

namespace tokenscaler::scaling {

/// What can ask for replicas. The one that asks for most binds.
enum class Signal {
  None,
  PromptTokens,
  GenerationTokens,
  RequestsInFlight,
  WaitingRequests,
  KvCache,
  TimeToFirstToken,
  TimePerOutputToken,
};

/// Tokens/s that one replica serves.
struct ReplicaCapacity {
  TokensPerSecond prompt;
  TokensPerSecond generation;
  GpuCount gpus{1};

  bool operator==(const ReplicaCapacity&) const = default;
};

/// Capacity by spec: tokens/s for each GPU x GPUs per replica. Learned capacity takes this place
/// later. No value where the spec has none.
[[nodiscard]] std::optional<ReplicaCapacity> replica_capacity(const model::Capacity& capacity,
                                                              GpuCount gpus_per_replica);

/// What one signal asks for.
struct Proposal {
  Signal signal = Signal::None;
  double needed = 0.0;    ///< Replicas, before rounding up.
  double measured = 0.0;  ///< In the signal's unit (tokens/s, requests, ratio, seconds).
  double target = 0.0;    ///< For one replica, in the same unit.
  std::string formula;    ///< With the figures: `(1200 + 40) x 1.3 / 8000 = 0.20`.

  bool operator==(const Proposal&) const = default;
};

struct Recommendation {
  Replicas replicas;    ///< Rounded up; before stabilization and limits.
  double needed = 0.0;  ///< The largest proposal, unproductive replicas included.
  Signal bound_by = Signal::None;
  std::vector<Proposal> proposals;
  /// Whether a count below the present one may be acted on. If not, `reasons` has the hold.
  bool may_scale_down = true;
  std::vector<Reason> reasons;

  bool operator==(const Recommendation&) const = default;
};

/// Everything that the recommendation depends on.
struct RecommendInput {
  const model::TokenScalerSpec& spec;
  const Measurement& measurement;
  const Demand& demand;
  const std::optional<ReplicaCapacity>& capacity;
  Replicas current;  ///< The target's spec.replicas.
  bool partial_answer = false;
};

/// needed = max over signals; replicas = ceil(needed), or `current` inside the tolerance.
/// Dark replicas are taken as fully used: they neither give capacity nor take it away. Failing ones
/// are replaced as long as they are the minority.
/// Tokens that are served now hold the replicas that serve them and ask for no more: a replica may
/// serve more than its stated capacity while it drains a queue, and requests that run already do
/// not move to new replicas. What piles up (queue, requests in flight, latency) goes on piling up
/// while replicas load, so it may not ask for more before they serve; the offered load may.
/// Nor may it while the queue drains in time: latency then tells of a queue that is gone.
[[nodiscard]] Recommendation recommend(const RecommendInput& input);

/// Latency above its target asks for at most this many times the replicas that were measured: how
/// latency falls with load is not linear, so one step is bounded (llm-d's SLO guide caps at 2 too).
inline constexpr double kMaxLatencyRatio = 2.0;

[[nodiscard]] std::string_view to_string(Signal signal);

}  // namespace tokenscaler::scaling
