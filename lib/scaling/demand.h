// Stage 2: what is served -> what is asked for.
#pragma once

#include <vector>

#include "model/token_scaler.h"
#include "scaling/history.h"
#include "scaling/measure.h"
#include "scaling/reason.h"

namespace tokenscaler::scaling {

/// The demand for one kind of token, uncached prompt tokens or generated tokens.
struct TokenDemand {
  /// What the fleet does now. It saturates at capacity.
  TokensPerSecond served;
  /// Arriving requests/s x mean tokens: it does not saturate.
  TokensPerSecond offered;
  /// What a gateway counts. It sees the load of dark replicas too.
  TokensPerSecond through_gateway;
  /// Tokens that wait, over the time in which they have to be gone.
  TokensPerSecond backlog;
  /// (max(offered, through_gateway) + backlog) x bufferFactor: what capacity has to cover.
  TokensPerSecond required;

  bool operator==(const TokenDemand&) const = default;
};

/// The load on the fleet, prompt and generation apart.
struct Demand {
  TokenDemand prompt;  ///< Uncached prompt tokens.
  TokenDemand generation;
  /// Finished requests/s + change of requests in flight per second, never negative.
  RequestsPerSecond arrivals;
  Requests in_flight;  ///< Running and waiting in engines, and queued in gateways.
  Requests waiting;    ///< Waiting in engines and queued in gateways.
  /// Whether the queue shrinks so fast that it is gone within the drain time: before a replica that
  /// is asked for now could serve.
  bool queue_drains = false;
  std::optional<RequestShape> shape;
  /// Whether the demand may be understated, which blocks scale-down.
  bool may_be_understated = false;

  bool operator==(const Demand&) const = default;
};

struct DemandEstimate {
  Demand demand;
  std::vector<Reason> reasons;
};

/// With fewer finished requests than this in a window, their mean length and their rate say little:
/// the last shape with as many behind it is used, and demand is not taken as lower than what is
/// served. Until there is one, the requests of several windows are put together.
inline constexpr double kMinFinishedRequests = 5.0;

/// Estimates the offered load by DESIGN 5, rule 4:
///   arrivals = finished/s + d(in flight)/dt
///   offered  = arrivals x mean tokens of a request
///   backlog  = (waiting in engines + queued in gateways) x mean tokens / drain time
/// The drain time is queueDrainSeconds, or the cold start if that is longer: a replica that is
/// asked for now cannot help sooner. Draining in 10 s with replicas that load for 300 s would ask
/// for thirty times what the queue needs by the time they serve. `last_shape` is the shape of an
/// earlier evaluation.
[[nodiscard]] DemandEstimate estimate_demand(const Measurement& measurement,
                                             const model::DemandPolicy& policy,
                                             std::optional<Seconds> cold_start,
                                             const std::optional<RequestShape>& last_shape);

}  // namespace tokenscaler::scaling
