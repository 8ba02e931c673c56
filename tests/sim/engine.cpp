#include "sim/engine.h"

#include <algorithm>

namespace tokenscaler::sim {

void Engine::submit(Request request) {
  InFlight entry;
  entry.request = request;
  entry.prefill_left = request.prompt_tokens;
  entry.submitted_at = now_;
  queue_.push_back(entry);
  metrics_.waiting = static_cast<double>(queue_.size());
}

void Engine::step() {
  ++now_;
  while (!queue_.empty() && running_.size() < speed_.batch) {
    running_.push_back(queue_.front());
    queue_.pop_front();
  }
  prefill();
  decode();
  metrics_.running = static_cast<double>(running_.size());
  metrics_.waiting = static_cast<double>(queue_.size());
  metrics_.kv_cache_usage = 0.8 * metrics_.running / static_cast<double>(speed_.batch);
}

void Engine::prefill() {
  double budget = speed_.prefill_tokens_per_second;
  for (InFlight& request : running_) {
    if (request.prefill_left <= 0.0) continue;
    const double done = std::min(budget, request.prefill_left);
    request.prefill_left -= done;
    budget -= done;
    if (request.prefill_left > 0.0) continue;
    request.first_token_after = static_cast<double>(now_ - request.submitted_at);
    if (!counts_at_finish_) {
      metrics_.prompt_tokens += request.request.prompt_tokens;
      metrics_.counters_born = true;
    }
  }
}

void Engine::decode() {
  const auto decoding = std::count_if(running_.begin(), running_.end(),
                                      [](const InFlight& r) { return r.prefill_left <= 0.0; });
  if (decoding == 0) return;
  const double each = std::min(speed_.decode_tokens_per_second_per_request,
                               speed_.decode_tokens_per_second / static_cast<double>(decoding));
  std::size_t kept = 0;
  for (InFlight& request : running_) {
    bool done = false;
    if (request.prefill_left <= 0.0) {
      const double tokens = std::min(each, request.request.generation_tokens - request.generated);
      request.generated += tokens;
      if (!counts_at_finish_) metrics_.generation_tokens += tokens;
      done = request.generated >= request.request.generation_tokens;
    }
    if (done) {
      finish(request);
    } else {
      running_[kept++] = request;
    }
  }
  running_.resize(kept);
}

void Engine::finish(const InFlight& done) {
  metrics_.counters_born = true;
  metrics_.finished_requests += 1.0;
  metrics_.finished_prompt_tokens += done.request.prompt_tokens;
  metrics_.finished_generation_tokens += done.request.generation_tokens;
  metrics_.time_to_first_token_seconds += done.first_token_after;
  if (counts_at_finish_) {
    metrics_.prompt_tokens += done.request.prompt_tokens;
    metrics_.generation_tokens += done.request.generation_tokens;
  }
}

std::vector<Request> Engine::restart() {
  std::vector<Request> lost;
  for (const InFlight& request : running_) lost.push_back(request.request);
  for (const InFlight& request : queue_) lost.push_back(request.request);
  running_.clear();
  queue_.clear();
  metrics_ = {};
  return lost;
}

}  // namespace tokenscaler::sim
