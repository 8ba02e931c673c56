// What Prometheus knows of one engine: scrapes, and rates over them as PromQL computes them.
#pragma once

#include <deque>

#include "scaling/observation.h"
#include "sim/engine.h"

namespace tokenscaler::sim {

inline constexpr double kScrapeInterval = 15.0;
inline constexpr double kWindow = 60.0;
/// Readings whose newest sample is older are stale: four scrapes were lost.
inline constexpr double kFreshFor = 4.0 * kScrapeInterval;

class Scrapes {
 public:
  void add(double at, const EngineMetrics& metrics);
  /// The readings of `pod` at `now`.
  [[nodiscard]] scaling::PodSignals read(const std::string& pod, double now) const;

 private:
  struct Scrape {
    double at = 0.0;
    EngineMetrics metrics;
  };
  using Member = double EngineMetrics::*;

  [[nodiscard]] scaling::Reading rate(Member counter, double now) const;
  [[nodiscard]] scaling::Reading in_flight_change(double now) const;
  [[nodiscard]] scaling::Reading gauge(Member member, double now) const;
  [[nodiscard]] scaling::Reading mean(Member sum, double now) const;
  [[nodiscard]] std::vector<const Scrape*> in_window(double now, bool counters) const;

  std::deque<Scrape> scrapes_;
};

}  // namespace tokenscaler::sim
