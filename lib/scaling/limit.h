// Stage 5: the limits of the user and of the cluster. Each that acts is named with what it costs.
#pragma once

#include <optional>
#include <vector>

#include "model/token_scaler.h"
#include "scaling/reason.h"
#include "scaling/recommend.h"
#include "scaling/target_state.h"

namespace tokenscaler::scaling {

/// A limit that changed the count.
struct AppliedLimit {
  ReasonCode code = ReasonCode::DesiredWithinRange;
  Replicas wanted;
  Replicas allowed;
  /// Capacity that the limit keeps away, (wanted - allowed) x tokens/s of a replica; no value where
  /// the limit raises the count or capacity is unknown.
  std::optional<TokensPerSecond> prompt_shortfall;
  std::optional<TokensPerSecond> generation_shortfall;

  bool operator==(const AppliedLimit&) const = default;
};

struct Limited {
  Replicas replicas;
  std::vector<AppliedLimit> applied;
  std::vector<Reason> reasons;
};

/// `desired` within what the cluster can place (never below the present spec) and min..max.
[[nodiscard]] Limited limit(Replicas desired, const model::TokenScalerSpec& spec,
                            const TargetState& target, const ReplicaCounts& counts,
                            const std::optional<ReplicaCapacity>& capacity);

/// Names `wanted` cut down to `allowed` by `code`, with the capacity that it costs.
[[nodiscard]] AppliedLimit applied_limit(ReasonCode code, Replicas wanted, Replicas allowed,
                                         const std::optional<ReplicaCapacity>& capacity);

/// `; that is N prompt and M generation tokens/s less`, or empty.
[[nodiscard]] std::string shortfall_text(const AppliedLimit& limit);

}  // namespace tokenscaler::scaling
