#include "scaling/demand.h"

#include <algorithm>

#include <fmt/format.h>

namespace tokenscaler::scaling {

namespace {

/// The shape of the requests that finished in this window, if enough did.
std::optional<RequestShape> observed_shape(const Measurement& m) {
  const double finished = m.finished.value() * m.window.count();
  if (finished < kMinFinishedRequests || !m.mean_prompt || !m.mean_generation) return std::nullopt;
  const double uncached =
      m.prompt > TokensPerSecond(0) ? std::clamp(m.uncached_prompt / m.prompt, 0.0, 1.0) : 1.0;
  return RequestShape{.mean_prompt = *m.mean_prompt,
                      .mean_generation = *m.mean_generation,
                      .uncached_fraction = uncached,
                      .at = m.at};
}

/// Offered load and backlog of one kind of token, from requests of `tokens_per_request`.
TokenDemand demand_of(TokensPerSecond served, double tokens_per_request, const Demand& demand,
                      const model::DemandPolicy& policy) {
  TokenDemand result;
  result.served = served;
  result.offered = TokensPerSecond(demand.arrivals.value() * tokens_per_request);
  result.backlog = TokensPerSecond(demand.waiting.value() * tokens_per_request /
                                   static_cast<double>(policy.queue_drain.count()));
  return result;
}

void require(TokenDemand& demand, const model::DemandPolicy& policy) {
  const TokensPerSecond buffered =
      (demand.offered + demand.backlog) * policy.buffer_factor.to_double();
  // What is served now stays served, even if the arrivals say less: requests that run for longer
  // than a window arrive and finish outside of it.
  demand.required = std::max(buffered, demand.served);
}

}  // namespace

DemandEstimate estimate_demand(const Measurement& m, const model::DemandPolicy& policy,
                               const std::optional<RequestShape>& last_shape) {
  DemandEstimate result;
  Demand& demand = result.demand;
  demand.arrivals = std::max(RequestsPerSecond(0), m.finished + m.in_flight_change);
  demand.waiting = m.waiting + m.gateway_queued;
  demand.in_flight = m.running + demand.waiting;

  const auto shape_now = observed_shape(m);
  demand.shape = shape_now ? shape_now : last_shape;
  const double prompt_length =
      demand.shape ? demand.shape->mean_prompt.value() * demand.shape->uncached_fraction : 0.0;
  const double generation_length = demand.shape ? demand.shape->mean_generation.value() : 0.0;
  demand.prompt = demand_of(m.uncached_prompt, prompt_length, demand, policy);
  demand.generation = demand_of(m.generation, generation_length, demand, policy);

  const bool has_work = demand.in_flight > Requests(0) || demand.arrivals > RequestsPerSecond(0);
  if (!shape_now && has_work) {
    demand.prompt.offered = std::max(demand.prompt.offered, demand.prompt.served);
    demand.generation.offered = std::max(demand.generation.offered, demand.generation.served);
  }
  if (!demand.shape && has_work) {
    demand.may_be_understated = true;
    result.reasons.push_back(
        {ReasonCode::RequestShapeUnknown,
         fmt::format("{:.0f} requests are in flight and too few have finished to know their tokens",
                     demand.in_flight.value())});
  }
  if (!m.in_flight_known && m.known > Replicas(0)) {
    // Without gauges the arrivals are the finished requests, which saturate as the served tokens
    // do.
    demand.prompt.offered = std::max(demand.prompt.offered, demand.prompt.served);
    demand.generation.offered = std::max(demand.generation.offered, demand.generation.served);
    result.reasons.push_back(
        {ReasonCode::InFlightUnknown,
         "no running or waiting requests are known, so load beyond what is served cannot be seen"});
  }
  if (m.gateway_known) {
    // A gateway counts when a response ends, so it can only add to what the engines say.
    demand.prompt.offered =
        std::max(demand.prompt.offered, m.gateway_prompt - m.gateway_cached_prompt);
    demand.generation.offered = std::max(demand.generation.offered, m.gateway_generation);
  }
  require(demand.prompt, policy);
  require(demand.generation, policy);
  return result;
}

}  // namespace tokenscaler::scaling
