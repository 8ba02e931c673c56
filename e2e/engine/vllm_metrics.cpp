// vLLM V1 (>= 0.18 or so): vllm/v1/metrics/loggers.py, class PrometheusStatLogger. Every labelled
// child is made in its constructor, so all series exist at zero from the start.
#include <utility>

#include "engine/engine_metrics.h"
#include "engine/exposition.h"

namespace tokenscaler::engine {

namespace {

const std::vector<double> kTimeToFirstToken = {0.001, 0.005, 0.01, 0.02,  0.04,  0.06,  0.08, 0.1,
                                               0.25,  0.5,   0.75, 1.0,   2.5,   5.0,   7.5,  10.0,
                                               20.0,  40.0,  80.0, 160.0, 640.0, 2560.0};
const std::vector<double> kPerToken = {0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2,  0.3,  0.4, 0.5,
                                       0.75, 1.0,   2.5,  5.0,   7.5, 10.0, 20.0, 40.0, 80.0};
const std::vector<double> kRequestLatency = {0.3,  0.5,   0.8,   1.0,   1.5,   2.0,    2.5,
                                             5.0,  10.0,  15.0,  20.0,  30.0,  40.0,   50.0,
                                             60.0, 120.0, 240.0, 480.0, 960.0, 1920.0, 7680.0};
const std::vector<double> kIterationTokens = {1,   8,    16,   32,   64,   128,  256,
                                              512, 1024, 2048, 4096, 8192, 16384};
const std::vector<double> kRequestN = {1, 2, 5, 10, 20};

// FinishReason of vllm/v1/engine/__init__.py.
constexpr std::string_view kFinishReasons[] = {"stop", "length", "abort", "error", "repetition"};
// PromptTokenStats.ALL_SOURCES of vllm/v1/metrics/stats.py.
constexpr std::string_view kSources[] = {"local_compute", "local_cache_hit",
                                         "external_kv_transfer"};

// The handles of one data-parallel rank.
struct Rank {
  Labels labels;
  Series *running, *waiting, *waiting_capacity, *waiting_deferred, *kv_usage;
  Series *queries, *hits, *preemptions, *prompt, *computed, *cache_hit, *cached, *recomputed;
  Series *generation, *success_stop, *success_length;
  Series *request_prompt, *request_generation, *iteration_tokens, *max_generation, *n, *max_tokens;
  Series *ttft, *itl, *request_tpot, *e2e, *queue, *inference, *prefill, *decode, *kv_computed;
};

class VllmMetrics final : public EngineMetrics {
 public:
  explicit VllmMetrics(const EngineMetricsOptions& options)
      : page_(ExpositionStyle::Python, options.started) {
    for (std::size_t i = 0; i < options.data_parallel_size; ++i) {
      ranks_.push_back({});
      ranks_.back().labels = {{"engine", std::to_string(i)}, {"model_name", options.model_name}};
    }
    add_scheduler_state();
    add_counters();
    add_token_histograms(options.scheduler.max_model_len);
    add_time_histograms(options.scheduler.max_model_len);
    add_cache_config(options.scheduler);
  }

  void record_arrival(const RequestSpec&) override {}
  void record_abort(std::size_t) override {}  // the output of an aborted request is dropped unseen

  void record_iteration(std::size_t index, const IterationStats& stats) override {
    Rank& rank = ranks_.at(index);
    rank.queries->add(static_cast<double>(stats.prefix_cache_queries));
    rank.hits->add(static_cast<double>(stats.prefix_cache_hits));
    rank.preemptions->add(static_cast<double>(stats.preemptions));
    rank.prompt->add(static_cast<double>(stats.prompt_tokens));
    rank.computed->add(static_cast<double>(stats.prompt_tokens - stats.cached_prompt_tokens));
    rank.cache_hit->add(static_cast<double>(stats.cached_prompt_tokens));
    rank.cached->add(static_cast<double>(stats.cached_prompt_tokens));
    rank.generation->add(static_cast<double>(stats.generation_tokens));
    rank.iteration_tokens->observe(
        static_cast<double>(stats.prompt_tokens + stats.generation_tokens));
    for (const Seconds value : stats.times_to_first_token) rank.ttft->observe(value.count());
    for (const Seconds value : stats.inter_token_latencies) rank.itl->observe(value.count());
    for (const FinishedRequest& request : stats.finished) record_finished(rank, request);
  }

  void record_state(std::size_t index, const SchedulerState& state) override {
    Rank& rank = ranks_.at(index);
    rank.running->set(static_cast<double>(state.running));
    rank.waiting->set(static_cast<double>(state.waiting));
    rank.waiting_capacity->set(static_cast<double>(state.waiting));
    rank.kv_usage->set(state.kv_cache_usage());
  }

