// What the clients of a replay saw: one row for each request, and the sums.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"

namespace tokenscaler::engine {

enum class ReplayOutcome {
  Completed,
  NoEndpoint,   ///< No engine took it before its time was up.
  Rejected,     ///< An HTTP error other than "come back later".
  Broken,       ///< The stream ended in the middle.
  TimedOut,     ///< Not complete in time.
  ClientLimit,  ///< Too many requests in flight: not sent.
  Cut,          ///< Still running when the replay was stopped.
};

[[nodiscard]] std::string_view to_string(ReplayOutcome outcome);

/// Times are trace seconds: the clock's, times the replay's speed.
struct ReplayRecord {
  std::size_t request = 0;  ///< Index in the trace slice.
  Seconds arrival{};        ///< When it should have been sent, since the replay's start.
  std::string endpoint;     ///< The last one asked.
  int status = 0;
  ReplayOutcome outcome = ReplayOutcome::Cut;
  int refusals = 0;  ///< 503s and refused connections before the last attempt.
  std::int64_t prompt_tokens = 0;
  std::int64_t wanted_tokens = 0;
  std::int64_t generated_tokens = 0;
  std::optional<Seconds> time_to_first_token;    ///< Since arrival, waiting for an engine included.
  std::optional<Seconds> time_per_output_token;  ///< Mean after the first; none for one token.
  Seconds e2e{};
  std::string error;
};

/// The CSV's header line and one row, with their line ends.
[[nodiscard]] std::string csv_header();
[[nodiscard]] std::string csv_row(const ReplayRecord& record);

struct Percentiles {
  double p50 = 0, p90 = 0, p99 = 0, max = 0, mean = 0;
};
/// Nearest-rank percentiles; nullopt of nothing.
[[nodiscard]] std::optional<Percentiles> percentiles(std::vector<double> values);

struct ReplaySummary {
  std::size_t requests = 0;
  std::map<std::string, std::size_t> outcomes;
  std::size_t refusals = 0;
  std::int64_t prompt_tokens = 0;  ///< Of completed requests.
  std::int64_t generated_tokens = 0;
  Seconds duration{};  ///< First arrival to the last end.
  std::optional<Percentiles> time_to_first_token;
  std::optional<Percentiles> time_per_output_token;
  std::optional<Percentiles> e2e;
};

[[nodiscard]] ReplaySummary summarize(const std::vector<ReplayRecord>& records);
[[nodiscard]] std::string to_json(const ReplaySummary& summary);
[[nodiscard]] std::string to_text(const ReplaySummary& summary);

}  // namespace tokenscaler::engine
