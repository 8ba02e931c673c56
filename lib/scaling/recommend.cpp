#include "scaling/recommend.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

namespace tokenscaler::scaling {

namespace {

/// Absorbs the last bits of floating point, so that 3.0000000000001 replicas are 3.
constexpr double kRoundingSlack = 1e-9;

Replicas round_up(double needed) {
  constexpr double kMost = std::numeric_limits<std::int32_t>::max();
  const double rounded = std::ceil(needed - kRoundingSlack);
  return Replicas(static_cast<std::int32_t>(std::clamp(rounded, 0.0, kMost)));
}

double as_double(Replicas replicas) {
  return static_cast<double>(replicas.value());
}

std::string plus_dark(double dark) {
  return dark > 0.0 ? fmt::format(" + {:.0f} dark", dark) : std::string();
}

/// The limits of one proposal for tokens.
struct TokenLimits {
  double buffer;
  double dark;
  double current;
  bool replicas_to_come;  ///< Then the backlog may not ask for more than `current`.
};

Proposal token_proposal(Signal signal, const TokenDemand& demand, TokensPerSecond capacity,
                        const TokenLimits& limits) {
  const double load = demand.offered / capacity * limits.buffer + limits.dark;
  // A gateway counts the load of dark replicas too.
  const double through_gateway = demand.through_gateway / capacity * limits.buffer;
  const double without_backlog = std::max(load, through_gateway);
  const double backlog = demand.backlog / capacity * limits.buffer;
  const double with_backlog =
      limits.replicas_to_come
          ? std::max(without_backlog, std::min(without_backlog + backlog, limits.current))
          : without_backlog + backlog;
  const double held =
      std::min(demand.served / capacity * limits.buffer + limits.dark, limits.current);

  Proposal proposal;
  proposal.signal = signal;
  proposal.measured = demand.required.value();
  proposal.target = capacity.value();
  proposal.needed = std::max(with_backlog, held);
  if (held > with_backlog) {
    proposal.formula =
        fmt::format("{:.0f} served x {:g} / {:.0f} tokens/s per replica{}", demand.served.value(),
                    limits.buffer, capacity.value(), plus_dark(limits.dark));
  } else if (through_gateway > load) {
    proposal.formula = fmt::format(
        "({:.0f} through the gateway + {:.0f} backlog) x {:g} / {:.0f} "
        "tokens/s per replica",
        demand.through_gateway.value(), demand.backlog.value(), limits.buffer, capacity.value());
  } else {
    proposal.formula = fmt::format(
        "({:.0f} offered + {:.0f} backlog) x {:g} / {:.0f} tokens/s per "
        "replica{}",
        demand.offered.value(), demand.backlog.value(), limits.buffer, capacity.value(),
        plus_dark(limits.dark));
  }
  if (with_backlog < without_backlog + backlog) {
    proposal.formula += ", the backlog waits for the replicas that start";
  }
  return proposal;
}

Proposal count_proposal(Signal signal, double count, double target, std::string_view what,
                        double dark) {
  Proposal proposal;
  proposal.signal = signal;
  proposal.measured = count;
  proposal.target = target;
  proposal.needed = count / target + dark;
  proposal.formula =
      fmt::format("{:.4g} {} / {:.4g} per replica{}", count, what, target, plus_dark(dark));
  return proposal;
}

/// Latency is intensive: it multiplies the replicas that it was measured on.
Proposal latency_proposal(Signal signal, Seconds measured, std::chrono::milliseconds target,
                          double known, double dark) {
  Proposal proposal;
  proposal.signal = signal;
  proposal.measured = measured.count();
  proposal.target = std::chrono::duration_cast<Seconds>(target).count();
  const double ratio = std::min(proposal.measured / proposal.target, kMaxLatencyRatio);
  proposal.needed = known * ratio + dark;
  proposal.formula =
      fmt::format("{:.0f} replicas x min({:.3f} s / {:.3f} s, {:g}){}", known, proposal.measured,
                  proposal.target, kMaxLatencyRatio, plus_dark(dark));
  return proposal;
}

Replicas replicas_to_come(const RecommendInput& in) {
  return in.measurement.replicas.starting + in.measurement.replicas.warming;
}

std::vector<Proposal> propose(const RecommendInput& in) {
  const double dark = as_double(in.measurement.replicas.dark);
  const double known = as_double(in.measurement.known);
  const model::Signals& signals = in.spec.signals;
  std::vector<Proposal> proposals;
  if (in.capacity) {
    const TokenLimits limits{.buffer = in.spec.demand.buffer_factor.to_double(),
                             .dark = dark,
                             .current = as_double(in.current),
                             .replicas_to_come = replicas_to_come(in) > Replicas(0)};
    proposals.push_back(
        token_proposal(Signal::PromptTokens, in.demand.prompt, in.capacity->prompt, limits));
    proposals.push_back(token_proposal(Signal::GenerationTokens, in.demand.generation,
                                       in.capacity->generation, limits));
  }
  if (signals.requests_in_flight_per_replica) {
    proposals.push_back(count_proposal(Signal::RequestsInFlight, in.demand.in_flight.value(),
                                       *signals.requests_in_flight_per_replica,
                                       "requests in flight", dark));
  }
  if (signals.waiting_requests_per_replica) {
    proposals.push_back(count_proposal(Signal::WaitingRequests, in.demand.waiting.value(),
                                       *signals.waiting_requests_per_replica, "requests waiting",
                                       dark));
  }
  if (signals.kv_cache_usage_percent && in.measurement.kv_cache_usage_sum) {
    proposals.push_back(count_proposal(Signal::KvCache, *in.measurement.kv_cache_usage_sum,
                                       *signals.kv_cache_usage_percent / 100.0, "KV caches in use",
                                       dark));
  }
  if (signals.time_to_first_token && in.measurement.mean_time_to_first_token) {
    proposals.push_back(latency_proposal(Signal::TimeToFirstToken,
                                         *in.measurement.mean_time_to_first_token,
                                         *signals.time_to_first_token, known, dark));
  }
  if (signals.time_per_output_token && in.measurement.mean_time_per_output_token) {
    proposals.push_back(latency_proposal(Signal::TimePerOutputToken,
                                         *in.measurement.mean_time_per_output_token,
                                         *signals.time_per_output_token, known, dark));
  }
  return proposals;
}

/// Whether the signal goes on rising while replicas load, however many were asked for. Requests in
/// flight are all there is where capacity in tokens/s is not known, so there they go on asking.
bool piles_up(Signal signal, const RecommendInput& in) {
  switch (signal) {
    case Signal::WaitingRequests:
    case Signal::TimeToFirstToken:
    case Signal::TimePerOutputToken:
      return true;
    case Signal::RequestsInFlight:
      return in.capacity.has_value();
    case Signal::None:
    case Signal::PromptTokens:
    case Signal::GenerationTokens:
    case Signal::KvCache:
      return false;
  }
  return false;
}

/// Such a signal says that there are too few replicas. While some are on their way it may not ask
/// again, or pods that load would double the fleet each cycle; nor while the queue drains in time.
void hold_what_piles_up(const RecommendInput& in, Recommendation& result) {
  const Replicas to_come = replicas_to_come(in);
  if (to_come == Replicas(0) && !in.demand.queue_drains) return;
  const std::string why = to_come > Replicas(0)
                              ? fmt::format("{} are still starting or warming up", to_come.value())
                              : std::string("the queue drains before a new one could serve");
  const double most = as_double(in.current);
  for (Proposal& proposal : result.proposals) {
    if (!piles_up(proposal.signal, in) || proposal.needed <= most) continue;
    result.reasons.push_back({ReasonCode::SignalWaitsForReplicas,
                              fmt::format("{} asks for {:.1f} replicas; {}",
                                          to_string(proposal.signal), proposal.needed, why)});
    proposal.needed = most;
  }
}

void choose_binding(Recommendation& result) {
  for (const Proposal& proposal : result.proposals) {
    if (proposal.needed <= result.needed) continue;
    result.needed = proposal.needed;
    result.bound_by = proposal.signal;
  }
}

void replace_unproductive(const RecommendInput& in, Recommendation& result) {
  const Replicas unproductive = in.measurement.replicas.unproductive();
  if (unproductive == Replicas(0)) return;
  const Replicas healthy = in.measurement.replicas.measured + in.measurement.replicas.warming;
  if (unproductive > healthy) {
    result.reasons.push_back(
        {ReasonCode::FailingReplicasNotReplaced,
         fmt::format(
             "{} replicas fail, sleep or never became ready and {} are healthy; look at the "
             "pods before adding more",
             unproductive.value(), healthy.value())});
    result.may_scale_down = false;
    return;
  }
  result.needed += as_double(unproductive);
  result.reasons.push_back(
      {ReasonCode::FailingReplicasReplaced,
       fmt::format("{} replicas fail, sleep or never became ready and are not counted as capacity",
                   unproductive.value())});
}

void round_within_tolerance(const RecommendInput& in, Recommendation& result) {
  result.replicas = round_up(result.needed);
  if (in.current <= Replicas(0) || result.replicas == in.current) return;
  const double ratio = result.needed / as_double(in.current);
  const double down = in.spec.behavior.scale_down.tolerance.to_double();
  const double up = in.spec.behavior.scale_up.tolerance.to_double();
  if (ratio < 1.0 - down || ratio > 1.0 + up) return;
  result.reasons.push_back(
      {ReasonCode::WithinTolerance,
       fmt::format("{:.2f} replicas are needed, within {:g} % up and {:g} % down of {}",
                   result.needed, up * 100.0, down * 100.0, in.current.value())});
  result.replicas = in.current;
}

void hold(Recommendation& result, ReasonCode code, std::string message) {
  result.may_scale_down = false;
  result.reasons.push_back({code, std::move(message)});
}

/// Latency targets of the spec that no reading answers although requests finish: such a signal does
/// not agree to a scale-down.
void hold_on_silent_latency(const RecommendInput& in, Recommendation& result) {
  const Measurement& m = in.measurement;
  if (result.replicas >= in.current || m.finished <= RequestsPerSecond(0)) return;
  if (in.spec.signals.time_to_first_token && !m.mean_time_to_first_token) {
    hold(result, ReasonCode::LatencyUnknown,
         "signals.timeToFirstTokenMilliseconds is set and requests finish, but nothing tells their "
         "time to first token; remove the signal if the engine does not measure it");
  }
  // A request of one token has no time between tokens.
  const bool has_gaps = m.mean_generation && *m.mean_generation > Tokens(1);
  if (in.spec.signals.time_per_output_token && !m.mean_time_per_output_token && has_gaps) {
    hold(result, ReasonCode::LatencyUnknown,
         "signals.timePerOutputTokenMilliseconds is set and requests finish, but nothing tells "
         "their time per output token; remove the signal if the engine does not measure it");
  }
}

void hold_on_missing_knowledge(const RecommendInput& in, Recommendation& result) {
  const Measurement& m = in.measurement;
  if (m.replicas.dark > Replicas(0)) {
    std::string message =
        fmt::format("{} ready replicas give no usable metrics", m.replicas.dark.value());
    for (std::size_t i = 0; i < m.dark_details.size(); ++i) {
      message += (i == 0 ? ": " : "; ") + m.dark_details[i];
    }
    hold(result, ReasonCode::DarkReplicas, std::move(message));
  }
  if (in.demand.may_be_understated) result.may_scale_down = false;
  const bool wants_less = result.replicas < in.current;
  const Replicas not_ready =
      m.replicas.starting + m.replicas.overdue + m.replicas.failing + m.replicas.unschedulable;
  if (m.replicas.ready() == Replicas(0) && not_ready > Replicas(0) && wants_less) {
    // A gateway in front of a fleet that cannot serve counts nothing, and that is no lack of load.
    hold(result, ReasonCode::NoReadyReplicas,
         fmt::format("none of {} replicas is ready, so what a gateway counts says little",
                     not_ready.value()));
  }
  if (m.replicas.warming > Replicas(0) && wants_less) {
    hold(result, ReasonCode::WarmingReplicas,
         fmt::format("{} replicas have been ready for less than one {:.0f} s window",
                     m.replicas.warming.value(), m.window.count()));
  }
  if (in.partial_answer && wants_less) {
    hold(result, ReasonCode::PartialAnswer, "Prometheus warned that its answer may be incomplete");
  }
  if (m.gateway_trouble && wants_less) {
    hold(result, ReasonCode::GatewayUnknown,
         "the gateway's figures cannot be used, so what it holds is not known: " +
             *m.gateway_trouble);
  }
  hold_on_silent_latency(in, result);
  const bool load_is_counted = in.capacity || in.spec.signals.requests_in_flight_per_replica;
  if (!load_is_counted) {
    hold(result, ReasonCode::CapacityUnknown,
         "neither capacity.tokensPerSecondPerGPU nor signals.requestsInFlightPerReplica is set, so "
         "nothing proves that fewer replicas would do");
  }
}

}  // namespace

std::optional<ReplicaCapacity> replica_capacity(const model::Capacity& capacity,
                                                GpuCount gpus_per_replica) {
  if (!capacity.tokens_per_second_per_gpu) return std::nullopt;
  const double gpus = gpus_per_replica.value();
  return ReplicaCapacity{.prompt = capacity.tokens_per_second_per_gpu->prompt * gpus,
                         .generation = capacity.tokens_per_second_per_gpu->generation * gpus,
                         .gpus = gpus_per_replica};
}

Recommendation recommend(const RecommendInput& input) {
  Recommendation result;
  result.proposals = propose(input);
  hold_what_piles_up(input, result);
  choose_binding(result);
  replace_unproductive(input, result);
  round_within_tolerance(input, result);
  hold_on_missing_knowledge(input, result);
  return result;
}

std::string_view to_string(Signal signal) {
  switch (signal) {
    case Signal::None:
      return "None";
    case Signal::PromptTokens:
      return "PromptTokens";
    case Signal::GenerationTokens:
      return "GenerationTokens";
    case Signal::RequestsInFlight:
      return "RequestsInFlight";
    case Signal::WaitingRequests:
      return "WaitingRequests";
    case Signal::KvCache:
      return "KVCache";
    case Signal::TimeToFirstToken:
      return "TimeToFirstToken";
    case Signal::TimePerOutputToken:
      return "TimePerOutputToken";
  }
  return "None";
}

}  // namespace tokenscaler::scaling
