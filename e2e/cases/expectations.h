// What the tests say about a fleet's record. A failure prints the cycle as a person would tell it.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "cases/fleet.h"
#include "cases/timeline.h"

namespace tokenscaler::e2e {

/// How far a measured rate may be from the hand calculation, as a share. The sums at the exporter
/// are exact; what differs is when a scrape is stamped and when the page was written, some 0.5 s on
/// a busy machine, of a window of 15 s.
inline constexpr double kRateBound = 0.05;

/// From here on the first window of a fleet scraped each second is full: 15 s and two scrapes, and
/// what discovery and the first scrape take.
inline constexpr std::chrono::seconds kWarm{24};

/// Cycles with from <= at < to.
[[nodiscard]] std::vector<const Cycle*> cycles_between(const Fleet& fleet,
                                                       std::chrono::seconds from,
                                                       std::chrono::seconds to);
/// The first cycle at or after `when`.
[[nodiscard]] const Cycle& cycle_at(const Fleet& fleet, std::chrono::seconds when);

[[nodiscard]] std::string describe(const Cycle& cycle);
[[nodiscard]] bool has_reason(const Cycle& cycle, scaling::ReasonCode code);
/// The signals of a pod; with all readings Missing if there are none.
[[nodiscard]] scaling::PodSignals signals_of(const Cycle& cycle, std::string_view pod);

/// Fresh, and within `bound` (a share) of `expected`; exactly 0 for 0.
[[nodiscard]] testing::AssertionResult reads(const scaling::Reading& reading, double expected,
                                             double bound = kRateBound);
/// The pod has the rates and gauges of `load` that every engine tells.
[[nodiscard]] testing::AssertionResult reads_traffic(const Cycle& cycle, std::string_view pod,
                                                     const EngineLoad& load);
/// And those that vLLM tells besides: cached tokens, KV cache, latency, lengths.
[[nodiscard]] testing::AssertionResult reads_load(const Cycle& cycle, std::string_view pod,
                                                  const EngineLoad& load);
/// Decided from metrics: `needed` replicas within `bound` (a share), and `desired` of them.
[[nodiscard]] testing::AssertionResult is_right(const Cycle& cycle, double needed, int desired,
                                                double bound = kRateBound);
/// Keeps what there is, and says why.
[[nodiscard]] testing::AssertionResult holds(const Cycle& cycle, scaling::ReasonCode why);

/// No cycle of the record asks for fewer replicas than there are.
void expect_never_down(const Fleet& fleet);
/// Every cycle in between passes `check`, and there is at least one.
void expect_each(const Fleet& fleet, std::chrono::seconds from, std::chrono::seconds to,
                 const std::function<testing::AssertionResult(const Cycle&)>& check);

/// The record of all scripts; made before the first test.
[[nodiscard]] Timeline& timeline();
[[nodiscard]] inline const Fleet& recorded(std::string_view name) {
  return timeline().recorded(name);
}

}  // namespace tokenscaler::e2e
