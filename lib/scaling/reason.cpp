#include "scaling/reason.h"

namespace tokenscaler::scaling {

std::string_view to_string(ReasonCode code) {
  switch (code) {
    case ReasonCode::ValidMetricFound:
      return "ValidMetricFound";
    case ReasonCode::MetricsUnavailable:
      return "MetricsUnavailable";
    case ReasonCode::MetricsUnavailableFloor:
      return "MetricsUnavailableFloor";
    case ReasonCode::DarkReplicas:
      return "DarkReplicas";
    case ReasonCode::WarmingReplicas:
      return "WarmingReplicas";
    case ReasonCode::NoReadyReplicas:
      return "NoReadyReplicas";
    case ReasonCode::PartialAnswer:
      return "PartialAnswer";
    case ReasonCode::GatewayUnknown:
      return "GatewayUnknown";
    case ReasonCode::LatencyUnknown:
      return "LatencyUnknown";
    case ReasonCode::InFlightUnknown:
      return "InFlightUnknown";
    case ReasonCode::RequestShapeUnknown:
      return "RequestShapeUnknown";
    case ReasonCode::CapacityUnknown:
      return "CapacityUnknown";
    case ReasonCode::ZeroTraffic:
      return "ZeroTraffic";
    case ReasonCode::WithinTolerance:
      return "WithinTolerance";
    case ReasonCode::FailingReplicasReplaced:
      return "FailingReplicasReplaced";
    case ReasonCode::FailingReplicasNotReplaced:
      return "FailingReplicasNotReplaced";
    case ReasonCode::SignalWaitsForReplicas:
      return "SignalWaitsForReplicas";
    case ReasonCode::ScaleUpStabilized:
      return "ScaleUpStabilized";
    case ReasonCode::ScaleDownStabilized:
      return "ScaleDownStabilized";
    case ReasonCode::SettlingAfterScaleDown:
      return "SettlingAfterScaleDown";
    case ReasonCode::RolloutInProgress:
      return "RolloutInProgress";
    case ReasonCode::ScaleUpLimit:
      return "ScaleUpLimit";
    case ReasonCode::ScaleDownLimit:
      return "ScaleDownLimit";
    case ReasonCode::TooManyReplicas:
      return "TooManyReplicas";
    case ReasonCode::TooFewReplicas:
      return "TooFewReplicas";
    case ReasonCode::UnschedulableReplicas:
      return "UnschedulableReplicas";
    case ReasonCode::QuotaExceeded:
      return "QuotaExceeded";
    case ReasonCode::DesiredWithinRange:
      return "DesiredWithinRange";
    case ReasonCode::Paused:
      return "Paused";
  }
  return "DesiredWithinRange";
}

}  // namespace tokenscaler::scaling
