#include "scaling/decide.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "scaling/stabilize.h"

namespace tokenscaler::scaling {

namespace {

/// Decides one snapshot; each method is one stage.
class Evaluation {
 public:
  Evaluation(const Snapshot& snapshot, History history, WallTime now)
      : snapshot_(snapshot),
        spec_(snapshot.spec),
        target_(snapshot.target),
        history_(std::move(history)),
        now_(now) {
    decision_.at = now;
    decision_.current = target_.spec_replicas;
    decision_.capacity = replica_capacity(spec_.capacity, target_.gpus_per_replica);
    forget_the_future(history_, now);
  }

  Outcome run() && {
    measure_fleet();
    const Replicas recommended =
        load_is_known() ? recommend_by_load() : recommend_without_metrics();
    apply_windows(recommended);
    apply_limits();
    conclude();
    return {std::move(decision_), std::move(history_)};
  }

 private:
  void add(ReasonCode code, std::string message) {
    decision_.reasons.push_back({code, std::move(message)});
  }

  void measure_fleet() {
    if (!snapshot_.observation) {
      decision_.replicas = count_without_observation(target_, now_);
      return;
    }
    const Observation& observation = *snapshot_.observation;
    decision_.engine = observation.engine;
    decision_.warnings = observation.warnings;
    decision_.measurement = measure(observation, target_, now_, spec_.metrics);
    decision_.replicas = decision_.measurement->replicas;
  }

  [[nodiscard]] bool load_is_known() const {
    return decision_.measurement && decision_.measurement->any_load_known();
  }

  Replicas recommend_by_load() {
    history_.unavailable_since.reset();
    const Measurement& measurement = *decision_.measurement;
    DemandEstimate estimate =
        estimate_demand(measurement, spec_.demand, plausible_cold_start(target_), history_.shape);
    decision_.demand = estimate.demand;
    append(std::move(estimate.reasons));
    history_.shape = decision_.demand->shape;
    decision_.recommendation = recommend({.spec = spec_,
                                          .measurement = measurement,
                                          .demand = *decision_.demand,
                                          .capacity = decision_.capacity,
                                          .current = decision_.current,
                                          .partial_answer = snapshot_.observation->partial});
    const Recommendation& recommendation = *decision_.recommendation;
    decision_.bound_by = recommendation.bound_by;
    note_zero_traffic();
    append(recommendation.reasons);
    if (recommendation.may_scale_down || recommendation.replicas >= decision_.current) {
      return recommendation.replicas;
    }
    held_ = true;
    return decision_.current;
  }

  void note_zero_traffic() {
    const Demand& demand = *decision_.demand;
    const bool idle = demand.in_flight == Requests(0) && demand.arrivals == RequestsPerSecond(0) &&
                      demand.prompt.required == TokensPerSecond(0) &&
                      demand.generation.required == TokensPerSecond(0);
    if (!idle || decision_.replicas.dark > Replicas(0)) return;
    if (decision_.measurement->gateway_only) {
      add(ReasonCode::ZeroTraffic, "the gateway answers and counts no work");
    } else if (decision_.measurement->known > Replicas(0)) {
      add(ReasonCode::ZeroTraffic, "every ready replica answers and none has work");
    }
  }

  Replicas recommend_without_metrics() {
    if (!history_.unavailable_since) history_.unavailable_since = now_;
    const auto silent =
        std::chrono::floor<std::chrono::seconds>(now_ - *history_.unavailable_since);
    add_unavailable_reason(silent);
    const model::MetricsUnavailable& policy = spec_.metrics_unavailable;
    const bool raise = policy.policy == model::MetricsUnavailablePolicy::AtLeast &&
                       policy.replicas && *policy.replicas > decision_.current &&
                       silent >= policy.grace_period;
    if (!raise) {
      held_ = true;
      return decision_.current;
    }
    add(ReasonCode::MetricsUnavailableFloor,
        fmt::format("metricsUnavailable asks for at least {} replicas after {} s",
                    policy.replicas->value(), policy.grace_period.count()));
    return *policy.replicas;
  }

  void add_unavailable_reason(std::chrono::seconds silent) {
    const std::string held = fmt::format("; {} replicas are held, for {} s so far",
                                         decision_.current.value(), silent.count());
    if (!snapshot_.observation) {
      add(ReasonCode::MetricsUnavailable, snapshot_.observation.error().to_string() + held);
      return;
    }
    if (decision_.replicas.ready() == Replicas(0)) {
      add(ReasonCode::NoReadyReplicas,
          fmt::format("no replica is ready ({} starting, {} failing, {} unschedulable)",
                      (decision_.replicas.starting + decision_.replicas.overdue).value(),
                      decision_.replicas.failing.value(),
                      decision_.replicas.unschedulable.value()) +
              held);
      return;
    }
    if (decision_.replicas.ready() == decision_.replicas.asleep) {
      add(ReasonCode::NoReadyReplicas,
          fmt::format("all {} ready replicas are asleep", decision_.replicas.asleep.value()) +
              held);
      return;
    }
    if (decision_.replicas.dark == Replicas(0)) {
      add(ReasonCode::WarmingReplicas,
          fmt::format(
              "{} replicas became ready less than one {:.0f} s window ago and have no rates "
              "yet",
              decision_.replicas.warming.value(), decision_.measurement->window.count()) +
              held);
      return;
    }
    std::string message = "no ready replica gives usable metrics";
    for (const std::string& detail : decision_.measurement->dark_details) message += "; " + detail;
    add(ReasonCode::MetricsUnavailable, message + held);
  }

