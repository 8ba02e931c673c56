// The engine at work: schedulers of all data-parallel ranks driven by the machine's clock, one
// thread that sleeps until the next iteration ends.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "engine/engine_metrics.h"
#include "engine/scheduler.h"

namespace tokenscaler::engine {

struct EngineOptions {
  IterationModel iteration;
  SchedulerConfig scheduler;
  std::string model_name;
  MetricDialect dialect = MetricDialect::Vllm;
  std::size_t data_parallel_size = 1;
  /// Engine seconds for each second of the machine's clock.
  double speed = 1;
  /// Tokens are delivered at most this often, several iterations at once if need be: a stand-in
  /// that woke up for each iteration of ten engines would burn a core for nothing.
  std::chrono::milliseconds delivery_interval{10};
};

/// What came out for one request since the last call.
struct Progress {
  std::int64_t tokens = 0;
  bool first = false;                       ///< Contains the first token.
  std::optional<FinishedRequest> finished;  ///< Set in the last call.
};
/// Called from the engine's thread, in order; must not block.
using ProgressSink = std::function<void(const Progress&)>;

class Engine {
 public:
  struct Handle {
    std::size_t rank = 0;
    RequestId id = 0;
    auto operator<=>(const Handle&) const = default;
  };

  /// `clock` outlives the engine and moves as the machine's does.
  Engine(EngineOptions options, const Clock& clock);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  /// Queues a request on the rank with the least load. Invalid if it can never be served.
  [[nodiscard]] Result<Handle> submit(const RequestSpec& spec, ProgressSink sink);
  /// Forgets a request whose client has gone and drops its sink; a call of it that is under way may
  /// still come. False if the request has ended.
  bool abort(const Handle& handle);

  [[nodiscard]] std::string metrics_text();
  /// Requests taken and not yet ended.
  [[nodiscard]] std::size_t in_flight() const;
  [[nodiscard]] const EngineOptions& options() const { return options_; }

 private:
  using Delivery = std::pair<std::shared_ptr<const ProgressSink>, Progress>;

  [[nodiscard]] SimTime now() const;
  [[nodiscard]] SteadyTime when(SimTime time) const;
  void run(const std::stop_token& stop);
  [[nodiscard]] std::optional<SimTime> next_event() const;
  void advance();
  [[nodiscard]] std::size_t least_loaded_rank() const;

  const EngineOptions options_;
  const Clock& clock_;
  const SteadyTime start_;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::vector<Scheduler> ranks_;
  std::unique_ptr<EngineMetrics> metrics_;
  std::map<Handle, std::shared_ptr<const ProgressSink>> sinks_;
  std::map<Handle, Delivery> undelivered_;
  std::jthread driver_;
};

}  // namespace tokenscaler::engine
