#include "engine/scheduler.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace tokenscaler::engine {

struct Scheduler::Request {
  RequestId id = 0;
  RequestSpec spec;
  SimTime arrival{};
  SimTime queued{};
  std::optional<SimTime> scheduled;
  std::optional<SimTime> first_token;
  SimTime last_token{};
  std::int64_t computed = 0;  // tokens whose KV entries exist
  std::int64_t generated = 0;
  std::int64_t cached = 0;  // prompt tokens taken from the prefix cache
  std::int64_t blocks = 0;
  std::int64_t preemptions = 0;

  [[nodiscard]] std::int64_t tokens() const { return spec.prompt_tokens + generated; }
  [[nodiscard]] bool decoding() const { return generated > 0 && computed == tokens() - 1; }
};

Scheduler::Scheduler(IterationModel iteration, SchedulerConfig config)
    : iteration_(iteration), config_(config), free_blocks_(config.num_gpu_blocks) {}

Scheduler::~Scheduler() = default;
Scheduler::Scheduler(Scheduler&&) noexcept = default;
Scheduler& Scheduler::operator=(Scheduler&&) noexcept = default;

Result<RequestId> Scheduler::add(const RequestSpec& spec, SimTime now) {
  if (spec.prompt_tokens < 1) return make_error(ErrorCode::Invalid, "the prompt is empty");
  if (spec.max_tokens < 1) return make_error(ErrorCode::Invalid, "max_tokens must be at least 1");
  // Compared without adding, so that a huge number cannot overflow.
  if (spec.prompt_tokens > config_.max_model_len ||
      spec.max_tokens > config_.max_model_len - spec.prompt_tokens) {
    return make_error(
        ErrorCode::Invalid,
        fmt::format("This model's maximum context length is {} tokens. However, you requested {} "
                    "output tokens and your prompt contains {} input tokens",
                    config_.max_model_len, spec.max_tokens, spec.prompt_tokens));
  }
  auto request = std::make_unique<Request>();
  request->id = ++last_id_;
  request->spec = spec;
  request->arrival = now;
  request->queued = now + config_.frontend;
  waiting_.push_back(request.get());
  const RequestId id = request->id;
  requests_.emplace(id, std::move(request));
  return id;
}

bool Scheduler::abort(RequestId id) {
  const auto found = requests_.find(id);
  if (found == requests_.end()) return false;
  Request* const request = found->second.get();
  std::erase(running_, request);
  std::erase(waiting_, request);
  if (step_) {
    std::erase_if(step_->shares, [&](const Share& share) { return share.request == request; });
  }
  release(*request);
  requests_.erase(found);
  return true;
}

std::optional<SimTime> Scheduler::next_start() const {
  if (!running_.empty()) return free_at_;
  if (waiting_.empty()) return std::nullopt;
  return std::max(free_at_, waiting_.front()->queued);
}

std::optional<SimTime> Scheduler::next_event() const {
  return step_ ? std::optional(step_->end) : next_start();
}

std::vector<IterationStats> Scheduler::advance(SimTime now) {
  std::vector<IterationStats> done;
  while (true) {
    if (step_) {
      if (step_->end > now) break;
      done.push_back(complete_step());
    } else {
      const auto start = next_start();
      if (!start || *start > now) break;
      start_step(*start);
    }
  }
  return done;
}

SchedulerState Scheduler::state() const {
  return {.running = static_cast<std::int64_t>(running_.size()),
          .waiting = static_cast<std::int64_t>(waiting_.size()),
          .used_blocks = config_.num_gpu_blocks - free_blocks_,
          .total_blocks = config_.num_gpu_blocks};
}

bool Scheduler::allocate(Request& request, std::int64_t computed_tokens) {
  const std::int64_t blocks = (computed_tokens + config_.block_size - 1) / config_.block_size;
  const std::int64_t wanted = std::max<std::int64_t>(0, blocks - request.blocks);
  if (wanted > free_blocks_) return false;
  free_blocks_ -= wanted;
  request.blocks += wanted;
  return true;
}

void Scheduler::release(Request& request) {
  free_blocks_ += request.blocks;
  request.blocks = 0;
  request.computed = 0;
}

// Preempts from the back of the batch until `request` has its blocks; false if it had to go itself.
bool Scheduler::make_room(Request& request, std::int64_t tokens, IterationStats& stats) {
  while (!allocate(request, request.computed + tokens)) {
    Request* const victim = running_.back();
    running_.pop_back();
    release(*victim);  // recompute later: vLLM V1 has no swap
    ++victim->preemptions;
    ++stats.preemptions;
    waiting_.push_front(victim);
    if (victim == &request) return false;
  }
  return true;
}

