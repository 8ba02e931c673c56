// Request traces: arrival times and token counts.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace tokenscaler::engine {

struct TraceRequest {
  Seconds arrival{};  ///< Since the first second that was read.
  std::int64_t prompt_tokens = 0;
  std::int64_t generated_tokens = 0;
  std::int64_t cached_tokens =
      0;  ///< Column prefix_hit_tokens: what a warm prefix cache would hold.
};

/// Which part of a trace to read.
struct TraceSlice {
  Seconds start{};
  Seconds length{1e18};
  std::size_t max_requests = 10'000'000;  ///< 320 MB: more is a mistake.
};

/// Reads one trace in the "request" shape, CSV with a header line
/// `arrival_seconds,prompt_tokens,generated_tokens[,model][,prefix_hit_tokens]`, sorted by time,
/// plain or gzip. Errors: NotFound, Invalid with file and line, LimitExceeded.
[[nodiscard]] Result<std::vector<TraceRequest>> read_trace(const std::string& path,
                                                           const TraceSlice& slice);

}  // namespace tokenscaler::engine
