// One simulated hour, drawn from a seed: the load, the fleet and what goes wrong.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/token_scaler.h"
#include "sim/engine.h"
#include "unit/scaling/random.h"

namespace tokenscaler::sim {

using scaling::testing::Random;

/// The load before it becomes constant.
enum class Pattern { Constant, Step, Ramp, Burst, Sine, Trace };

/// A stretch of time in which something is wrong: begin <= t < end, in seconds.
struct Interval {
  double begin = 0.0;
  double end = 0.0;
  [[nodiscard]] bool holds(double t) const { return t >= begin && t < end; }
};

/// The load changes until kSteadyFrom, is constant until kSilentFrom, and is zero until kEnd.
/// Faults end before kHealthyFrom.
inline constexpr double kSteadyFrom = 600.0;
inline constexpr double kHealthyFrom = 1200.0;
inline constexpr double kJudgedFrom = 2100.0;
inline constexpr double kSilentFrom = 3000.0;
inline constexpr double kEnd = 3900.0;

struct Scenario {
  std::uint64_t seed = 0;
  Pattern pattern = Pattern::Constant;
  double requests_per_second = 1.0;  ///< While it is constant.
  double before = 1.0;               ///< Factor of the load before, for step, ramp, burst, sine.
  double mean_prompt_tokens = 800.0;
  double mean_generation_tokens = 200.0;

  EngineSpeed speed;
  bool counts_at_finish = false;
  double cold_start = 60.0;
  bool cold_start_known = true;
  int replicas_at_start = 1;
  model::TokenScalerSpec spec;
  double clock_skew = 0.0;  ///< Our clock less the cluster's.

  double lost_scrapes = 0.0;  ///< Probability of each.
  std::optional<Interval> prometheus_down;
  std::optional<Interval> partial_answers;
  std::optional<Interval> pod_silent;  ///< The first pod's series vanish.
  std::optional<Interval> pod_nan;     ///< The first pod's gauges are NaN.
  std::optional<Interval> rollout;
  std::optional<Interval> crash_loop;  ///< Pods that start in it fail until its end.
  std::optional<Interval> full_cluster;
  int room = 0;  ///< Pods that fit while the cluster is full.
  std::optional<double> engine_restart_at;

  /// Offered requests/s at `t`, before noise.
  [[nodiscard]] double rate(double t) const;
  /// Replicas that the constant load needs by spec, buffer included, before rounding.
  [[nodiscard]] double needed() const;
  /// Relative standard error of the load as one window shows it: Poisson arrivals and exponential
  /// lengths.
  [[nodiscard]] double noise() const;
  [[nodiscard]] std::string describe() const;
};

[[nodiscard]] Scenario draw_scenario(std::uint64_t seed);

}  // namespace tokenscaler::sim
