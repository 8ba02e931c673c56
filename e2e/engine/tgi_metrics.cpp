// Text Generation Inference 3.x: router/src/server.rs (buckets, descriptions),
// router/src/validation.rs and backends/v3/src/{backend,queue,lib}.rs (where each metric is
// recorded). No model label; a series exists from its first use only; token counts are known from
// the _sum of histograms.
#include <utility>

#include "engine/engine_metrics.h"
#include "engine/exposition.h"

namespace tokenscaler::engine {

namespace {

// 35 buckets from 0.15 ms, each 1.5 times the one before.
std::vector<double> duration_buckets() {
  std::vector<double> bounds;
  double value = 0.0001;
  for (int i = 0; i < 35; ++i) {
    value *= 1.5;
    bounds.push_back(value);
  }
  return bounds;
}

// A hundred equal steps up to `maximum`.
std::vector<double> length_buckets(std::int64_t maximum) {
  std::vector<double> bounds;
  for (int i = 1; i <= 100; ++i) bounds.push_back(static_cast<double>(maximum) / 100.0 * i);
  return bounds;
}

std::vector<double> batch_buckets() {
  std::vector<double> bounds;
  for (int i = 1; i <= 1024; ++i) bounds.push_back(i);
  return bounds;
}

class TgiMetrics final : public EngineMetrics {
 public:
  explicit TgiMetrics(const EngineMetricsOptions& options)
      : page_(ExpositionStyle::Rust, options.started),
        states_(options.data_parallel_size),
        block_size_(options.scheduler.block_size),
        lengths_(length_buckets(options.scheduler.max_model_len)) {
    max_total_tokens_.with({}).set(
        static_cast<double>(options.scheduler.num_gpu_blocks * options.scheduler.block_size));
  }

  void record_arrival(const RequestSpec& spec) override {
    count_.with({}).add(1);
    input_length_.with({}).observe(static_cast<double>(spec.prompt_tokens));
    max_new_tokens_.with({}).observe(static_cast<double>(spec.max_tokens));
    used_ = true;
  }

  void record_abort(std::size_t) override { failure_.with({{"err", "dropped"}}).add(1); }

  void record_iteration(std::size_t, const IterationStats& stats) override {
    const bool prefill = stats.load.prefill_tokens > 0;
    const Labels method = {{"method", prefill ? "prefill" : "decode"}};
    inference_count_.with(method).add(1);
    inference_success_.with(method).add(1);
    inference_duration_.with(method).observe(stats.duration.count());
    forward_duration_.with(method).observe(stats.duration.count());
    if (prefill) next_size_.with({}).observe(static_cast<double>(stats.load.sequences));
    for (const FinishedRequest& request : stats.finished) record_finished(request);
  }

  void record_state(std::size_t rank, const SchedulerState& state) override {
    states_.at(rank) = state;
    if (!used_) return;
    SchedulerState sum;
    for (const SchedulerState& one : states_) {
      sum.running += one.running;
      sum.waiting += one.waiting;
      sum.used_blocks += one.used_blocks;
    }
    batch_size_.with({}).set(static_cast<double>(sum.running));
    batch_tokens_.with({}).set(static_cast<double>(sum.used_blocks * block_size_));
    queue_size_.with({}).set(static_cast<double>(sum.waiting));
  }

  [[nodiscard]] std::string text() const override { return page_.text(); }

 private:
  void record_finished(const FinishedRequest& request) {
    const Seconds inference = request.prefill + request.decode;
    success_.with({}).add(1);
    duration_.with({}).observe(request.e2e.count());
    validation_duration_.with({}).observe((request.e2e - request.queued - inference).count());
    queue_duration_.with({}).observe(request.queued.count());
    request_inference_.with({}).observe(inference.count());
    mean_per_token_.with({}).observe(inference.count() /
                                     static_cast<double>(request.generated_tokens));
    generated_.with({}).observe(static_cast<double>(request.generated_tokens));
  }

  MetricPage page_;
  std::vector<SchedulerState> states_;
  std::int64_t block_size_;
  std::vector<double> lengths_;
  bool used_ = false;
  MetricFamily& count_ = page_.counter("tgi_request_count", "Total number of requests");
  MetricFamily& success_ = page_.counter("tgi_request_success", "Number of successful requests");
  MetricFamily& failure_ = page_.counter("tgi_request_failure", "");
  MetricFamily& inference_count_ =
      page_.counter("tgi_batch_inference_count", "Inference calls per method (prefill or decode)");
  MetricFamily& inference_success_ =
      page_.counter("tgi_batch_inference_success",
                    "Number of successful inference calls per method (prefill or decode)");
  MetricFamily& batch_size_ = page_.gauge("tgi_batch_current_size", "Current batch size");
  MetricFamily& batch_tokens_ =
      page_.gauge("tgi_batch_current_max_tokens", "Maximum tokens for the current batch");
  MetricFamily& queue_size_ = page_.gauge("tgi_queue_size", "Current queue size");
  MetricFamily& max_total_tokens_ = page_.gauge("tgi_batch_max_total_tokens", "");
  MetricFamily& input_length_ =
      page_.histogram("tgi_request_input_length", "Input token length per request", lengths_);
  MetricFamily& max_new_tokens_ =
      page_.histogram("tgi_request_max_new_tokens", "Maximum new tokens per request", lengths_);
  MetricFamily& generated_ =
      page_.histogram("tgi_request_generated_tokens", "Generated tokens per request", lengths_);
  MetricFamily& duration_ = page_.histogram(
      "tgi_request_duration", "Total time spent processing the request", duration_buckets());
  MetricFamily& validation_duration_ = page_.histogram(
      "tgi_request_validation_duration", "Time spent validating the request", duration_buckets());
  MetricFamily& queue_duration_ = page_.histogram(
      "tgi_request_queue_duration", "Time spent in the queue per request", duration_buckets());
  MetricFamily& request_inference_ = page_.histogram(
      "tgi_request_inference_duration", "Request inference duration", duration_buckets());
  MetricFamily& mean_per_token_ =
      page_.histogram("tgi_request_mean_time_per_token_duration", "Mean time per token per request",
                      duration_buckets());
  MetricFamily& inference_duration_ = page_.histogram(
      "tgi_batch_inference_duration", "Batch inference duration", duration_buckets());
  MetricFamily& forward_duration_ =
      page_.histogram("tgi_batch_forward_duration",
                      "Batch forward duration per method (prefill or decode)", duration_buckets());
  MetricFamily& next_size_ =
      page_.histogram("tgi_batch_next_size", "Batch size of the next batch", batch_buckets());
};

}  // namespace

std::unique_ptr<EngineMetrics> make_tgi_metrics(const EngineMetricsOptions& options) {
  return std::make_unique<TgiMetrics>(options);
}

}  // namespace tokenscaler::engine
