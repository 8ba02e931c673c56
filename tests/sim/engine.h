// A small model of an LLM engine: a queue, chunked prefill, continuous batching, and the counters
// and gauges that such an engine shows. One step is one second.
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

namespace tokenscaler::sim {

struct Request {
  double prompt_tokens = 0.0;
  double generation_tokens = 0.0;
};

/// What an engine can do.
struct EngineSpeed {
  double prefill_tokens_per_second = 8000.0;
  double decode_tokens_per_second = 1000.0;
  double decode_tokens_per_second_per_request = 50.0;
  std::size_t batch = 64;
};

/// Cumulative counters, absent before the first request, and gauges.
struct EngineMetrics {
  double prompt_tokens = 0.0;
  double generation_tokens = 0.0;
  double finished_requests = 0.0;
  double finished_prompt_tokens = 0.0;  ///< Sums of the length histograms.
  double finished_generation_tokens = 0.0;
  double time_to_first_token_seconds = 0.0;  ///< Sum over finished requests.
  bool counters_born = false;
  double running = 0.0;
  double waiting = 0.0;
  double kv_cache_usage = 0.0;
};

class Engine {
 public:
  /// `counts_at_finish`: as SGLang, tokens are counted only when a request ends.
  Engine(EngineSpeed speed, bool counts_at_finish)
      : speed_(speed), counts_at_finish_(counts_at_finish) {}

  void submit(Request request);
  void step();
  /// A new process: counters are gone, and what was in flight comes back to be sent again.
  std::vector<Request> restart();

  [[nodiscard]] const EngineMetrics& metrics() const { return metrics_; }
  [[nodiscard]] std::size_t in_flight() const { return queue_.size() + running_.size(); }

 private:
  struct InFlight {
    Request request;
    double prefill_left = 0.0;
    double generated = 0.0;
    std::int64_t submitted_at = 0;  ///< In steps.
    double first_token_after = 0.0;
  };
  void prefill();
  void decode();
  void finish(const InFlight& done);

  EngineSpeed speed_;
  bool counts_at_finish_;
  std::int64_t now_ = 0;  ///< Steps done.
  std::deque<InFlight> queue_;
  std::vector<InFlight> running_;
  EngineMetrics metrics_;
};

}  // namespace tokenscaler::sim
