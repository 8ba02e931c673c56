#include "scaling/demand.h"

#include <algorithm>

#include <fmt/format.h>

namespace tokenscaler::scaling {

namespace {

/// The shape of the requests that finished in this window.
std::optional<RequestShape> observed_shape(const Measurement& m) {
  const double finished = m.finished.value() * m.window.count();
  if (finished <= 0.0 || !m.mean_prompt || !m.mean_generation) return std::nullopt;
  const double uncached =
      m.prompt > TokensPerSecond(0) ? std::clamp(m.uncached_prompt / m.prompt, 0.0, 1.0) : 1.0;
  return RequestShape{.mean_prompt = *m.mean_prompt,
                      .mean_generation = *m.mean_generation,
                      .uncached_fraction = uncached,
                      .requests = finished,
                      .at = m.at};
}

bool is_established(const std::optional<RequestShape>& shape) {
  return shape && shape->requests >= kMinFinishedRequests;
}

/// Puts the requests that finished since `last` was made to those behind it. Windows of successive
/// evaluations overlap, so `now` counts only by the part of its window that is new.
RequestShape accumulate(const RequestShape& last, const RequestShape& now, Seconds window) {
  const double elapsed = std::chrono::duration_cast<Seconds>(now.at - last.at).count();
  const double fresh = now.requests * std::clamp(elapsed / window.count(), 0.0, 1.0);
  const double sum = last.requests + fresh;
  if (sum <= 0.0) return now;
  const double share = fresh / sum;
  RequestShape result = now;
  result.mean_prompt = last.mean_prompt * (1.0 - share) + now.mean_prompt * share;
  result.mean_generation = last.mean_generation * (1.0 - share) + now.mean_generation * share;
  result.uncached_fraction = last.uncached_fraction * (1.0 - share) + now.uncached_fraction * share;
  result.requests = sum;
  return result;
}

std::optional<RequestShape> choose_shape(const std::optional<RequestShape>& now,
                                         const std::optional<RequestShape>& last, Seconds window) {
  if (!now || !last) return now ? now : last;
  if (is_established(now)) return now;
  // An old shape gives way even to few new requests, or warm-up pings would pass for ever as what
  // requests look like.
  RequestShape bounded = *last;
  bounded.requests = std::min(bounded.requests, kMinFinishedRequests);
  return accumulate(bounded, *now, window);
}

/// Offered load and backlog of one kind of token, from requests of `tokens_per_request`.
TokenDemand demand_of(TokensPerSecond served, double tokens_per_request, const Demand& demand,
                      double drain_seconds) {
  TokenDemand result;
  result.served = served;
  result.offered = TokensPerSecond(demand.arrivals.value() * tokens_per_request);
  result.backlog = TokensPerSecond(demand.waiting.value() * tokens_per_request / drain_seconds);
  return result;
}

void offer_at_least_served(Demand& demand) {
  demand.prompt.offered = std::max(demand.prompt.offered, demand.prompt.served);
  demand.generation.offered = std::max(demand.generation.offered, demand.generation.served);
}

void require(TokenDemand& demand, const model::DemandPolicy& policy) {
  const TokensPerSecond load = std::max(demand.offered, demand.through_gateway);
  demand.required = (load + demand.backlog) * policy.buffer_factor.to_double();
}

}  // namespace

DemandEstimate estimate_demand(const Measurement& m, const model::DemandPolicy& policy,
                               std::optional<Seconds> cold_start,
                               const std::optional<RequestShape>& last_shape) {
  DemandEstimate result;
  Demand& demand = result.demand;
  demand.arrivals = std::max(RequestsPerSecond(0), m.finished + m.in_flight_change);
  demand.waiting = m.waiting + m.gateway_queued;
  demand.in_flight = m.running + demand.waiting;

  const auto shape_now = observed_shape(m);
  demand.shape = choose_shape(shape_now, last_shape, m.window);
  const double prompt_length =
      demand.shape ? demand.shape->mean_prompt.value() * demand.shape->uncached_fraction : 0.0;
  const double generation_length = demand.shape ? demand.shape->mean_generation.value() : 0.0;
  const Seconds drain = std::max(Seconds(policy.queue_drain), cold_start.value_or(Seconds(0)));
  demand.queue_drains = m.in_flight_change < RequestsPerSecond(0) &&
                        demand.waiting.value() <= -m.in_flight_change.value() * drain.count();
  demand.prompt = demand_of(m.uncached_prompt, prompt_length, demand, drain.count());
  demand.generation = demand_of(m.generation, generation_length, demand, drain.count());

  // Too few finished requests, or none that are told, say less than the tokens that are served.
  const bool has_work = demand.in_flight > Requests(0) || demand.arrivals > RequestsPerSecond(0);
  if (!is_established(shape_now) && has_work) offer_at_least_served(demand);
  // An engine that never tells finished requests has no shape: then the tokens served are the load
  // unless something waits.
  const bool shape_matters = m.finished_known ? has_work : demand.waiting > Requests(0);
  if (!is_established(demand.shape) && shape_matters) {
    demand.may_be_understated = true;
    result.reasons.push_back(
        {ReasonCode::RequestShapeUnknown,
         fmt::format("{:.0f} requests are in flight and too few have finished to know their "
                     "tokens; nothing is removed",
                     demand.in_flight.value())});
  }
  if (!m.in_flight_known) {
    // Without gauges the arrivals are the finished requests, which saturate as the served tokens
    // do.
    offer_at_least_served(demand);
    result.reasons.push_back(
        {ReasonCode::InFlightUnknown,
         "running and waiting requests are not both known, so load beyond what "
         "is served cannot be seen"});
    if (m.in_flight_expected) demand.may_be_understated = true;
  }
  const bool answers_without_tokens = m.gateway_only && m.finished > RequestsPerSecond(0) &&
                                      m.prompt + m.generation == TokensPerSecond(0);
  if (answers_without_tokens) {
    demand.may_be_understated = true;
    result.reasons.push_back(
        {ReasonCode::GatewayUnknown,
         fmt::format("the gateway finishes {:.2f} requests/s and counts no tokens, as it does when "
                     "its backends fail; nothing is removed",
                     m.finished.value())});
  }
  if (m.gateway_known) {
    // A gateway counts when a response ends, so it can only add to what the engines say.
    demand.prompt.through_gateway = m.gateway_prompt - m.gateway_cached_prompt;
    if (!m.gateway_cached_known && demand.shape) {
      demand.prompt.through_gateway = m.gateway_prompt * demand.shape->uncached_fraction;
    }
    demand.generation.through_gateway = m.gateway_generation;
  }
  require(demand.prompt, policy);
  require(demand.generation, policy);
  return result;
}

}  // namespace tokenscaler::scaling
