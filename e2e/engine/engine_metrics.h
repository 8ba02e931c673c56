// The `/metrics` page of each imitated engine. What a counter counts, when a series is born and
// what it is called are those of the real engine; each file names its source.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "engine/scheduler.h"

namespace tokenscaler::engine {

/// Which engine the page looks like.
enum class MetricDialect { Vllm, VllmV0, Sglang, Tgi };

/// `vllm`, `vllm-v0`, `sglang` or `tgi`.
[[nodiscard]] Result<MetricDialect> parse_metric_dialect(std::string_view name);

struct EngineMetricsOptions {
  std::string model_name;
  std::size_t data_parallel_size = 1;
  SchedulerConfig scheduler;
  WallTime started{};
};

class EngineMetrics {
 public:
  virtual ~EngineMetrics() = default;
  /// A request has reached the HTTP handler.
  virtual void record_arrival(const RequestSpec& spec) = 0;
  /// Its client has gone before the end.
  virtual void record_abort(std::size_t rank) = 0;
  virtual void record_iteration(std::size_t rank, const IterationStats& stats) = 0;
  virtual void record_state(std::size_t rank, const SchedulerState& state) = 0;
  [[nodiscard]] virtual std::string text() const = 0;
};

[[nodiscard]] std::unique_ptr<EngineMetrics> make_engine_metrics(
    MetricDialect dialect, const EngineMetricsOptions& options);
[[nodiscard]] std::unique_ptr<EngineMetrics> make_vllm_metrics(const EngineMetricsOptions& options);
[[nodiscard]] std::unique_ptr<EngineMetrics> make_vllm_v0_metrics(
    const EngineMetricsOptions& options);
[[nodiscard]] std::unique_ptr<EngineMetrics> make_sglang_metrics(
    const EngineMetricsOptions& options);
[[nodiscard]] std::unique_ptr<EngineMetrics> make_tgi_metrics(const EngineMetricsOptions& options);

/// vLLM's build_1_2_5_buckets: 1, 2, 5, 10, 20, 50, ... up to `max_value`.
[[nodiscard]] std::vector<double> buckets_1_2_5(std::int64_t max_value);

}  // namespace tokenscaler::engine
