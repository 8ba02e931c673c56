// Continuous batching with chunked prefill, as vLLM V1's scheduler does it, in simulated time: no
// clock, no threads, no randomness. The same calls give the same run.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "engine/engine_config.h"

namespace tokenscaler::engine {

/// A time in the engine's own (simulated) seconds since its start.
using SimTime = Seconds;
using RequestId = std::uint64_t;

enum class FinishReason { Stop, Length, Abort };

/// What a client asks for.
struct RequestSpec {
  std::int64_t prompt_tokens = 1;
  /// Prompt tokens that a warm prefix cache holds; used only with prefix caching enabled.
  std::int64_t cached_tokens = 0;
  std::int64_t max_tokens = 16;
  /// Tokens after which the model itself stops; beyond max_tokens it never gets there.
  std::int64_t stop_after = 0;  ///< 0: never before max_tokens.
  bool streaming = false;       ///< Only reported.
};

/// What is known of a request when it ends. Times as vLLM measures them.
struct FinishedRequest {
  RequestId id = 0;
  FinishReason reason = FinishReason::Length;
  std::int64_t prompt_tokens = 0;
  std::int64_t cached_tokens = 0;
  std::int64_t generated_tokens = 0;
  std::int64_t max_tokens = 0;
  std::int64_t preemptions = 0;
  bool streaming = false;
  Seconds e2e{};      ///< Arrival to last token.
  Seconds queued{};   ///< Queue entry to first scheduling.
  Seconds prefill{};  ///< First scheduling to first token.
  Seconds decode{};   ///< First to last token.
  Seconds time_to_first_token{};
};

/// Tokens that came out of one iteration for one request.
struct TokenOutput {
  RequestId id = 0;
  std::int64_t tokens = 0;
  bool first = false;  ///< Contains the request's first token.
};

/// One iteration, as vLLM's IterationStats and SchedulerStats tell it.
struct IterationStats {
  SimTime end{};
  Seconds duration{};
  IterationLoad load;
  /// Prompts whose prefill ended, whole (cached tokens included): the counter jumps here.
  std::int64_t prompt_tokens = 0;
  std::int64_t cached_prompt_tokens = 0;
  std::int64_t generation_tokens = 0;
  std::int64_t preemptions = 0;
  /// Every attempt to schedule a waiting request counts, as in vLLM (so these run high when the KV
  /// cache is full).
  std::int64_t prefix_cache_queries = 0;
  std::int64_t prefix_cache_hits = 0;
  std::vector<Seconds> times_to_first_token;
  std::vector<Seconds> inter_token_latencies;
  std::vector<TokenOutput> outputs;
  std::vector<FinishedRequest> finished;
};

/// The gauges.
struct SchedulerState {
  std::int64_t running = 0;
  std::int64_t waiting = 0;
  std::int64_t used_blocks = 0;
  std::int64_t total_blocks = 0;
  [[nodiscard]] double kv_cache_usage() const {
    return total_blocks == 0 ? 0.0
                             : static_cast<double>(used_blocks) / static_cast<double>(total_blocks);
  }
};

/// One engine core (one data-parallel rank).
class Scheduler {
 public:
  Scheduler(IterationModel iteration, SchedulerConfig config);
  ~Scheduler();
  Scheduler(Scheduler&&) noexcept;
  Scheduler& operator=(Scheduler&&) noexcept;
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  /// Takes a request at `now`, which is not before any earlier call's time. Invalid if it can never
  /// be served.
  [[nodiscard]] Result<RequestId> add(const RequestSpec& spec, SimTime now);

  /// Forgets a request whose client has gone. Returns false if it is not known (any more).
  bool abort(RequestId id);

  /// When the next iteration ends or can start; nullopt when there is nothing to do.
  [[nodiscard]] std::optional<SimTime> next_event() const;

  /// Runs every iteration that ends by `now`, in order.
  [[nodiscard]] std::vector<IterationStats> advance(SimTime now);

  /// The gauges as of the last call.
  [[nodiscard]] SchedulerState state() const;

  [[nodiscard]] const SchedulerConfig& config() const { return config_; }

 private:
  struct Request;
  struct Share {
    Request* request = nullptr;
    std::int64_t tokens = 0;
  };
  struct Step {
    SimTime end{};
    IterationStats stats;
    std::vector<Share> shares;
  };

  void start_step(SimTime now);
  void schedule_running(Step& step, std::int64_t& budget);
  void schedule_waiting(Step& step, std::int64_t& budget, SimTime now);
  [[nodiscard]] bool make_room(Request& request, std::int64_t tokens, IterationStats& stats);
  [[nodiscard]] bool allocate(Request& request, std::int64_t computed_tokens);
  void release(Request& request);
  [[nodiscard]] IterationStats complete_step();
  void take_token(Request& request, IterationStats& stats);
  [[nodiscard]] std::optional<SimTime> next_start() const;

  IterationModel iteration_;
  SchedulerConfig config_;
  std::unordered_map<RequestId, std::unique_ptr<Request>> requests_;
  std::vector<Request*> running_;
  std::deque<Request*> waiting_;
  std::optional<Step> step_;
  SimTime free_at_{};
  std::int64_t free_blocks_ = 0;
  RequestId last_id_ = 0;
};

}  // namespace tokenscaler::engine
