// Stage 4: the behaviour of autoscaling/v2, in full: stabilization windows and rate policies.
//
// Source: k8s.io/kubernetes/pkg/controller/podautoscaler/horizontal.go,
// stabilizeRecommendationWithBehaviors and convertDesiredReplicasWithBehaviorRate.
#pragma once

#include <optional>

#include "model/token_scaler.h"
#include "scaling/history.h"
#include "scaling/reason.h"

namespace tokenscaler::scaling {

/// A count after a rule, and the rule if it changed the count.
struct Adjusted {
  Replicas replicas;
  std::optional<Reason> reason;

  bool operator==(const Adjusted&) const = default;
};

/// The recommendation after the windows: clamp(current, lowest of the scale-up window, highest of
/// the scale-down window), the newest recommendation included. `history` holds the earlier ones.
[[nodiscard]] Adjusted stabilize(const History& history, Replicas current, Replicas recommended,
                                 const model::Behavior& behavior, WallTime now);

/// The most that the scale-up policies allow from `current`, counting what the last periods
/// already changed. At least `current`.
[[nodiscard]] Replicas scale_up_limit(const History& history, Replicas current,
                                      const model::ScalingRules& rules, WallTime now);

/// The least that the scale-down policies allow. At most `current`, never negative.
[[nodiscard]] Replicas scale_down_limit(const History& history, Replicas current,
                                        const model::ScalingRules& rules, WallTime now);

/// `desired` within the rate policies.
[[nodiscard]] Adjusted limit_rate(const History& history, Replicas current, Replicas desired,
                                  const model::Behavior& behavior, WallTime now);

}  // namespace tokenscaler::scaling
