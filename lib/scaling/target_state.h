// The scale target and its pods as Kubernetes has them: the other input of the decision.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/units.h"

namespace tokenscaler::scaling {

enum class PodPhase {
  Ready,          ///< Running and Ready.
  Starting,       ///< Scheduled, or about to be; loads the model.
  Unschedulable,  ///< The scheduler finds no room.
  Failing,        ///< Crash loop, OOM-killed, failed, image cannot be pulled.
  Terminating,    ///< Being removed; drains.
};

/// One pod of the target.
struct PodState {
  std::string name;
  PodPhase phase = PodPhase::Starting;
  WallTime since;        ///< When the phase began.
  bool surplus = false;  ///< A surge pod of a rollout: not capacity of the new size.

  bool operator==(const PodState&) const = default;
};

/// The target as it was read for this evaluation.
struct TargetState {
  Replicas spec_replicas;
  GpuCount gpus_per_replica{1};
  /// Sorted by name, each once.
  std::vector<PodState> pods;
  bool rolling_out = false;
  /// A quota or admission refused pods that the spec asks for.
  bool refused_by_quota = false;
  /// 95th percentile of created -> ready that was measured for this target.
  std::optional<Seconds> cold_start_p95;

  bool operator==(const TargetState&) const = default;
};

[[nodiscard]] std::string_view to_string(PodPhase phase);

}  // namespace tokenscaler::scaling
