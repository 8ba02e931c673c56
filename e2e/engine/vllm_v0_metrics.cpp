// vLLM V0 (<= 0.8): vllm/engine/metrics.py, class Metrics. One label, old names, no `_created`
// series. The API server logs zeros every 10 s, so gauges and counters exist from the start, while
// histograms and request_success are born with their first observation.
#include <utility>

#include "engine/engine_metrics.h"
#include "engine/exposition.h"

namespace tokenscaler::engine {

namespace {

const std::vector<double> kTimeToFirstToken = {0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1,
                                               0.25,  0.5,   0.75, 1.0,  2.5,  5.0,  7.5,  10.0};
const std::vector<double> kTimePerOutputToken = {0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2,
                                                 0.3,  0.4,   0.5,  0.75,  1.0, 2.5};
const std::vector<double> kE2eLatency = {1.0, 2.5, 5.0, 10.0, 15.0, 20.0, 30.0, 40.0, 50.0, 60.0};
const std::vector<double> kRequestLatency = {0.3,  0.5,  0.8,  1.0,  1.5,  2.0,  2.5, 5.0,
                                             10.0, 15.0, 20.0, 30.0, 40.0, 50.0, 60.0};
const std::vector<double> kIterationTokens = {1,   8,   16,   32,   64,   128,
                                              256, 512, 1024, 2048, 4096, 8192};

class VllmV0Metrics final : public EngineMetrics {
 public:
  explicit VllmV0Metrics(const EngineMetricsOptions& options)
      : page_(ExpositionStyle::PythonWithoutCreated, options.started),
        labels_{{"model_name", options.model_name}},
        states_(options.data_parallel_size),
        tokens_(buckets_1_2_5(options.scheduler.max_model_len)) {
    const SchedulerConfig& config = options.scheduler;
    // prometheus_client.Info adds `_info` and carries the configuration as labels.
    page_.gauge("vllm:cache_config_info", "information of cache_config")
        .with({{"block_size", std::to_string(config.block_size)},
               {"cache_dtype", "auto"},
               {"enable_prefix_caching", config.enable_prefix_caching ? "True" : "False"},
               {"gpu_memory_utilization", "0.9"},
               {"num_cpu_blocks", "0"},
               {"num_gpu_blocks", std::to_string(config.num_gpu_blocks)}})
        .set(1);
    // Born here: swapping and the CPU cache exist in V0, but recompute is its default.
    page_.gauge("vllm:num_requests_swapped", "Number of requests swapped to CPU.").with(labels_);
    page_.gauge("vllm:cpu_cache_usage_perc", "CPU KV-cache usage. 1 means 100 percent usage.")
        .with(labels_);
    for (MetricFamily* family :
         {&running_, &waiting_, &gpu_cache_, &hit_rate_, &preemptions_, &prompt_, &generation_}) {
      family->with(labels_);
    }
  }

  void record_arrival(const RequestSpec&) override {}
  void record_abort(std::size_t) override {}

  void record_iteration(std::size_t, const IterationStats& stats) override {
    preemptions_.with(labels_).add(static_cast<double>(stats.preemptions));
    prompt_.with(labels_).add(static_cast<double>(stats.prompt_tokens));
    generation_.with(labels_).add(static_cast<double>(stats.generation_tokens));
    iteration_tokens_.with(labels_).observe(
        static_cast<double>(stats.prompt_tokens + stats.generation_tokens));
    queries_ += static_cast<double>(stats.prefix_cache_queries);
    hits_ += static_cast<double>(stats.prefix_cache_hits);
    hit_rate_.with(labels_).set(queries_ > 0 ? hits_ / queries_ : 0);
    for (const Seconds value : stats.times_to_first_token) {
      ttft_.with(labels_).observe(value.count());
    }
    for (const Seconds value : stats.inter_token_latencies) {
      tpot_.with(labels_).observe(value.count());
    }
    for (const FinishedRequest& request : stats.finished) record_finished(request);
  }

  void record_state(std::size_t rank, const SchedulerState& state) override {
    states_.at(rank) = state;
    SchedulerState sum;
    for (const SchedulerState& one : states_) {
      sum.running += one.running;
      sum.waiting += one.waiting;
      sum.used_blocks += one.used_blocks;
      sum.total_blocks += one.total_blocks;
    }
    running_.with(labels_).set(static_cast<double>(sum.running));
    waiting_.with(labels_).set(static_cast<double>(sum.waiting));
    gpu_cache_.with(labels_).set(sum.kv_cache_usage());
  }

