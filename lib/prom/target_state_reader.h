// The state of a scale target without access to its cluster: from the series of kube-state-metrics.
#pragma once

#include <optional>
#include <stop_token>
#include <string>

#include "base/result.h"
#include "base/units.h"
#include "model/token_scaler.h"
#include "prom/api_client.h"
#include "scaling/observation.h"
#include "scaling/target_state.h"

namespace tokenscaler::prom {

struct TargetStateRequest {
  std::string name_space;
  model::ScaleTargetRef target;  ///< A Deployment or a StatefulSet.
  /// Unset: the GPU requests of the target's pods.
  std::optional<GpuCount> gpus_per_replica;
};

/// Reads the target's replicas and pods. Errors: NotFound when kube-state-metrics does not know the
/// target, with advice that differs by whether it is scraped at all; Unavailable when its series
/// are old or lack pods that the target counts; Invalid for a kind that kube-state-metrics does not
/// report, and when neither the request nor a pod tells the GPUs of a replica.
[[nodiscard]] Result<scaling::TargetState> read_target_state(const ApiClient& api,
                                                             const TargetStateRequest& request,
                                                             const std::stop_token& stop);

/// What can be told from the samples alone, for when there is no kube-state-metrics: every pod that
/// has samples is a ready replica since it was first seen; Kubernetes' own view (starting, failing,
/// rollout) is not known. Nor are GPUs: unset, a replica is taken to have one, which callers must
/// tell the user.
[[nodiscard]] scaling::TargetState target_state_from(const scaling::Observation& observation,
                                                     std::optional<GpuCount> gpus_per_replica);

}  // namespace tokenscaler::prom
