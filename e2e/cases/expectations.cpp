#include "cases/expectations.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include <fmt/format.h>

namespace tokenscaler::e2e {

namespace {

std::string reading_text(const scaling::Reading& reading) {
  return fmt::format("{} {:.4g} ({:.1f} s)", to_string(reading.state), reading.value,
                     reading.age.count());
}

std::string pods_text(const Cycle& cycle) {
  std::string text;
  for (const scaling::PodSignals& pod : cycle.observation->pods) {
    text += fmt::format(
        "\n    {}: prompt {}, cached {}, generation {}, finished {}, running {}, waiting {}, "
        "change {}, KV {}",
        pod.pod, reading_text(pod.prompt_tokens_per_second),
        reading_text(pod.cached_prompt_tokens_per_second),
        reading_text(pod.generation_tokens_per_second),
        reading_text(pod.finished_requests_per_second), reading_text(pod.running_requests),
        reading_text(pod.waiting_requests), reading_text(pod.in_flight_change_per_second),
        reading_text(pod.kv_cache_usage));
  }
  return text;
}

bool near(double value, double expected, double bound) {
  return std::abs(value - expected) <= std::abs(expected) * bound;
}

}  // namespace

std::vector<const Cycle*> cycles_between(const Fleet& fleet, std::chrono::seconds from,
                                         std::chrono::seconds to) {
  std::vector<const Cycle*> found;
  for (const Cycle& cycle : fleet.cycles) {
    if (cycle.at >= from && cycle.at < to) found.push_back(&cycle);
  }
  return found;
}

const Cycle& cycle_at(const Fleet& fleet, std::chrono::seconds when) {
  for (const Cycle& cycle : fleet.cycles) {
    if (cycle.at >= when) return cycle;
  }
  fmt::print(stderr, "{} has no cycle at {} s\n", fleet.name, when.count());
  std::abort();
}

std::string describe(const Cycle& cycle) {
  std::string text = fmt::format("\n  at {:.1f} s: ", cycle.at.count());
  if (!cycle.target) return text + "no target: " + cycle.target.error().to_string();
  text += fmt::format("{} -> {} replicas, {} bound by {}", cycle.decision->current.value(),
                      cycle.decision->desired.value(), to_string(cycle.decision->verdict),
                      to_string(cycle.decision->bound_by));
  for (const scaling::Reason& reason : cycle.decision->reasons) {
    text += fmt::format("\n    {}: {}", to_string(reason.code), reason.message);
  }
  if (!cycle.observation) return text + "\n    not read: " + cycle.observation.error().to_string();
  text += fmt::format("\n    window {:.0f} s, interval {:.0f} s, {} ({})",
                      cycle.observation->effective_window.count(),
                      cycle.observation->scrape_interval.count(),
                      to_string(cycle.observation->engine), cycle.observation->engine_detail);
  for (const std::string& warning : cycle.observation->warnings) {
    text += "\n    warning: " + warning;
  }
  return text + pods_text(cycle);
}

bool has_reason(const Cycle& cycle, scaling::ReasonCode code) {
  if (!cycle.decision) return false;
  const auto& reasons = cycle.decision->reasons;
  return std::any_of(reasons.begin(), reasons.end(),
                     [&](const scaling::Reason& reason) { return reason.code == code; });
}

scaling::PodSignals signals_of(const Cycle& cycle, std::string_view pod) {
  if (cycle.observation) {
    for (const scaling::PodSignals& signals : cycle.observation->pods) {
      if (signals.pod == pod) return signals;
    }
  }
  return {};
}

testing::AssertionResult reads(const scaling::Reading& reading, double expected, double bound) {
  if (reading.state == scaling::ReadingState::Fresh && near(reading.value, expected, bound)) {
    return testing::AssertionSuccess();
  }
  return testing::AssertionFailure() << reading_text(reading) << " instead of Fresh " << expected;
}

namespace {

struct Figure {
  std::string_view name;
  const scaling::Reading& reading;
  double expected;
};

testing::AssertionResult all_read(const Cycle& cycle, std::string_view pod,
                                  const std::vector<Figure>& figures) {
  for (const Figure& figure : figures) {
    const testing::AssertionResult result = reads(figure.reading, figure.expected);
    if (!result) {
      return testing::AssertionFailure()
             << pod << ": " << figure.name << " is " << result.message() << describe(cycle);
    }
  }
  return testing::AssertionSuccess();
}

}  // namespace

testing::AssertionResult reads_traffic(const Cycle& cycle, std::string_view pod,
                                       const EngineLoad& load) {
  const scaling::PodSignals signals = signals_of(cycle, pod);
  return all_read(
      cycle, pod,
      {{"prompt", signals.prompt_tokens_per_second, load.prompt_tokens_per_second},
       {"generation", signals.generation_tokens_per_second, load.generation_tokens_per_second},
       {"finished", signals.finished_requests_per_second, load.finished_requests_per_second},
       {"running", signals.running_requests, load.running_requests},
       {"waiting", signals.waiting_requests, load.waiting_requests},
       {"change in flight", signals.in_flight_change_per_second, load.waiting_growth_per_second}});
}

testing::AssertionResult reads_load(const Cycle& cycle, std::string_view pod,
                                    const EngineLoad& load) {
  const testing::AssertionResult traffic = reads_traffic(cycle, pod, load);
  if (!traffic) return traffic;
  const scaling::PodSignals signals = signals_of(cycle, pod);
  const double finished = load.finished_requests_per_second;
  return all_read(
      cycle, pod,
      {{"cached", signals.cached_prompt_tokens_per_second, load.cached_prompt_tokens_per_second},
       {"KV cache", signals.kv_cache_usage, load.kv_cache_usage},
       {"mean prompt", signals.mean_prompt_tokens, load.prompt_tokens_per_second / finished},
       {"mean generation", signals.mean_generation_tokens,
        load.generation_tokens_per_second / finished},
       {"time to first token", signals.mean_time_to_first_token_seconds,
        load.time_to_first_token_seconds},
       {"time per output token", signals.mean_time_per_output_token_seconds,
        load.time_per_output_token_seconds}});
}

testing::AssertionResult is_right(const Cycle& cycle, double needed, int desired, double bound) {
  if (!cycle.decision || !cycle.decision->recommendation) {
    return testing::AssertionFailure() << "nothing was recommended" << describe(cycle);
  }
  if (!near(cycle.decision->recommendation->needed, needed, bound)) {
    return testing::AssertionFailure() << cycle.decision->recommendation->needed
                                       << " replicas instead of " << needed << describe(cycle);
  }
  if (cycle.decision->desired != Replicas(desired)) {
    return testing::AssertionFailure() << "not " << desired << " replicas" << describe(cycle);
  }
  return testing::AssertionSuccess();
}

testing::AssertionResult holds(const Cycle& cycle, scaling::ReasonCode why) {
  if (!cycle.decision || cycle.decision->verdict != scaling::Verdict::Hold) {
    return testing::AssertionFailure() << "does not hold" << describe(cycle);
  }
  if (!has_reason(cycle, why)) {
    return testing::AssertionFailure() << "does not say " << to_string(why) << describe(cycle);
  }
  return testing::AssertionSuccess();
}

void expect_never_down(const Fleet& fleet) {
  ASSERT_FALSE(fleet.cycles.empty()) << fleet.name;
  for (const Cycle& cycle : fleet.cycles) {
    if (!cycle.decision) continue;
    EXPECT_GE(cycle.decision->desired, cycle.decision->current) << fleet.name << describe(cycle);
  }
}

void expect_each(const Fleet& fleet, std::chrono::seconds from, std::chrono::seconds to,
                 const std::function<testing::AssertionResult(const Cycle&)>& check) {
  const std::vector<const Cycle*> cycles = cycles_between(fleet, from, to);
  ASSERT_FALSE(cycles.empty()) << fleet.name;
  for (const Cycle* cycle : cycles) EXPECT_TRUE(check(*cycle)) << fleet.name;
}

}  // namespace tokenscaler::e2e