  [[nodiscard]] std::string text() const override { return page_.text(); }

 private:
  static void record_finished(Rank& rank, const FinishedRequest& request) {
    (request.reason == FinishReason::Stop ? rank.success_stop : rank.success_length)->add(1);
    rank.e2e->observe(request.e2e.count());
    rank.queue->observe(request.queued.count());
    rank.prefill->observe(request.prefill.count());
    rank.inference->observe((request.prefill + request.decode).count());
    rank.decode->observe(request.decode.count());
    rank.kv_computed->observe(static_cast<double>(request.prompt_tokens - request.cached_tokens));
    rank.request_prompt->observe(static_cast<double>(request.prompt_tokens));
    rank.request_generation->observe(static_cast<double>(request.generated_tokens));
    rank.max_generation->observe(static_cast<double>(request.generated_tokens));
    rank.n->observe(1);
    rank.max_tokens->observe(static_cast<double>(request.max_tokens));
    rank.request_tpot->observe(request.generated_tokens > 1
                                   ? request.decode.count() /
                                         static_cast<double>(request.generated_tokens - 1)
                                   : 0.0);
  }

  // `member` of every rank becomes its series in `family`, with the extra label if there is one.
  void bind(MetricFamily& family, Series* Rank::*member, std::string_view extra_name = {},
            std::string_view extra_value = {}) {
    for (Rank& rank : ranks_) rank.*member = &family.with(labels(rank, extra_name, extra_value));
  }

  static Labels labels(const Rank& rank, std::string_view extra_name,
                       std::string_view extra_value) {
    Labels out = rank.labels;
    if (!extra_name.empty()) {
      // The Python client writes labels in alphabetical order.
      const auto place = extra_name < out[1].first ? out.begin() + 1 : out.end();
      out.emplace(place, extra_name, extra_value);
    }
    return out;
  }

  void add_scheduler_state() {
    bind(page_.gauge("vllm:num_requests_running", "Number of requests in model execution batches."),
         &Rank::running);
    bind(page_.gauge("vllm:num_requests_waiting", "Number of requests waiting to be processed."),
         &Rank::waiting);
    MetricFamily& by_reason = page_.gauge(
        "vllm:num_requests_waiting_by_reason",
        "Number of waiting requests by reason. Reason labels: 'capacity' = waiting for scheduling "
        "capacity; 'deferred' = deferred by transient constraints (LoRA budget, KV transfer, "
        "blocked status). ");
    bind(by_reason, &Rank::waiting_capacity, "reason", "capacity");
    bind(by_reason, &Rank::waiting_deferred, "reason", "deferred");
    MetricFamily& sleep = page_.gauge(
        "vllm:engine_sleep_state",
        "Engine sleep state; awake = 0 means engine is sleeping; awake = 1 means engine is awake; "
        "weights_offloaded = 1 means sleep level 1; discard_all = 1 means sleep level 2.");
    for (const Rank& rank : ranks_) {
      sleep.with(labels(rank, "sleep_state", "awake")).set(1);
      sleep.with(labels(rank, "sleep_state", "weights_offloaded")).set(0);
      sleep.with(labels(rank, "sleep_state", "discard_all")).set(0);
    }
    bind(page_.gauge("vllm:kv_cache_usage_perc", "KV-cache usage. 1 means 100 percent usage."),
         &Rank::kv_usage);
  }

  void add_counters() {
    bind(page_.counter("vllm:prefix_cache_queries_total",
                       "Prefix cache queries, in terms of number of queried tokens."),
         &Rank::queries);
    bind(page_.counter("vllm:prefix_cache_hits_total",
                       "Prefix cache hits, in terms of number of cached tokens."),
         &Rank::hits);
    bind(page_.counter("vllm:num_preemptions_total",
                       "Cumulative number of preemption from the engine."),
         &Rank::preemptions);
    bind(page_.counter("vllm:prompt_tokens_total", "Number of prefill tokens processed."),
         &Rank::prompt);
    MetricFamily& by_source =
        page_.counter("vllm:prompt_tokens_by_source_total", "Number of prompt tokens by source.");
    bind(by_source, &Rank::computed, "source", kSources[0]);
    bind(by_source, &Rank::cache_hit, "source", kSources[1]);
    for (const Rank& rank : ranks_) by_source.with(labels(rank, "source", kSources[2]));
    bind(page_.counter("vllm:prompt_tokens_cached_total",
                       "Number of cached prompt tokens (local + external)."),
         &Rank::cached);
    bind(page_.counter("vllm:prompt_tokens_recomputed_total",
                       "Number of cached tokens recomputed for forward pass."),
         &Rank::recomputed);
    bind(page_.counter("vllm:generation_tokens_total", "Number of generation tokens processed."),
         &Rank::generation);
    MetricFamily& success =
        page_.counter("vllm:request_success_total", "Count of successfully processed requests.");
    for (const std::string_view reason : kFinishReasons) {
      for (const Rank& rank : ranks_) success.with(labels(rank, "finished_reason", reason));
    }
    bind(success, &Rank::success_stop, "finished_reason", "stop");
    bind(success, &Rank::success_length, "finished_reason", "length");
  }

