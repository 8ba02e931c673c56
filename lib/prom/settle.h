// From the rows of one pod to its readings: which source counts, and how much it can be trusted.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "prom/heartbeat.h"
#include "prom/preset.h"
#include "prom/signal_table.h"
#include "scaling/observation.h"

namespace tokenscaler::prom {

/// KV-cache use is measured in blocks; rounding may show a little more than all of them.
inline constexpr double kMaxKvCacheUsage = 1.05;

/// rate() carries its line on to the end of the window if the newest sample is at most so many
/// intervals old, else only for half an interval (Prometheus, promql/functions.go,
/// extrapolatedRate).
inline constexpr double kExtrapolatedIntervals = 1.1;
/// A rate over less than this share of its window is not believed.
inline constexpr double kMinCoveredWindow = 0.5;
/// Nor is one whose window begins with more than this share of silence: a pod that comes back after
/// an outage has tokens of a part of the window only. One lost scrape of ten is less.
inline constexpr double kMaxSilentStart = 0.15;

/// What is known of a pod's scrapes besides its engine's series.
enum class ScrapeState {
  Unknown,  ///< There is no `up` series for it.
  Failing,  ///< At least one of its scrape targets does not answer.
  Working,
};

/// What is the same for all pods of one target under one preset.
struct SettleContext {
  const Preset* preset = nullptr;
  Seconds window{60};
  Seconds freshness{30};
  Seconds scrape_interval{0};  ///< 0 if it could not be measured.
  /// Whether the target's series reach back over the window. Rates over less are not the rate of
  /// the window: Prometheus divides by the whole window.
  bool history_covers_window = true;
  /// Counters that at least one pod of the target has.
  std::set<Signal> known_counters;
};

/// The evidence about one pod.
struct PodEvidence {
  std::optional<PodHeartbeat> heartbeat;
  Seconds observed_for{0};
  ScrapeState scrape = ScrapeState::Unknown;
  /// A scrape of the pod succeeds that reads the engine of other pods.
  bool engine_answers = false;
  SignalRows rows;
};

/// The readings of one pod.
[[nodiscard]] scaling::PodSignals settle_pod(const std::string& pod, const PodEvidence& evidence,
                                             const SettleContext& context);

/// The readings of a gateway, summed over its pods: a pod that has both names of a renamed metric
/// counts once.
[[nodiscard]] scaling::GatewaySignals settle_gateway(const std::vector<SignalRows>& rows,
                                                     const SettleContext& context,
                                                     WallTime evaluated_at);

}  // namespace tokenscaler::prom
