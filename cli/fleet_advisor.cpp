#include "fleet_advisor.h"

#include <array>
#include <span>
#include <utility>

#include "prom/target_state_reader.h"

namespace tokenscaler::cli {

std::string_view to_string(TargetSource source) {
  switch (source) {
    case TargetSource::KubeStateMetrics:
      return "KubeStateMetrics";
    case TargetSource::Samples:
      return "Samples";
    case TargetSource::LastKnown:
      return "LastKnown";
  }
  return "LastKnown";
}

FleetAdvisor::FleetAdvisor(model::TokenScaler object, const prom::Server& server,
                           std::optional<Replicas> replicas, http::Client& http, const Clock& clock)
    : object_(std::move(object)),
      replicas_(replicas),
      clock_(clock),
      api_(server, http, clock),
      reader_(server, http, clock) {}

Result<scaling::TargetState> FleetAdvisor::read_target(const std::stop_token& stop) const {
  return prom::read_target_state(api_,
                                 {.name_space = object_.metadata.name_space,
                                  .target = object_.spec.scale_target_ref,
                                  .gpus_per_replica = object_.spec.gpus_per_replica},
                                 stop);
}

Result<scaling::Observation> FleetAdvisor::observe(const Result<scaling::TargetState>& target,
                                                   const std::stop_token& stop) {
  prom::ObservationRequest request{.name_space = object_.metadata.name_space,
                                   .metrics = object_.spec.metrics,
                                   .pods = std::nullopt};
  if (target) {
    request.pods.emplace();
    for (const scaling::PodState& pod : target->pods) request.pods->push_back(pod.name);
  }
  auto results = reader_.read(std::span(&request, 1), stop);
  return std::move(results.front());
}

Result<FleetAdvisor::KnownTarget> FleetAdvisor::settle_target(
    Result<scaling::TargetState> target, const Result<scaling::Observation>& observation) {
  if (target) return KnownTarget{std::move(target).value(), TargetSource::KubeStateMetrics};
  const bool unknown_to_kube_state_metrics = target.error().code == ErrorCode::NotFound;
  // A scrape of kube-state-metrics that is lost must not turn one target into all pods with
  // samples.
  if (last_target_ && last_target_->source == TargetSource::KubeStateMetrics) {
    return KnownTarget{last_target_->state, TargetSource::LastKnown};
  }
  if (unknown_to_kube_state_metrics && observation && (!observation->pods.empty() || replicas_)) {
    if (!object_.spec.gpus_per_replica) {
      return make_error(ErrorCode::Invalid, "is not set, and no kube-state-metrics tells it")
          .at("spec.gpusPerReplica")
          .advise("write how many GPUs one replica has");
    }
    scaling::TargetState state =
        prom::target_state_from(*observation, object_.spec.gpus_per_replica);
    if (replicas_) state.spec_replicas = *replicas_;
    return KnownTarget{std::move(state), TargetSource::Samples};
  }
  if (last_target_) return KnownTarget{last_target_->state, TargetSource::LastKnown};
  // Prometheus' own trouble explains the missing target, not the other way round.
  if (!observation && !unknown_to_kube_state_metrics) return observation.error();
  return std::move(target).error();
}

Result<Advice> FleetAdvisor::evaluate(const std::stop_token& stop) {
  Result<scaling::TargetState> read = read_target(stop);
  Result<scaling::Observation> observation = observe(read, stop);
  ASSIGN_OR_RETURN(KnownTarget target, settle_target(std::move(read), observation));
  // Ages of pods and samples are told by Prometheus' clock, so that is the one to compare with.
  const WallTime now = observation ? observation->evaluated_at : clock_.wall();
  // What two sources call the size is no change of size.
  if (last_target_ && last_target_->source == target.source) {
    scaling::remember_rescale(history_, now, last_target_->state.spec_replicas,
                              target.state.spec_replicas);
  }
  if (target.source != TargetSource::LastKnown) last_target_ = target;
  scaling::Outcome outcome = scaling::decide(
      {.spec = object_.spec, .target = target.state, .observation = std::move(observation)},
      history_, now);
  history_ = std::move(outcome.history);
  return Advice{std::move(outcome.decision), std::move(target.state), target.source};
}

}  // namespace tokenscaler::cli
