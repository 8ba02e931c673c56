// Why a decision is what it is: fixed words for programs, a sentence for people.
#pragma once

#include <string>
#include <string_view>

namespace tokenscaler::scaling {

/// The words. Those that the Kubernetes HPA has too are spelled and meant as there.
enum class ReasonCode {
  // Data.
  ValidMetricFound,
  MetricsUnavailable,       ///< Nothing could be read; replicas are held.
  MetricsUnavailableFloor,  ///< The grace period is over; metricsUnavailable.replicas applies.
  DarkReplicas,             ///< Ready replicas without usable metrics; scale-down is held.
  WarmingReplicas,          ///< Ready for less than one window; scale-down is held.
  NoReadyReplicas,          ///< Nothing serves, so nothing can be measured.
  PartialAnswer,            ///< Prometheus warned that its answer may be incomplete.
  GatewayUnknown,           ///< A gateway's figures cannot be used; scale-down is held.
  LatencyUnknown,           ///< A latency target is set and nothing measures it.
  InFlightUnknown,          ///< No queue or batch gauges: overload cannot be told from full use.
  RequestShapeUnknown,      ///< Requests are in flight and no tokens per request are known yet.
  CapacityUnknown,          ///< spec.capacity says nothing and no other signal can replace it.
  ZeroTraffic,              ///< Every ready replica answers and none has work.
  // Recommendation.
  WithinTolerance,
  FailingReplicasReplaced,
  FailingReplicasNotReplaced,  ///< Too many fail for the cause to be a single node.
  SignalWaitsForReplicas,      ///< Queue or latency ask for more, and replicas are on their way
                               ///< already.
  // Timing.
  ScaleUpStabilized,
  ScaleDownStabilized,
  SettlingAfterScaleDown,  ///< The rate window still mixes two fleet sizes.
  RolloutInProgress,
  // Limits.
  ScaleUpLimit,
  ScaleDownLimit,
  TooManyReplicas,
  TooFewReplicas,
  UnschedulableReplicas,
  QuotaExceeded,
  // Result.
  DesiredWithinRange,
  Paused,
};

/// One reason with its figures.
struct Reason {
  ReasonCode code = ReasonCode::DesiredWithinRange;
  std::string message;

  bool operator==(const Reason&) const = default;
};

[[nodiscard]] std::string_view to_string(ReasonCode code);

}  // namespace tokenscaler::scaling
