// The whole line, from what was read to what is to be done. A pure function: the same snapshot,
// history and time give the same decision, bit for bit.
#pragma once

#include <optional>
#include <vector>

#include "base/result.h"
#include "model/token_scaler.h"
#include "scaling/cost.h"
#include "scaling/demand.h"
#include "scaling/history.h"
#include "scaling/limit.h"
#include "scaling/measure.h"
#include "scaling/observation.h"
#include "scaling/reason.h"
#include "scaling/recommend.h"
#include "scaling/target_state.h"

namespace tokenscaler::scaling {

/// All inputs of one evaluation.
struct Snapshot {
  model::TokenScalerSpec spec;
  TargetState target;
  /// An error means that nothing could be read; it is told in the reasons.
  Result<Observation> observation;
};

enum class Verdict { ScaleUp, ScaleDown, Hold };

/// What is to be done and all of why. Status, events, metrics, log lines and the explanation are
/// printings of this value.
struct Decision {
  WallTime at;
  Replicas current;  ///< The target's spec.replicas in this evaluation.
  Replicas desired;  ///< Within min..max, whatever happens.
  Verdict verdict = Verdict::Hold;
  /// Whether the target may be written by us: in mode Scale and not while paused.
  bool may_write = true;
  Signal bound_by = Signal::None;

  ReplicaCounts replicas;
  std::optional<Measurement> measurement;  ///< No value: metrics were not available.
  std::optional<Demand> demand;
  std::optional<ReplicaCapacity> capacity;  ///< Of one replica.
  std::optional<Recommendation> recommendation;
  Replicas stabilized;  ///< After holds and windows, before limits.
  std::vector<AppliedLimit> limits;
  std::vector<Reason> reasons;                 ///< Never empty; in the order of the stages.
  std::optional<CostReport> cost;              ///< No value: spec.cost is not set.
  model::Engine engine = model::Engine::Auto;  ///< Whose metrics were read.
  std::vector<std::string> warnings;           ///< Of the observation.

  bool operator==(const Decision&) const = default;
};

struct Outcome {
  Decision decision;
  History history;  ///< For the next evaluation.
};

/// After a longer time without an evaluation the history says nothing about the present: no
/// evaluation interval is as long.
inline constexpr std::chrono::seconds kLongestEvaluationGap{300};

/// A hold for want of knowledge that lasts as long restarts the scale-down window. A shorter one,
/// such as a lost scrape of one pod of a hundred, is as if that evaluation had not been.
inline constexpr std::chrono::seconds kHoldThatCounts{60};

/// Decides. `now` is the wall clock of this evaluation; it may step back without harm.
/// Requires a valid spec (model::validate). After the decision was carried out, the caller adds it
/// to the history with remember_rescale.
[[nodiscard]] Outcome decide(const Snapshot& snapshot, const History& history, WallTime now);

[[nodiscard]] std::string_view to_string(Verdict verdict);

}  // namespace tokenscaler::scaling
