#include "cases/engine_pages.h"

#include <string>

namespace tokenscaler::e2e {

namespace {

/// One rank's part of the engine: the load and the sums are shared evenly.
struct Rank {
  Labels labels;
  double share = 1.0;
  double kv_cache_usage = 0.0;
};

class PageWriter {
 public:
  PageWriter(const EngineIdentity& identity, const EngineLoad& load, const EngineTotals& totals,
             ExpositionText& page)
      : identity_(identity), load_(load), totals_(totals), page_(page) {}

  void vllm(bool v1_names, bool v0_names) {
    add_data_parallel_ranks(v1_names);
    gauge("vllm:num_requests_running", load_.running_requests);
    gauge("vllm:num_requests_waiting", totals_.waiting_requests);
    if (v1_names) kv_cache_gauge("vllm:kv_cache_usage_perc");
    if (v0_names) kv_cache_gauge("vllm:gpu_cache_usage_perc");
    if (!totals_.born) return;
    counter("vllm:prompt_tokens_total", totals_.prompt_tokens);
    counter("vllm:generation_tokens_total", totals_.generation_tokens);
    // What is looked up in the cache is prompt tokens, what is found there is cached ones.
    if (v1_names) {
      counter("vllm:prefix_cache_queries_total", totals_.prompt_tokens);
      counter("vllm:prefix_cache_hits_total", totals_.cached_prompt_tokens);
    }
    if (v0_names) {
      counter("vllm:gpu_prefix_cache_queries_total", totals_.prompt_tokens);
      counter("vllm:gpu_prefix_cache_hits_total", totals_.cached_prompt_tokens);
    }
    finished_by_reason();
    const double finished = totals_.finished_requests;
    histogram("vllm:request_prompt_tokens", totals_.prompt_tokens, finished);
    histogram("vllm:request_generation_tokens", totals_.generation_tokens, finished);
    histogram("vllm:time_to_first_token_seconds", finished * load_.time_to_first_token_seconds,
              finished);
    const double gaps = totals_.generation_tokens;
    const double gap_seconds = gaps * load_.time_per_output_token_seconds;
    if (v1_names) histogram("vllm:inter_token_latency_seconds", gap_seconds, gaps);
    if (v0_names) histogram("vllm:time_per_output_token_seconds", gap_seconds, gaps);
  }

  void sglang() {
    for (int rank = 0; rank < identity_.tensor_parallel_ranks; ++rank) {
      ranks_.push_back({.labels = {{"model_name", identity_.model},
                                   {"engine_type", "unified"},
                                   {"tp_rank", std::to_string(rank)},
                                   {"pp_rank", "0"}},
                        .share = 1.0,
                        .kv_cache_usage = load_.kv_cache_usage});
    }
    gauge("sglang:num_running_reqs", load_.running_requests);
    gauge("sglang:num_queue_reqs", totals_.waiting_requests);
    kv_cache_gauge("sglang:token_usage");
    if (!totals_.born) return;
    const double finished = totals_.finished_requests;
    counter("sglang:prompt_tokens_total", totals_.prompt_tokens);
    counter("sglang:generation_tokens_total", totals_.generation_tokens);
    counter("sglang:cached_tokens_total", totals_.cached_prompt_tokens);
    counter("sglang:num_requests_total", finished);
    histogram("sglang:time_to_first_token_seconds", finished * load_.time_to_first_token_seconds,
              finished);
    histogram("sglang:inter_token_latency_seconds",
              totals_.generation_tokens * load_.time_per_output_token_seconds,
              totals_.generation_tokens);
  }

  /// TGI has no series before the first request and no model label.
  void tgi() {
    if (!totals_.born) return;
    ranks_.push_back({.labels = {}, .share = 1.0, .kv_cache_usage = 0.0});
    gauge("tgi_batch_current_size", load_.running_requests);
    gauge("tgi_queue_size", totals_.waiting_requests);
    const double finished = totals_.finished_requests;
    histogram("tgi_request_input_length", totals_.prompt_tokens, finished);
    histogram("tgi_request_generated_tokens", totals_.generation_tokens, finished);
    histogram("tgi_request_mean_time_per_token_duration",
              finished * load_.time_per_output_token_seconds, finished);
    page_.family("tgi_request_success", "counter");
    page_.sample("", {{"method", "generate"}}, finished);
  }

 private:
  void add_data_parallel_ranks(bool engine_label) {
    std::vector<double> usages = identity_.rank_kv_cache_usage;
    if (usages.empty()) usages.push_back(load_.kv_cache_usage);
    for (std::size_t i = 0; i < usages.size(); ++i) {
      Labels labels{{"model_name", identity_.model}};
      if (engine_label) labels.emplace_back("engine", std::to_string(i));
      ranks_.push_back({.labels = std::move(labels),
                        .share = 1.0 / static_cast<double>(usages.size()),
                        .kv_cache_usage = usages[i]});
    }
  }

  void gauge(std::string_view name, double value) {
    page_.family(name, "gauge");
    for (const Rank& rank : ranks_) page_.sample("", rank.labels, value * rank.share);
  }

  void kv_cache_gauge(std::string_view name) {
    page_.family(name, "gauge");
    for (const Rank& rank : ranks_) page_.sample("", rank.labels, rank.kv_cache_usage);
  }

  void counter(std::string_view name, double value) {
    page_.family(name, "counter");
    for (const Rank& rank : ranks_) page_.sample("", rank.labels, value * rank.share);
  }

  /// One series for each way to finish; they have to be added up.
  void finished_by_reason() {
    constexpr double kStopped = 0.75;
    page_.family("vllm:request_success_total", "counter");
    for (const Rank& rank : ranks_) {
      const double finished = totals_.finished_requests * rank.share;
      Labels labels = rank.labels;
      labels.emplace_back("finished_reason", "stop");
      page_.sample("", labels, finished * kStopped);
      labels.back().second = "length";
      page_.sample("", labels, finished * (1.0 - kStopped));
    }
  }

  void histogram(std::string_view name, double sum, double count) {
    page_.family(name, "histogram");
    for (const Rank& rank : ranks_) {
      Labels labels = rank.labels;
      labels.emplace_back("le", "+Inf");
      page_.sample("_bucket", labels, count * rank.share);
      page_.sample("_sum", rank.labels, sum * rank.share);
      page_.sample("_count", rank.labels, count * rank.share);
    }
  }

  const EngineIdentity& identity_;
  const EngineLoad& load_;
  const EngineTotals& totals_;
  ExpositionText& page_;
  std::vector<Rank> ranks_;
};

}  // namespace

void write_engine_page(const EngineIdentity& identity, const EngineLoad& load,
                       const EngineTotals& totals, ExpositionText& page) {
  PageWriter writer(identity, load, totals, page);
  switch (identity.names) {
    case EngineNames::VllmV1:
      return writer.vllm(true, false);
    case EngineNames::VllmV0:
      return writer.vllm(false, true);
    case EngineNames::VllmBothNames:
      return writer.vllm(true, true);
    case EngineNames::Sglang:
      return writer.sglang();
    case EngineNames::Tgi:
      return writer.tgi();
  }
}

}  // namespace tokenscaler::e2e