  [[nodiscard]] std::string text() const override { return page_.text(); }

 private:
  void record_finished(const FinishedRequest& request) {
    Labels with_reason = labels_;
    with_reason.insert(
        with_reason.begin(),
        {"finished_reason", request.reason == FinishReason::Stop ? "stop" : "length"});
    success_.with(with_reason).add(1);
    e2e_.with(labels_).observe(request.e2e.count());
    queue_.with(labels_).observe(request.queued.count());
    inference_.with(labels_).observe((request.prefill + request.decode).count());
    prefill_.with(labels_).observe(request.prefill.count());
    decode_.with(labels_).observe(request.decode.count());
    request_prompt_.with(labels_).observe(static_cast<double>(request.prompt_tokens));
    request_generation_.with(labels_).observe(static_cast<double>(request.generated_tokens));
    n_.with(labels_).observe(1);
    max_tokens_.with(labels_).observe(static_cast<double>(request.max_tokens));
  }

  MetricPage page_;
  Labels labels_;
  std::vector<SchedulerState> states_;
  std::vector<double> tokens_;
  double queries_ = 0;
  double hits_ = 0;
  MetricFamily& running_ =
      page_.gauge("vllm:num_requests_running", "Number of requests currently running on GPU.");
  MetricFamily& waiting_ =
      page_.gauge("vllm:num_requests_waiting", "Number of requests waiting to be processed.");
  MetricFamily& gpu_cache_ =
      page_.gauge("vllm:gpu_cache_usage_perc", "GPU KV-cache usage. 1 means 100 percent usage.");
  MetricFamily& hit_rate_ =
      page_.gauge("vllm:gpu_prefix_cache_hit_rate", "GPU prefix cache block hit rate.");
  MetricFamily& preemptions_ = page_.counter("vllm:num_preemptions_total",
                                             "Cumulative number of preemption from the engine.");
  MetricFamily& prompt_ =
      page_.counter("vllm:prompt_tokens_total", "Number of prefill tokens processed.");
  MetricFamily& generation_ =
      page_.counter("vllm:generation_tokens_total", "Number of generation tokens processed.");
  MetricFamily& iteration_tokens_ =
      page_.histogram("vllm:iteration_tokens_total",
                      "Histogram of number of tokens per engine_step.", kIterationTokens);
  MetricFamily& ttft_ =
      page_.histogram("vllm:time_to_first_token_seconds",
                      "Histogram of time to first token in seconds.", kTimeToFirstToken);
  MetricFamily& tpot_ =
      page_.histogram("vllm:time_per_output_token_seconds",
                      "Histogram of time per output token in seconds.", kTimePerOutputToken);
  MetricFamily& e2e_ =
      page_.histogram("vllm:e2e_request_latency_seconds",
                      "Histogram of end to end request latency in seconds.", kE2eLatency);
  MetricFamily& queue_ =
      page_.histogram("vllm:request_queue_time_seconds",
                      "Histogram of time spent in WAITING phase for request.", kRequestLatency);
  MetricFamily& inference_ =
      page_.histogram("vllm:request_inference_time_seconds",
                      "Histogram of time spent in RUNNING phase for request.", kRequestLatency);
  MetricFamily& prefill_ =
      page_.histogram("vllm:request_prefill_time_seconds",
                      "Histogram of time spent in PREFILL phase for request.", kRequestLatency);
  MetricFamily& decode_ =
      page_.histogram("vllm:request_decode_time_seconds",
                      "Histogram of time spent in DECODE phase for request.", kRequestLatency);
  MetricFamily& request_prompt_ =
      page_.histogram("vllm:request_prompt_tokens", "Number of prefill tokens processed.", tokens_);
  MetricFamily& request_generation_ = page_.histogram(
      "vllm:request_generation_tokens", "Number of generation tokens processed.", tokens_);
  MetricFamily& n_ = page_.histogram("vllm:request_params_n",
                                     "Histogram of the n request parameter.", {1, 2, 5, 10, 20});
  MetricFamily& max_tokens_ = page_.histogram(
      "vllm:request_params_max_tokens", "Histogram of the max_tokens request parameter.", tokens_);
  MetricFamily& success_ =
      page_.counter("vllm:request_success_total", "Count of successfully processed requests.");
};

}  // namespace

std::unique_ptr<EngineMetrics> make_vllm_v0_metrics(const EngineMetricsOptions& options) {
  return std::make_unique<VllmV0Metrics>(options);
}

}  // namespace tokenscaler::engine
