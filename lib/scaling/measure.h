// Stage 1: samples of pods and the state of the target -> what the fleet serves, and how much of it
// is known.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/units.h"
#include "scaling/observation.h"
#include "scaling/target_state.h"

namespace tokenscaler::scaling {

/// How the replicas of the target stand. Every pod that is not surplus is in exactly one member.
struct ReplicaCounts {
  Replicas measured;  ///< Ready, and everything needed of them is known.
  Replicas warming;   ///< Ready, but not for a whole window yet.
  Replicas dark;      ///< Ready for long enough, and still not known: blocks scale-down.
  Replicas asleep;    ///< Ready, but without capacity by the engine's own word.
  Replicas starting;  ///< Capacity to come.
  Replicas overdue;   ///< Still starting after twice the p95 cold start: not capacity.
  Replicas failing;   ///< Crash loop, OOM-killed, failed.
  Replicas unschedulable;
  Replicas terminating;

  [[nodiscard]] Replicas ready() const { return measured + warming + dark + asleep; }
  /// Replicas that exist in the spec and give no capacity, now or soon.
  [[nodiscard]] Replicas unproductive() const { return asleep + overdue + failing; }

  bool operator==(const ReplicaCounts&) const = default;
};

/// What the fleet serves, summed over the pods that are known (terminating ones included, since
/// their traffic goes to the others).
struct Measurement {
  WallTime at;
  Seconds window{0};
  ReplicaCounts replicas;
  /// Ready replicas whose traffic is in the sums below: the measured ones, and warming ones that
  /// already have rates.
  Replicas known;

  TokensPerSecond prompt;  ///< Cached ones included.
  TokensPerSecond cached_prompt;
  TokensPerSecond uncached_prompt;  ///< prompt - cached_prompt, never negative.
  TokensPerSecond generation;
  RequestsPerSecond finished;
  RequestsPerSecond in_flight_change;  ///< May be negative.
  Requests running;
  Requests waiting;
  /// Whether running and waiting are known at all. Without them overload hides behind full use.
  bool in_flight_known = false;
  /// Whether the engine has such gauges, so that their absence is a fault and not its nature.
  bool in_flight_expected = false;
  /// Sum of the known replicas' KV-cache use, each 0..1.
  std::optional<double> kv_cache_usage_sum;

  /// Means over finished requests, weighted by each pod's finished requests/s.
  std::optional<Tokens> mean_prompt;
  std::optional<Tokens> mean_generation;
  std::optional<Seconds> mean_time_to_first_token;
  std::optional<Seconds> mean_time_per_output_token;

  /// Whether the engine tells finished requests at all.
  bool finished_known = false;

  /// The gateway's part, if one is read and fresh.
  TokensPerSecond gateway_prompt;
  TokensPerSecond gateway_cached_prompt;
  bool gateway_cached_known = false;  ///< Else caching has to be judged by the engines.
  TokensPerSecond gateway_generation;
  Requests gateway_queued;
  bool gateway_known = false;
  /// The gateway is the only source by spec: the sums above are its figures, and pods are asked for
  /// nothing.
  bool gateway_only = false;
  /// Which of the gateway's figures cannot be used: `queued requests is Stale (95 s old)`.
  std::optional<std::string> gateway_trouble;

  /// Why dark replicas are dark: `pod: reading is Stale (95 s old)`; at most kMaxDarkDetails.
  std::vector<std::string> dark_details;
  /// Names of pods with samples that the target does not own; their samples are not used.
  std::size_t foreign_pods = 0;

  /// Whether anything is known of the load.
  [[nodiscard]] bool any_load_known() const { return known > Replicas(0) || gateway_known; }

  bool operator==(const Measurement&) const = default;
};

inline constexpr std::size_t kMaxDarkDetails = 5;

/// Largest figure that is believed (tokens/s, requests): far above any fleet, far below where sums
/// lose integers. A larger one is treated as not a number.
inline constexpr double kMaxPlausibleValue = 1e12;

/// Sums up `observation` for the pods of `target`. With a gateway as metrics.engine the pods are
/// not expected to say anything. metrics.window stands for an effective window that cannot be.
[[nodiscard]] Measurement measure(const Observation& observation, const TargetState& target,
                                  WallTime now, const model::Metrics& metrics);

/// The measured p95 cold start, unless it cannot be (clocks of nodes differ).
[[nodiscard]] std::optional<Seconds> plausible_cold_start(const TargetState& target);

/// Counts the replicas of `target` when there is no observation: every ready one is dark.
[[nodiscard]] ReplicaCounts count_without_observation(const TargetState& target, WallTime now);

/// Longest window, scrape interval or cold start that is believed.
inline constexpr Seconds kLongestPlausibleTime{86'400};

/// A starting replica is overdue after this many p95 cold starts (DESIGN 5, rule 6).
inline constexpr double kOverdueColdStarts = 2.0;
/// p95 cold start as long as none was measured: 10 minutes, the upper end of the published figures
/// for large models with a new node (docs: research 4.3, 2..7 min load + 2..3 min node).
inline constexpr Seconds kDefaultColdStartP95{600};

}  // namespace tokenscaler::scaling
