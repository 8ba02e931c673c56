// The truth about age: raw samples of each pod's heartbeat gauges, with the stamps that the scrapes
// gave them.
#pragma once

#include <compare>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "prom/answer.h"
#include "prom/server.h"

namespace tokenscaler::prom {

/// What one scrape reads of every pod of a fleet: an engine, a sidecar, an exporter.
struct ScrapeTarget {
  std::string job;
  std::string container;
  std::string endpoint;
  std::string port;

  auto operator<=>(const ScrapeTarget&) const = default;
};

/// From the labels that Prometheus gives to `up` and to the series of the same scrape.
[[nodiscard]] ScrapeTarget scrape_target_of(const Labels& labels);

/// What the raw samples of one pod tell.
struct PodHeartbeat {
  /// Of the newest sample of the pod's freshest and of its oldest series: one data-parallel rank
  /// may be silent while another is not.
  Seconds freshest_age{0};
  Seconds oldest_age{0};
  /// Ages of the samples of the series that has most of them, in seconds, the newest first.
  std::vector<double> sample_ages;
  /// The scrapes that the series come from.
  std::set<ScrapeTarget> scraped_by = {};
  /// Ages of the samples of all series, in seconds, in no order: a container that was replaced
  /// began new series.
  std::vector<double> all_sample_ages = {};

  /// From now back to the first sample that no gap longer than `longest_gap` lies behind.
  [[nodiscard]] Seconds observed_for(Seconds longest_gap) const;
};

/// The values of a target's seriesMatchLabels, by name.
using LabelValues = std::map<std::string, std::string>;

/// A namespace and the values of a scope's match labels: what one target selects.
using SeriesGroup = std::pair<std::string, std::vector<std::string>>;

[[nodiscard]] SeriesGroup group_of(const std::string& name_space, const LabelValues& match,
                                   const std::vector<std::string>& match_names);
[[nodiscard]] SeriesGroup group_of(const Labels& labels, const std::string& namespace_label,
                                   const std::vector<std::string>& match_names);

/// The heartbeats of one scope, by namespace and pod.
class HeartbeatTable {
 public:
  /// `match_names` are the labels that a target may select by. Series that differ only in the
  /// server's replica labels are one series, with the stamps of the replica that is freshest.
  HeartbeatTable(const Matrix& matrix, const Server& server, std::vector<std::string> match_names,
                 WallTime evaluated_at);

  /// The heartbeats by pod of a namespace's series with the labels `match`.
  [[nodiscard]] const std::map<std::string, PodHeartbeat>& pods(const std::string& name_space,
                                                                const LabelValues& match) const;

 private:
  std::vector<std::string> match_names_;
  std::map<SeriesGroup, std::map<std::string, PodHeartbeat>> groups_;
};

/// The scrape interval behind `intervals`, times between samples in seconds: their lower median, so
/// that a lost scrape does not matter, rounded to what people configure (whole seconds, from 10 s
/// on multiples of 5 s). 0 when there are none.
[[nodiscard]] std::chrono::seconds scrape_interval_of(std::vector<double> intervals);

}  // namespace tokenscaler::prom
