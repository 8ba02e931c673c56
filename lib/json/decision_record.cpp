#include "json/decision_record.h"

#include <cstdint>
#include <utility>

#include <fmt/chrono.h>
#include <fmt/format.h>

namespace tokenscaler::json {

namespace {

Value count(Replicas replicas) {
  return std::int64_t{replicas.value()};
}

Value encode(const scaling::ReplicaCounts& counts) {
  return Object{{"measured", count(counts.measured)},
                {"warming", count(counts.warming)},
                {"dark", count(counts.dark)},
                {"asleep", count(counts.asleep)},
                {"starting", count(counts.starting)},
                {"overdue", count(counts.overdue)},
                {"failing", count(counts.failing)},
                {"unschedulable", count(counts.unschedulable)},
                {"terminating", count(counts.terminating)},
                {"ready", count(counts.ready())}};
}

Value encode(const scaling::Measurement& measurement) {
  Object object{{"at", format_time(measurement.at)},
                {"windowSeconds", measurement.window.count()},
                {"promptTokensPerSecond", measurement.prompt.value()},
                {"cachedPromptTokensPerSecond", measurement.cached_prompt.value()},
                {"uncachedPromptTokensPerSecond", measurement.uncached_prompt.value()},
                {"generationTokensPerSecond", measurement.generation.value()},
                {"finishedRequestsPerSecond", measurement.finished.value()},
                {"inFlightChangePerSecond", measurement.in_flight_change.value()},
                {"runningRequests", measurement.running.value()},
                {"waitingRequests", measurement.waiting.value()}};
  if (measurement.kv_cache_usage_sum) {
    object.set("kvCacheUsageSum", *measurement.kv_cache_usage_sum);
  }
  if (measurement.mean_time_to_first_token) {
    object.set("meanTimeToFirstTokenSeconds", measurement.mean_time_to_first_token->count());
  }
  if (measurement.mean_time_per_output_token) {
    object.set("meanTimePerOutputTokenSeconds", measurement.mean_time_per_output_token->count());
  }
  return object;
}

Value encode(const scaling::TokenDemand& demand) {
  return Object{{"servedTokensPerSecond", demand.served.value()},
                {"offeredTokensPerSecond", demand.offered.value()},
                {"throughGatewayTokensPerSecond", demand.through_gateway.value()},
                {"backlogTokensPerSecond", demand.backlog.value()},
                {"requiredTokensPerSecond", demand.required.value()}};
}

Value encode(const scaling::Demand& demand) {
  Object object{{"prompt", encode(demand.prompt)},
                {"generation", encode(demand.generation)},
                {"arrivalsPerSecond", demand.arrivals.value()},
                {"requestsInFlight", demand.in_flight.value()},
                {"requestsWaiting", demand.waiting.value()},
                {"queueDrains", demand.queue_drains},
                {"mayBeUnderstated", demand.may_be_understated}};
  if (demand.shape) {
    object.set("requestShape", Object{{"promptTokens", demand.shape->mean_prompt.value()},
                                      {"generationTokens", demand.shape->mean_generation.value()},
                                      {"uncachedFraction", demand.shape->uncached_fraction},
                                      {"at", format_time(demand.shape->at)}});
  }
  return object;
}

Value encode(const scaling::Recommendation& recommendation) {
  Array proposals;
  for (const scaling::Proposal& proposal : recommendation.proposals) {
    proposals.push_back(Object{{"signal", to_string(proposal.signal)},
                               {"neededReplicas", proposal.needed},
                               {"measured", proposal.measured},
                               {"targetPerReplica", proposal.target},
                               {"formula", proposal.formula}});
  }
  return Object{{"replicas", count(recommendation.replicas)},
                {"neededReplicas", recommendation.needed},
                {"mayScaleDown", recommendation.may_scale_down},
                {"proposals", std::move(proposals)}};
}

Value encode(const scaling::AppliedLimit& limit) {
  Object object{{"reason", to_string(limit.code)},
                {"wanted", count(limit.wanted)},
                {"allowed", count(limit.allowed)}};
  if (limit.prompt_shortfall) {
    object.set("promptShortfallTokensPerSecond", limit.prompt_shortfall->value());
  }
  if (limit.generation_shortfall) {
    object.set("generationShortfallTokensPerSecond", limit.generation_shortfall->value());
  }
  return object;
}

Value encode(const scaling::CostReport& cost) {
  Object object{{"currency", cost.current.currency.code()},
                {"perReplicaHour", cost.per_replica.amount.to_string()},
                {"currentPerHour", cost.current.amount.to_string()},
                {"desiredPerHour", cost.desired.amount.to_string()}};
  const auto add = [&](const std::string& name, const std::optional<MoneyPerMillionTokens>& price) {
    if (!price) return;
    object.set(name + "PerMillionTokens", price->amount.to_string());
    object.set(name + "PerThousandTokens", price->per_thousand_tokens().amount.to_string());
  };
  add("promptAtCapacity", cost.prompt_at_capacity);
  add("generationAtCapacity", cost.generation_at_capacity);
  add("observed", cost.observed);
  add("observedGeneration", cost.observed_generation);
  return object;
}

Array encode(const std::vector<scaling::Reason>& reasons) {
  Array array;
  for (const scaling::Reason& reason : reasons) {
    array.push_back(Object{{"reason", to_string(reason.code)}, {"message", reason.message}});
  }
  return array;
}

}  // namespace

std::string format_time(WallTime at) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(at);
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z",
                     fmt::gmtime(std::chrono::system_clock::to_time_t(seconds)),
                     (at - seconds).count());
}

Value encode(const scaling::Decision& decision) {
  Object object{{"at", format_time(decision.at)},
                {"currentReplicas", count(decision.current)},
                {"desiredReplicas", count(decision.desired)},
                {"stabilizedReplicas", count(decision.stabilized)},
                {"verdict", to_string(decision.verdict)},
                {"mayWrite", decision.may_write},
                {"boundBy", to_string(decision.bound_by)},
                {"engine", to_string(decision.engine)},
                {"replicas", encode(decision.replicas)},
                {"reasons", encode(decision.reasons)}};
  if (decision.measurement) object.set("measurement", encode(*decision.measurement));
  if (decision.demand) object.set("demand", encode(*decision.demand));
  if (decision.capacity) {
    object.set("replicaCapacity",
               Object{{"promptTokensPerSecond", decision.capacity->prompt.value()},
                      {"generationTokensPerSecond", decision.capacity->generation.value()},
                      {"gpus", std::int64_t{decision.capacity->gpus.value()}}});
  }
  if (decision.recommendation) object.set("recommendation", encode(*decision.recommendation));
  if (decision.cost) object.set("cost", encode(*decision.cost));
  Array limits;
  for (const scaling::AppliedLimit& limit : decision.limits) limits.push_back(encode(limit));
  object.set("limits", std::move(limits));
  Array warnings;
  for (const std::string& warning : decision.warnings) warnings.push_back(warning);
  object.set("warnings", std::move(warnings));
  return object;
}

}  // namespace tokenscaler::json
