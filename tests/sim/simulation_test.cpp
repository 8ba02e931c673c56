// The decision in a closed loop with a fleet that reacts, over many seeded hours. After each
// evaluation the safety checks hold; at the end of the constant and of the silent part the liveness
// checks do. TOKENSCALER_SIM_SEED runs one seed and prints its steps; TOKENSCALER_SIM_SEEDS sets
// how many run.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "sim/cluster.h"
#include "sim/scenario.h"

namespace tokenscaler::sim {
namespace {

constexpr double kCycle = 15.0;
/// In the judged quarter of an hour, with scale-down windows from 60 s and cold starts up to 240 s.
constexpr int kMostReversals = 6;
/// Over all seeds, in the mean.
constexpr double kMostReversalsInTheMean = 0.5;

#ifdef NDEBUG
constexpr std::uint64_t kSeeds = 1000;
#else
constexpr std::uint64_t kSeeds = 100;  // Debug and sanitizer builds are ten times slower.
#endif

std::uint64_t number_from(const char* variable, std::uint64_t otherwise) {
  const char* text = std::getenv(variable);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

/// What a run showed, for the liveness checks.
struct Summary {
  int at_judgement = 0;     ///< Replicas at the end of the constant load.
  int at_end = 0;           ///< Replicas at the end of the silence.
  int most = 0;             ///< The most replicas that were ever asked for.
  int reversals = 0;        ///< Changes of direction in the judged part of the constant load.
  std::size_t waiting = 0;  ///< Requests in queues at the end of the constant load.
};

class Simulation {
 public:
  explicit Simulation(std::uint64_t seed)
      : scenario_(draw_scenario(seed)),
        random_(seed ^ 0x5DEECE66DU),
        cluster_(scenario_, random_) {}

  [[nodiscard]] const Scenario& scenario() const { return scenario_; }

  Summary run(bool print) {
    for (double t = 0.0; t < kEnd; t += 1.0) {
      cluster_.step(t);
      if (std::fmod(t, kCycle) == kCycle - 1.0) evaluate(t + 1.0, print);
      if (::testing::Test::HasFatalFailure()) return summary_;
      if (t + 1.0 == kSilentFrom) {
        summary_.at_judgement = cluster_.replicas();
        summary_.waiting = cluster_.waiting();
      }
    }
    summary_.at_end = cluster_.replicas();
    return summary_;
  }

 private:
  void evaluate(double t, bool print) {
    const scaling::Snapshot snapshot = cluster_.snapshot(t);
    const WallTime now = wall(t + scenario_.clock_skew);
    scaling::Outcome outcome = scaling::decide(snapshot, history_, now);
    history_ = std::move(outcome.history);
    const scaling::Decision& decision = outcome.decision;
    if (print) show(t, decision);
    check_safety(t, snapshot, decision);
    note(t, decision);
    if (decision.desired != decision.current) {
      scaling::remember_rescale(history_, now, decision.current, decision.desired);
      cluster_.scale(decision.desired.value(), t);
    }
  }

  void show(double t, const scaling::Decision& d) const {
    fmt::print("{:5.0f} {:2} -> {:2} ready {:2} waiting {:4} needed {:6.2f} {}", t,
               d.current.value(), d.desired.value(), cluster_.ready(), cluster_.waiting(),
               d.recommendation ? d.recommendation->needed : 0.0, to_string(d.bound_by));
    for (const scaling::Reason& reason : d.reasons) {
      fmt::print("\n        {}: {}", to_string(reason.code), reason.message);
    }
    fmt::print("\n");
  }

  void check_safety(double t, const scaling::Snapshot& snapshot, const scaling::Decision& d) const {
    SCOPED_TRACE(fmt::format("at {} s", t));
    ASSERT_GE(d.desired, scenario_.spec.min_replicas);
    ASSERT_LE(d.desired, scenario_.spec.max_replicas);
    ASSERT_FALSE(d.reasons.empty());
    ASSERT_LE(history_.recommendations.size(), scaling::kMaxSpans);
    const bool shrinks = d.desired < d.current;
    // What is wrong is taken from the scenario, not from what the decision believes.
    const auto holds = [&](const std::optional<Interval>& fault, double after) {
      return fault && t >= fault->begin + after && t < fault->end;
    };
    if (shrinks) {
      ASSERT_FALSE(holds(scenario_.prometheus_down, 0.0)) << "shrinks while Prometheus is down";
      ASSERT_FALSE(holds(scenario_.partial_answers, 0.0)) << "shrinks on a partial answer";
      ASSERT_FALSE(holds(scenario_.rollout, 0.0)) << "shrinks during a rollout";
      const bool first_serves = !snapshot.target.pods.empty() &&
                                snapshot.target.pods.front().phase == scaling::PodPhase::Ready;
      // The window is full of gaps once the last good sample is older than the freshness bound.
      ASSERT_FALSE(first_serves && holds(scenario_.pod_silent, kFreshFor + kScrapeInterval))
          << "shrinks while a ready pod is silent";
      const bool scraped = scenario_.lost_scrapes <= 0.0;
      ASSERT_FALSE(first_serves && scraped && holds(scenario_.pod_nan, kScrapeInterval))
          << "shrinks while a ready pod reads NaN";
    }
    const bool full = holds(scenario_.full_cluster, kCycle);
    if (full && d.replicas.unschedulable > Replicas(0)) {
      ASSERT_LE(d.desired, std::max(d.current, scenario_.spec.min_replicas));
    }
  }

  void note(double t, const scaling::Decision& d) {
    summary_.most = std::max(summary_.most, d.desired.value());
    const int direction = (d.desired > d.current ? 1 : 0) - (d.desired < d.current ? 1 : 0);
    if (direction == 0) return;
    if (t >= kJudgedFrom && t < kSilentFrom && last_direction_ == -direction) ++summary_.reversals;
    last_direction_ = direction;
  }

  Scenario scenario_;
  Random random_;
  Cluster cluster_;
  scaling::History history_;
  Summary summary_;
  int last_direction_ = 0;
};

/// The most replicas that noise can make the constant load look like: four standard errors, since
/// the highest of some sixty windows counts.
double most_needed(const Scenario& scenario) {
  return scenario.needed() * (1.0 + 4.0 * scenario.noise());
}

/// Fleets whose load was never above the constant one and that were healthy: their largest size
/// tells whether replicas that load were asked for again and again. While half of the size is
/// missing, draining what piled up may ask for as much as the load itself.
bool never_more_than_steady(const Scenario& scenario) {
  const bool lower = scenario.pattern == Pattern::Constant ||
                     ((scenario.pattern == Pattern::Step || scenario.pattern == Pattern::Ramp) &&
                      scenario.before <= 1.0);
  return lower && !scenario.crash_loop && !scenario.full_cluster && !scenario.prometheus_down &&
         !scenario.pod_silent && !scenario.pod_nan;
}

void check_liveness(const Scenario& scenario, const Summary& summary) {
  const double load = scenario.needed() / scenario.spec.demand.buffer_factor.to_double();
  const int least = std::max(scenario.spec.min_replicas.value(), static_cast<int>(std::ceil(load)));
  const int most = std::max(scenario.spec.min_replicas.value(),
                            static_cast<int>(std::ceil(most_needed(scenario))));
  EXPECT_GE(summary.at_judgement, least) << "the constant load is not held";
  EXPECT_LE(summary.at_judgement, most) << "too many replicas for the constant load";
  EXPECT_EQ(summary.at_end, scenario.spec.min_replicas.value())
      << "no return to min without traffic";
  EXPECT_LT(static_cast<double>(summary.waiting), 10.0 + 3.0 * scenario.requests_per_second)
      << "the backlog is not drained";
  EXPECT_LE(summary.reversals, kMostReversals) << "flaps under constant load";
  if (!never_more_than_steady(scenario)) return;
  const int start = scenario.replicas_at_start;
  EXPECT_LE(summary.most, std::max(start, 2 * most + 1)) << "cascades while replicas load";
}

TEST(Simulated, EverySeededHourIsSafeAndLive) {
  if (const std::uint64_t only = number_from("TOKENSCALER_SIM_SEED", 0)) {
    Simulation simulation(only);
    fmt::print("{}\n", simulation.scenario().describe());
    const Summary summary = simulation.run(true);
    check_liveness(simulation.scenario(), summary);
    return;
  }
  const std::uint64_t seeds = number_from("TOKENSCALER_SIM_SEEDS", kSeeds);
  int reversals = 0;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    Simulation simulation(seed);
    SCOPED_TRACE(simulation.scenario().describe());
    const Summary summary = simulation.run(false);
    if (HasFatalFailure()) return;
    check_liveness(simulation.scenario(), summary);
    reversals += summary.reversals;
  }
  EXPECT_LE(reversals / static_cast<double>(seeds), kMostReversalsInTheMean);
  fmt::print("{} simulated hours; {:.3f} changes of direction in a steady quarter of an hour\n",
             seeds, reversals / static_cast<double>(seeds));
}

}  // namespace
}  // namespace tokenscaler::sim
