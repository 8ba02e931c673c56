// One target of a read: what was asked, what was found out on the way, and the observation made of
// it.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "prom/custom_query.h"
#include "prom/detection.h"
#include "prom/fleet_reader.h"
#include "prom/heartbeat.h"
#include "prom/settle.h"
#include "prom/signal_table.h"

namespace tokenscaler::prom {

/// Everything known of one target during a read.
struct TargetReading {
  const ObservationRequest* request = nullptr;
  /// Set as soon as the target cannot be observed.
  std::optional<Error> error;

  LabelValues match;
  LabelValues gateway_match;
  /// Engines whose series are read for this target; several only in a mixed fleet.
  std::vector<const Preset*> engines;
  const Preset* gateway = nullptr;
  std::map<std::string, const Preset*> engine_of_pod;
  /// What is known of the engine besides the versions of the pods.
  std::string engine_detail;
  std::map<std::string, std::string> version_of_pod;

  std::map<const Preset*, std::map<std::string, PodHeartbeat>> heartbeats;
  std::map<std::string, ScrapeState> scrapes;
  /// The scrapes of each pod of the namespace that succeed; nullptr if none is known.
  const std::map<std::string, std::set<ScrapeTarget>>* working_scrapes = nullptr;
  /// Whether the server has `up` series for this namespace at all.
  bool scrapes_known = false;
  std::chrono::seconds scrape_interval{0};
  std::chrono::seconds window{0};
  std::chrono::seconds freshness{0};
  /// A longer time without a sample interrupts what was observed.
  Seconds longest_gap{0};
  bool history_covers_window = false;

  std::map<const Preset*, const std::map<std::string, SignalRows>*> rows;
  std::vector<SignalRows> gateway_rows;
  std::map<Signal, CustomValues> custom;

  bool partial = false;
  std::set<std::string> warnings;
};

/// Names of a target's labels, in the order of a scope's match_names.
[[nodiscard]] std::vector<std::string> names_of(const LabelValues& match);

/// The first thing wrong with a request, as Invalid.
[[nodiscard]] Status validate(const ObservationRequest& request, const Server& server);

/// Decides whose series are read for the target.
void choose_engines(TargetReading& target, const DetectedSeries& detected, const Server& server);

/// Derives scrape interval, window, freshness and history from the heartbeats; `lookback` is how
/// far those reach back.
void measure_sampling(TargetReading& target, std::chrono::seconds lookback);

/// Adds the answer's warnings; one that says that series may be missing marks the target partial.
void add_warnings(TargetReading& target, const Answer& answer);

/// The end of the line: the observation.
[[nodiscard]] scaling::Observation observe(const TargetReading& target, WallTime evaluated_at);

}  // namespace tokenscaler::prom