  void apply_windows(Replicas recommended) {
    // The size at the first evaluation counts as a recommendation, as in the HPA: after a restart
    // nothing shrinks before the window is full. A long gap is as a restart: the machine slept, the
    // clock jumped, or another leader worked meanwhile.
    const auto longest_gap =
        std::max(spec_.behavior.scale_down.stabilization_window, kLongestEvaluationGap);
    if (history_.recommendations.empty() ||
        now_ - history_.recommendations.back().at > longest_gap) {
      remember_recommendation(history_, now_, decision_.current);
    }
    leave_out_short_hold();
    const Adjusted stable =
        stabilize(history_, decision_.current, recommended, spec_.behavior, now_);
    remember(recommended);
    append(stable.reason);
    decision_.stabilized = stable.replicas;
    if (decision_.stabilized < decision_.current) hold_while_unsettled();
    const Adjusted limited =
        limit_rate(history_, decision_.current, decision_.stabilized, spec_.behavior, now_);
    if (limited.reason) {
      const AppliedLimit applied = applied_limit(limited.reason->code, decision_.stabilized,
                                                 limited.replicas, decision_.capacity);
      add(limited.reason->code, limited.reason->message + shortfall_text(applied));
      decision_.limits.push_back(applied);
    }
    decision_.desired = limited.replicas;
  }

  /// A short hold is as if its evaluations had not been: the time that it took does not count for
  /// the windows either, or a window shorter than the hold would end on what nobody saw.
  void leave_out_short_hold() {
    if (held_ || !history_.held_since) return;
    const auto length = now_ - *history_.held_since;
    if (length >= kHoldThatCounts) return;
    for (RecommendationSpan& span : history_.recommendations) {
      span.at = std::min(span.at + length, now_);
    }
  }

  /// The HPA stores the value before stabilization, and nothing when it has no metrics.
  void remember(Replicas recommended) {
    if (!held_) {
      history_.held_since.reset();
    } else if (!history_.held_since) {
      history_.held_since = now_;
    }
    const bool counts = !held_ || now_ - *history_.held_since >= kHoldThatCounts;
    if (counts) remember_recommendation(history_, now_, recommended);
  }

  void hold_while_unsettled() {
    if (target_.rolling_out) {
      add(ReasonCode::RolloutInProgress,
          fmt::format("{} replicas would do; nothing is removed while the target rolls out",
                      decision_.stabilized.value()));
      decision_.stabilized = decision_.current;
      return;
    }
    const Seconds window = decision_.measurement ? decision_.measurement->window : Seconds(0);
    if (history_.last_scale_down_at && now_ >= *history_.last_scale_down_at &&
        now_ - *history_.last_scale_down_at < window) {
      add(ReasonCode::SettlingAfterScaleDown,
          fmt::format("{} replicas would do; the last scale-down is less than one {:.0f} s window "
                      "ago, so the load of the removed replicas is not yet seen on the others",
                      decision_.stabilized.value(), window.count()));
      decision_.stabilized = decision_.current;
    }
  }

  void apply_limits() {
    Limited limited =
        limit(decision_.desired, spec_, target_, decision_.replicas, decision_.capacity);
    decision_.desired = limited.replicas;
    append(std::move(limited.reasons));
    for (AppliedLimit& applied : limited.applied) decision_.limits.push_back(applied);
  }

  void conclude() {
    if (decision_.desired > decision_.current) {
      decision_.verdict = Verdict::ScaleUp;
    } else if (decision_.desired < decision_.current) {
      decision_.verdict = Verdict::ScaleDown;
    }
    decision_.may_write = spec_.mode == model::Mode::Scale && !spec_.paused;
    if (spec_.paused) {
      add(ReasonCode::Paused, "the object is paused; nothing is written");
    }
    if (decision_.recommendation) add_summary();
    if (decision_.reasons.empty()) {
      add(ReasonCode::DesiredWithinRange, "the desired count is within the acceptable range");
    }
    if (spec_.cost) {
      decision_.cost = report_cost(*spec_.cost, target_.gpus_per_replica, decision_.capacity,
                                   decision_.measurement, decision_.current, decision_.desired);
    }
  }

  void add_summary() {
    const Recommendation& recommendation = *decision_.recommendation;
    for (const Proposal& proposal : recommendation.proposals) {
      if (proposal.signal != recommendation.bound_by) continue;
      decision_.reasons.insert(
          decision_.reasons.begin(),
          {ReasonCode::ValidMetricFound,
           fmt::format("{} needs {:.2f} replicas: {}", to_string(proposal.signal), proposal.needed,
                       proposal.formula)});
      return;
    }
  }

  void append(std::vector<Reason> reasons) {
    for (Reason& reason : reasons) decision_.reasons.push_back(std::move(reason));
  }
  void append(const std::optional<Reason>& reason) {
    if (reason) decision_.reasons.push_back(*reason);
  }

  const Snapshot& snapshot_;
  const model::TokenScalerSpec& spec_;
  const TargetState& target_;
  History history_;
  WallTime now_;
  bool held_ = false;  ///< The recommendation is the present size for want of knowledge.
  Decision decision_;
};

}  // namespace

Outcome decide(const Snapshot& snapshot, const History& history, WallTime now) {
  return Evaluation(snapshot, history, now).run();
}

std::string_view to_string(Verdict verdict) {
  switch (verdict) {
    case Verdict::ScaleUp:
      return "ScaleUp";
    case Verdict::ScaleDown:
      return "ScaleDown";
    case Verdict::Hold:
      return "Hold";
  }
  return "Hold";
}

}  // namespace tokenscaler::scaling