void Scheduler::schedule_running(Step& step, std::int64_t& budget) {
  for (std::size_t i = 0; i < running_.size() && budget > 0; ++i) {
    Request& request = *running_[i];
    const std::int64_t tokens = std::min(request.tokens() - request.computed, budget);
    if (!make_room(request, tokens, step.stats)) break;
    budget -= tokens;
    step.shares.push_back({&request, tokens});
  }
}

void Scheduler::schedule_waiting(Step& step, std::int64_t& budget, SimTime now) {
  const auto max_running = static_cast<std::size_t>(config_.max_num_seqs);
  while (!waiting_.empty() && budget > 0 && running_.size() < max_running) {
    Request& request = *waiting_.front();
    if (request.queued > now) break;  // the front end is still busy with it
    std::int64_t hit = 0;
    if (config_.enable_prefix_caching) {
      // Whole blocks only, and at least one token has to be computed to get logits.
      const std::int64_t most = std::min(request.spec.cached_tokens, request.tokens() - 1);
      hit = std::max<std::int64_t>(0, most / config_.block_size * config_.block_size);
      step.stats.prefix_cache_queries += request.tokens();
      step.stats.prefix_cache_hits += hit;
    }
    const std::int64_t tokens = std::min(request.tokens() - hit, budget);
    if (!allocate(request, hit + tokens)) break;
    request.computed = hit;
    if (!request.scheduled) {
      request.scheduled = now;
      request.cached = hit;
    }
    waiting_.pop_front();
    running_.push_back(&request);
    budget -= tokens;
    step.shares.push_back({&request, tokens});
  }
}

void Scheduler::start_step(SimTime now) {
  Step step;
  std::int64_t budget = config_.max_num_batched_tokens;
  schedule_running(step, budget);
  // vLLM admits nobody in a step that had to preempt: they would only fight for the same blocks.
  if (step.stats.preemptions == 0) schedule_waiting(step, budget, now);
  IterationLoad& load = step.stats.load;
  for (const Share& share : step.shares) {
    ++load.sequences;
    if (share.request->decoding()) {
      ++load.decode_tokens;
      load.kv_tokens_read += share.request->computed;
    } else {
      load.prefill_tokens += share.tokens;
    }
  }
  step.stats.duration = iteration_.duration(load);
  step.end = now + step.stats.duration;
  step_ = std::move(step);
}

void Scheduler::take_token(Request& request, IterationStats& stats) {
  const SimTime now = stats.end;
  ++request.generated;
  ++stats.generation_tokens;
  stats.outputs.push_back({request.id, 1, !request.first_token});
  if (!request.first_token) {
    request.first_token = now;
    stats.prompt_tokens += request.spec.prompt_tokens;
    stats.cached_prompt_tokens += request.cached;
    stats.times_to_first_token.push_back(now - request.arrival);
  } else {
    stats.inter_token_latencies.push_back(now - request.last_token);
  }
  request.last_token = now;
}

IterationStats Scheduler::complete_step() {
  Step step = std::move(*step_);
  step_.reset();
  free_at_ = step.end;
  IterationStats& stats = step.stats;
  stats.end = step.end;
  for (const Share& share : step.shares) {
    Request& request = *share.request;
    request.computed += share.tokens;
    if (request.computed < request.tokens()) continue;  // a chunk of a longer prefill
    take_token(request, stats);
    const bool stopped =
        request.spec.stop_after > 0 && request.generated >= request.spec.stop_after;
    if (!stopped && request.generated < request.spec.max_tokens) continue;
    stats.finished.push_back({.id = request.id,
                              .reason = request.generated >= request.spec.max_tokens
                                            ? FinishReason::Length
                                            : FinishReason::Stop,
                              .prompt_tokens = request.spec.prompt_tokens,
                              .cached_tokens = request.cached,
                              .generated_tokens = request.generated,
                              .max_tokens = request.spec.max_tokens,
                              .preemptions = request.preemptions,
                              .streaming = request.spec.streaming,
                              .e2e = stats.end - request.arrival,
                              .queued = *request.scheduled - request.queued,
                              .prefill = *request.first_token - *request.scheduled,
                              .decode = stats.end - *request.first_token,
                              .time_to_first_token = *request.first_token - request.arrival});
    std::erase(running_, &request);
    release(request);
    requests_.erase(request.id);
  }
  return std::move(stats);
}

}  // namespace tokenscaler::engine
