// The PromQL that the fleet reader sends: one text for all targets that share a scope.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "prom/preset.h"
#include "prom/server.h"

namespace tokenscaler::prom {

/// The label of a result row that says which signal and which of its sources the row is.
inline constexpr std::string_view kMarkLabel = "tks_signal";

/// A rate needs two samples at both ends of a window even when one scrape is lost: four intervals.
inline constexpr int kScrapeIntervalsInWindow = 4;
/// A sample is fresh for so many scrape intervals: one scrape may be lost, and the next be late.
inline constexpr double kScrapeIntervalsFresh = 2.5;
/// Freshness is not judged finer than this: remote write, rule evaluation and the scrape itself
/// take their time.
inline constexpr std::chrono::seconds kMinFreshness{30};
/// How far raw samples are read back at least: two samples of the slowest usual interval, 60 s.
inline constexpr std::chrono::seconds kMinLookback{150};
/// How far they are read back at most: beyond, a window of an hour would fetch an hour of samples.
inline constexpr std::chrono::seconds kMaxLookback{600};

/// An engine is known by series that it had within this time.
inline constexpr std::chrono::seconds kDetectionRange{300};

/// What several targets have in common, so that one query serves them all.
struct QueryScope {
  const Preset* preset = nullptr;
  std::chrono::seconds window{60};
  std::chrono::seconds freshness = kMinFreshness;
  /// Names of the seriesMatchLabels. Targets with the same names share a query whatever their
  /// values are: rows keep the labels and are told apart by us. (Targets with other names do not
  /// share: a mean or a ratio over rows of the finer labels cannot be put together again.)
  std::vector<std::string> match_names;
  /// The values of each of match_names, to narrow the selection.
  std::map<std::string, std::set<std::string>> match_values;
  std::set<std::string> namespaces;
};

/// The number a row carries.
enum class RowKind {
  Value,
  Change,     ///< delta() of a gauge over the window.
  Newborn,    ///< A counter that has but one sample in the window.
  Reset,      ///< How often a counter was reset in the window.
  SampledAt,  ///< Unix seconds of the newest sample.
};

/// The mark of a row, `prompt_tokens/0` or `change:running_requests/0`.
struct RowMark {
  RowKind kind = RowKind::Value;
  Signal signal = Signal::PromptTokens;
  std::size_t preference = 0;  ///< Which of the signal's sources, 0 preferred.

  bool operator==(const RowMark&) const = default;
};

[[nodiscard]] std::string to_string(const RowMark& mark);
[[nodiscard]] std::optional<RowMark> parse_row_mark(std::string_view text);

/// Writes the queries of one server. Every selector carries the matcher of the namespace label and
/// the server's extra matchers. HA replicas and ranks that report the same number are reduced to
/// one series before ranks are summed.
class QueryPlanner {
 public:
  explicit QueryPlanner(const Server& server) : server_(server) {}

  /// The raw samples of the heartbeat gauges over the last `lookback`.
  [[nodiscard]] std::string heartbeat_query(const QueryScope& scope,
                                            std::chrono::seconds lookback) const;
  /// Whether each pod's scrapes succeed: `up` of each of its targets.
  [[nodiscard]] std::string up_query(const std::set<std::string>& namespaces) const;
  /// Which fingerprints exist for each (namespace, pod).
  [[nodiscard]] std::string detection_query(const std::set<std::string>& namespaces) const;

  /// The four queries of a scope; empty when the preset has no such source.
  [[nodiscard]] std::string gauges_query(const QueryScope& scope) const;
  [[nodiscard]] std::string rates_query(const QueryScope& scope) const;
  /// Changes of gauges over the window, newborn counters and counter resets.
  [[nodiscard]] std::string changes_query(const QueryScope& scope) const;
  [[nodiscard]] std::string means_query(const QueryScope& scope) const;

 private:
  struct Terms;
  [[nodiscard]] std::vector<LabelMatcher> matchers(const QueryScope& scope) const;
  [[nodiscard]] std::string series(const QueryScope& scope, std::string_view name,
                                   std::string_view constant_matchers) const;
  [[nodiscard]] std::string one_replica(const QueryScope& scope, std::string expression) const;
  [[nodiscard]] std::string grouped(const QueryScope& scope, std::string_view aggregation,
                                    std::string expression) const;
  [[nodiscard]] std::string ratio_of_rates(const QueryScope& scope, const Source& source) const;

  const Server& server_;
};

}  // namespace tokenscaler::prom
