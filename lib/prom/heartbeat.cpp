#include "prom/heartbeat.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace tokenscaler::prom {

namespace {

/// From this interval on people configure multiples of five seconds.
constexpr double kCoarseInterval = 10.0;
constexpr double kCoarseStep = 5.0;

Seconds between(WallTime from, WallTime to) {
  return std::max(Seconds(0), std::chrono::duration_cast<Seconds>(to - from));
}

}  // namespace

ScrapeTarget scrape_target_of(const Labels& labels) {
  const std::string instance(labels.get("instance"));
  const auto colon = instance.rfind(':');
  return {.job = std::string(labels.get("job")),
          .container = std::string(labels.get("container")),
          .endpoint = std::string(labels.get("endpoint")),
          .port = colon == std::string::npos ? "" : instance.substr(colon + 1)};
}

SeriesGroup group_of(const std::string& name_space, const LabelValues& match,
                     const std::vector<std::string>& match_names) {
  SeriesGroup group{name_space, {}};
  for (const std::string& name : match_names) {
    const auto value = match.find(name);
    group.second.push_back(value == match.end() ? "" : value->second);
  }
  return group;
}

SeriesGroup group_of(const Labels& labels, const std::string& namespace_label,
                     const std::vector<std::string>& match_names) {
  SeriesGroup group{std::string(labels.get(namespace_label)), {}};
  for (const std::string& name : match_names) group.second.emplace_back(labels.get(name));
  return group;
}

HeartbeatTable::HeartbeatTable(const Matrix& matrix, const Server& server,
                               std::vector<std::string> match_names, WallTime evaluated_at)
    : match_names_(std::move(match_names)) {
  std::map<Labels, const Series*> by_identity;
  for (const Series& series : matrix) {
    if (series.samples.empty() || series.labels.get(server.pod_label).empty()) continue;
    const Series*& kept = by_identity[series.labels.without(server.replica_labels)];
    if (kept == nullptr || kept->samples.back().at < series.samples.back().at) kept = &series;
  }
  for (const auto& [identity, series] : by_identity) {
    const Seconds age = between(series->samples.back().at, evaluated_at);
    auto& pods = groups_[group_of(identity, server.namespace_label, match_names_)];
    const auto [entry, first] = pods.try_emplace(std::string(identity.get(server.pod_label)));
    PodHeartbeat& pod = entry->second;
    pod.freshest_age = first ? age : std::min(pod.freshest_age, age);
    pod.oldest_age = std::max(pod.oldest_age, age);
    for (const Sample& sample : series->samples) {
      pod.all_sample_ages.push_back(between(sample.at, evaluated_at).count());
    }
    pod.scraped_by.insert(scrape_target_of(series->labels));
    if (series->samples.size() <= pod.sample_ages.size()) continue;
    pod.sample_ages.clear();
    for (auto sample = series->samples.rbegin(); sample != series->samples.rend(); ++sample) {
      pod.sample_ages.push_back(between(sample->at, evaluated_at).count());
    }
  }
}

Seconds PodHeartbeat::observed_for(Seconds longest_gap) const {
  double age = sample_ages.empty() ? 0.0 : sample_ages.front();
  for (const double older : sample_ages) {
    if (older - age > longest_gap.count()) break;
    age = older;
  }
  return Seconds(age);
}

const std::map<std::string, PodHeartbeat>& HeartbeatTable::pods(const std::string& name_space,
                                                                const LabelValues& match) const {
  static const std::map<std::string, PodHeartbeat> kNone;
  const auto found = groups_.find(group_of(name_space, match, match_names_));
  return found == groups_.end() ? kNone : found->second;
}

std::chrono::seconds scrape_interval_of(std::vector<double> intervals) {
  if (intervals.empty()) return std::chrono::seconds(0);
  const auto middle = intervals.begin() + static_cast<std::ptrdiff_t>((intervals.size() - 1) / 2);
  std::nth_element(intervals.begin(), middle, intervals.end());
  const double rounded = *middle < kCoarseInterval
                             ? std::round(*middle)
                             : std::round(*middle / kCoarseStep) * kCoarseStep;
  return std::chrono::seconds(std::max(1LL, std::llround(rounded)));
}

}  // namespace tokenscaler::prom
