// What one evaluation leaves for the next: small, bounded, a plain value that can be stored.
#pragma once

#include <optional>
#include <vector>

#include "base/clock.h"
#include "base/units.h"

namespace tokenscaler::scaling {

/// The recommendations of a short stretch of time. Windows need only the lowest and the highest.
struct RecommendationSpan {
  WallTime at;  ///< Of the newest recommendation in the span.
  Replicas lowest;
  Replicas highest;

  bool operator==(const RecommendationSpan&) const = default;
};

/// A change of the target's size that was carried out.
struct RescaleEvent {
  WallTime at;
  Replicas change;  ///< New size less old size; never 0.

  bool operator==(const RescaleEvent&) const = default;
};

/// Tokens per request, as last seen.
struct RequestShape {
  Tokens mean_prompt;
  Tokens mean_generation;
  double uncached_fraction = 1.0;  ///< 0..1: uncached prompt tokens / prompt tokens.
  double requests = 0.0;           ///< Finished requests behind the means.
  WallTime at;

  bool operator==(const RequestShape&) const = default;
};

/// The memory of one TokenScaler's decisions.
struct History {
  std::vector<RecommendationSpan> recommendations;  ///< Oldest first; at most kMaxSpans.
  std::vector<RescaleEvent> rescales;               ///< Oldest first; at most kMaxRescales.
  std::optional<WallTime> last_scale_down_at;
  std::optional<RequestShape> shape;
  /// Since when no metrics could be had; unset while they can.
  std::optional<WallTime> unavailable_since;
  /// Since when each evaluation had to hold for want of knowledge; unset after one that did not.
  std::optional<WallTime> held_since;

  bool operator==(const History&) const = default;
};

/// 512 spans cover the longest window (3600 s) with at most 14 s each, below the HPA's 15 s cycle.
inline constexpr std::size_t kMaxSpans = 512;
/// One rescale each 2 s over the longest policy period (1800 s).
inline constexpr std::size_t kMaxRescales = 900;
/// The longest stabilization window that a TokenScaler may have.
inline constexpr std::chrono::seconds kLongestWindow{3600};
/// The longest period of a scaling policy.
inline constexpr std::chrono::seconds kLongestPolicyPeriod{1800};

/// Takes stamps later than `now` (the clock stepped back) as `now`, so that they age from here on
/// and do not bind until the clock has caught up.
void forget_the_future(History& history, WallTime now);

/// Adds a recommendation made at `now` and forgets what no window can reach. Stamps later than
/// `now` (the clock stepped back) are taken as `now`.
void remember_recommendation(History& history, WallTime now, Replicas recommended);

/// Adds a change of size that was carried out. Call it after the write succeeded.
void remember_rescale(History& history, WallTime now, Replicas from, Replicas to);

}  // namespace tokenscaler::scaling