  void add_token_histograms(std::int64_t max_model_len) {
    const std::vector<double> tokens = buckets_1_2_5(max_model_len);
    bind(page_.histogram("vllm:request_prompt_tokens", "Number of prefill tokens processed.",
                         tokens),
         &Rank::request_prompt);
    bind(page_.histogram("vllm:request_generation_tokens", "Number of generation tokens processed.",
                         tokens),
         &Rank::request_generation);
    bind(page_.histogram("vllm:iteration_tokens_total",
                         "Histogram of number of tokens per engine_step.", kIterationTokens),
         &Rank::iteration_tokens);
    bind(page_.histogram("vllm:request_max_num_generation_tokens",
                         "Histogram of maximum number of requested generation tokens.", tokens),
         &Rank::max_generation);
    bind(page_.histogram("vllm:request_params_n", "Histogram of the n request parameter.",
                         kRequestN),
         &Rank::n);
    bind(page_.histogram("vllm:request_params_max_tokens",
                         "Histogram of the max_tokens request parameter.", tokens),
         &Rank::max_tokens);
  }

  void add_time_histograms(std::int64_t max_model_len) {
    bind(page_.histogram("vllm:time_to_first_token_seconds",
                         "Histogram of time to first token in seconds.", kTimeToFirstToken),
         &Rank::ttft);
    bind(page_.histogram("vllm:inter_token_latency_seconds",
                         "Histogram of inter-token latency in seconds.", kPerToken),
         &Rank::itl);
    bind(page_.histogram("vllm:request_time_per_output_token_seconds",
                         "Histogram of time_per_output_token_seconds per request.", kPerToken),
         &Rank::request_tpot);
    bind(page_.histogram("vllm:e2e_request_latency_seconds",
                         "Histogram of e2e request latency in seconds.", kRequestLatency),
         &Rank::e2e);
    bind(page_.histogram("vllm:request_queue_time_seconds",
                         "Histogram of time spent in WAITING phase for request.", kRequestLatency),
         &Rank::queue);
    bind(page_.histogram("vllm:request_inference_time_seconds",
                         "Histogram of time spent in RUNNING phase for request.", kRequestLatency),
         &Rank::inference);
    bind(page_.histogram("vllm:request_prefill_time_seconds",
                         "Histogram of time spent in PREFILL phase for request.", kRequestLatency),
         &Rank::prefill);
    bind(page_.histogram("vllm:request_decode_time_seconds",
                         "Histogram of time spent in DECODE phase for request.", kRequestLatency),
         &Rank::decode);
    bind(page_.histogram(
             "vllm:request_prefill_kv_computed_tokens",
             "Histogram of new KV tokens computed during prefill (excluding cached tokens).",
             buckets_1_2_5(max_model_len)),
         &Rank::kv_computed);
  }

  // The fields of vLLM's CacheConfig that say something here; the real one has a dozen more.
  void add_cache_config(const SchedulerConfig& config) {
    MetricFamily& info =
        page_.gauge("vllm:cache_config_info", "Information of the LLMEngine CacheConfig");
    for (const Rank& rank : ranks_) {
      info.with({{"block_size", std::to_string(config.block_size)},
                 {"cache_dtype", "auto"},
                 {"enable_prefix_caching", config.enable_prefix_caching ? "True" : "False"},
                 {"engine", rank.labels[0].second},
                 {"gpu_memory_utilization", "0.9"},
                 {"num_gpu_blocks", std::to_string(config.num_gpu_blocks)},
                 {"num_gpu_blocks_override", "None"}})
          .set(1);
    }
  }

  MetricPage page_;
  std::vector<Rank> ranks_;
};

}  // namespace

std::unique_ptr<EngineMetrics> make_vllm_metrics(const EngineMetricsOptions& options) {
  return std::make_unique<VllmMetrics>(options);
}

}  // namespace tokenscaler::engine
