// SGLang with --enable-metrics: python/sglang/srt/observability/metrics_collector.py
// (SchedulerMetricsCollector, TokenizerMetricsCollector). Counters move only when a request ends;
// its series are born then too. Multiprocess mode: no `_created` series.
#include <algorithm>
#include <utility>

#include "engine/engine_metrics.h"
#include "engine/exposition.h"

namespace tokenscaler::engine {

namespace {

const std::vector<double> kTimeToFirstToken = {0.1, 0.2, 0.4, 0.6, 0.8, 1,  2,   4,   6,
                                               8,   10,  20,  40,  60,  80, 100, 200, 400};
const std::vector<double> kE2eLatency = {0.1, 0.2, 0.4, 0.6, 0.8, 1,   2,   4,   6,    8,    10,
                                         20,  40,  60,  80,  100, 200, 400, 600, 1200, 1800, 2400};
const std::vector<double> kInterTokenLatency = {
    0.002, 0.004, 0.006, 0.008, 0.010, 0.015, 0.020, 0.025, 0.030, 0.035, 0.040, 0.060,
    0.080, 0.100, 0.200, 0.400, 0.600, 0.800, 1.000, 2.000, 4.000, 6.000, 8.000};
const std::vector<double> kTokens = {
    100,   300,   500,   700,    1000,   1500,   2000,   3000,   4000,   5000,    6000,   7000,
    8000,  9000,  10000, 12500,  15000,  17500,  20000,  22500,  25000,  27500,   30000,  35000,
    40000, 60000, 80000, 100000, 200000, 300000, 400000, 600000, 800000, 1000000, 1100000};

// gen_throughput is measured over decode_log_interval forward passes.
constexpr int kDecodeLogInterval = 40;

struct Rank {
  Labels labels;
  std::int64_t interval_passes = 0;
  double interval_tokens = 0;
  SimTime interval_start{};
  double throughput = 0;
  double queries = 0;
  double hits = 0;
};

class SglangMetrics final : public EngineMetrics {
 public:
  explicit SglangMetrics(const EngineMetricsOptions& options)
      : page_(ExpositionStyle::PythonWithoutCreated, options.started),
        request_labels_{{"engine_type", "unified"}, {"model_name", options.model_name}} {
    const std::int64_t slots = options.scheduler.num_gpu_blocks * options.scheduler.block_size;
    total_tokens_ = static_cast<double>(slots);
    for (std::size_t i = 0; i < options.data_parallel_size; ++i) {
      Labels labels = {{"engine_type", "unified"},
                       {"model_name", options.model_name},
                       {"moe_ep_rank", "0"},
                       {"pp_rank", "0"},
                       {"tp_rank", "0"}};
      if (options.data_parallel_size > 1) {
        labels.insert(labels.begin(), {"dp_rank", std::to_string(i)});
      }
      ranks_.push_back({.labels = std::move(labels)});
      max_total_.with(ranks_.back().labels).set(total_tokens_);
      Labels config = ranks_.back().labels;
      config.emplace_back("num_pages", std::to_string(options.scheduler.num_gpu_blocks));
      config.emplace_back("page_size", std::to_string(options.scheduler.block_size));
      std::sort(config.begin(), config.end());
      cache_config_.with(config).set(1);
      record_state(i, {.total_blocks = options.scheduler.num_gpu_blocks});
      hit_rate_.with(ranks_.back().labels).set(0);
      throughput_.with(ranks_.back().labels).set(0);
      retracted_.with(ranks_.back().labels).set(0);
    }
  }

  void record_arrival(const RequestSpec&) override {}
  void record_abort(std::size_t) override { aborted_.with(request_labels_).add(1); }

  void record_iteration(std::size_t index, const IterationStats& stats) override {
    Rank& rank = ranks_.at(index);
    measure_throughput(rank, stats);
    rank.queries += static_cast<double>(stats.prefix_cache_queries);
    rank.hits += static_cast<double>(stats.prefix_cache_hits);
    if (rank.queries > 0) hit_rate_.with(rank.labels).set(rank.hits / rank.queries);
    retracted_.with(rank.labels).set(static_cast<double>(stats.preemptions));
    for (const Seconds value : stats.inter_token_latencies) {
      itl_.with(request_labels_).observe(value.count());
    }
    for (const FinishedRequest& request : stats.finished) record_finished(request);
  }

  void record_state(std::size_t index, const SchedulerState& state) override {
    const Labels& labels = ranks_.at(index).labels;
    running_.with(labels).set(static_cast<double>(state.running));
    queued_.with(labels).set(static_cast<double>(state.waiting));
    usage_.with(labels).set(state.kv_cache_usage());
    used_tokens_.with(labels).set(state.kv_cache_usage() * total_tokens_);
    if (state.running == 0) throughput_.with(labels).set(0);  // the idle log line resets it
  }

  [[nodiscard]] std::string text() const override { return page_.text(); }

 private:
  void measure_throughput(Rank& rank, const IterationStats& stats) {
    if (rank.interval_passes == 0) rank.interval_start = stats.end - stats.duration;
    rank.interval_tokens += static_cast<double>(stats.generation_tokens);
    if (++rank.interval_passes < kDecodeLogInterval) return;
    throughput_.with(rank.labels)
        .set(rank.interval_tokens / (stats.end - rank.interval_start).count());
    rank.interval_passes = 0;
    rank.interval_tokens = 0;
  }

  void record_finished(const FinishedRequest& request) {
    Labels streaming = request_labels_;
    streaming.insert(streaming.begin() + 1, {"is_streaming", request.streaming ? "true" : "false"});
    prompt_.with(streaming).add(static_cast<double>(request.prompt_tokens));
    generation_.with(streaming).add(static_cast<double>(request.generated_tokens));
    if (request.cached_tokens > 0) {
      Labels source = request_labels_;
      source.insert(source.begin(), {"cache_source", "device"});
      cached_.with(source).add(static_cast<double>(request.cached_tokens));
    }
    requests_.with(streaming).add(1);
    e2e_.with(streaming).observe(request.e2e.count());
    // The real one observes it at the first token; here the streaming flag is known at the end.
    ttft_.with(streaming).observe(request.time_to_first_token.count());
    prompt_histogram_.with(request_labels_).observe(static_cast<double>(request.prompt_tokens));
    uncached_histogram_.with(request_labels_)
        .observe(static_cast<double>(request.prompt_tokens - request.cached_tokens));
    generation_histogram_.with(request_labels_)
        .observe(static_cast<double>(request.generated_tokens));
  }

  MetricPage page_;
  Labels request_labels_;
  std::vector<Rank> ranks_;
  double total_tokens_ = 0;
  MetricFamily& running_ =
      page_.gauge("sglang:num_running_reqs", "The number of running requests.");
  MetricFamily& queued_ =
      page_.gauge("sglang:num_queue_reqs", "The number of requests in the waiting queue.");
  MetricFamily& throughput_ =
      page_.gauge("sglang:gen_throughput", "The generation throughput (token/s).");
  MetricFamily& hit_rate_ = page_.gauge("sglang:cache_hit_rate", "The prefix cache hit rate.");
  MetricFamily& usage_ = page_.gauge("sglang:token_usage", "The token usage.");
  MetricFamily& used_tokens_ = page_.gauge("sglang:num_used_tokens", "The number of used tokens.");
  MetricFamily& max_total_ = page_.gauge("sglang:max_total_num_tokens",
                                         "Maximum total number of tokens in the KV cache pool.");
  MetricFamily& cache_config_ =
      page_.gauge("sglang:cache_config_info", "Information of the cache config.");
  MetricFamily& retracted_ =
      page_.gauge("sglang:num_retracted_reqs", "The number of retracted requests.");
  MetricFamily& prompt_ =
      page_.counter("sglang:prompt_tokens_total", "Number of prefill tokens processed.");
  MetricFamily& generation_ =
      page_.counter("sglang:generation_tokens_total", "Number of generation tokens processed.");
  MetricFamily& cached_ =
      page_.counter("sglang:cached_tokens_total",
                    "Number of cached prompt tokens by source (device/host/storage).");
  MetricFamily& requests_ =
      page_.counter("sglang:num_requests_total", "Number of requests processed.");
  MetricFamily& aborted_ =
      page_.counter("sglang:num_aborted_requests_total", "Number of requests aborted.");
  MetricFamily& ttft_ =
      page_.histogram("sglang:time_to_first_token_seconds",
                      "Histogram of time to first token in seconds.", kTimeToFirstToken);
  MetricFamily& itl_ =
      page_.histogram("sglang:inter_token_latency_seconds",
                      "Histogram of inter-token latency in seconds.", kInterTokenLatency);
  MetricFamily& e2e_ =
      page_.histogram("sglang:e2e_request_latency_seconds",
                      "Histogram of End-to-end request latency in seconds", kE2eLatency);
  MetricFamily& prompt_histogram_ = page_.histogram("sglang:prompt_tokens_histogram",
                                                    "Histogram of prompt token length.", kTokens);
  MetricFamily& uncached_histogram_ =
      page_.histogram("sglang:uncached_prompt_tokens_histogram",
                      "Histogram of uncached (compute) prompt token length.", kTokens);
  MetricFamily& generation_histogram_ = page_.histogram(
      "sglang:generation_tokens_histogram", "Histogram of generation token length.", kTokens);
};

}  // namespace

std::unique_ptr<EngineMetrics> make_sglang_metrics(const EngineMetricsOptions& options) {
  return std::make_unique<SglangMetrics>(options);
}

}  // namespace tokenscaler::engine
