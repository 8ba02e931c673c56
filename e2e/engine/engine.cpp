#include "engine/engine.h"

#include <algorithm>

namespace tokenscaler::engine {

Engine::Engine(EngineOptions options, const Clock& clock)
    : options_(std::move(options)),
      clock_(clock),
      start_(clock.steady()),
      metrics_(
          make_engine_metrics(options_.dialect, {.model_name = options_.model_name,
                                                 .data_parallel_size = options_.data_parallel_size,
                                                 .scheduler = options_.scheduler,
                                                 .started = clock.wall()})) {
  for (std::size_t i = 0; i < options_.data_parallel_size; ++i) {
    ranks_.emplace_back(options_.iteration, options_.scheduler);
  }
  driver_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

Engine::~Engine() = default;

SimTime Engine::now() const {
  return SimTime(clock_.steady() - start_) * options_.speed;
}

SteadyTime Engine::when(SimTime time) const {
  // Rounded up, so that the iteration has ended when we wake.
  return start_ + std::chrono::ceil<SteadyTime::duration>(time / options_.speed);
}

std::size_t Engine::least_loaded_rank() const {
  // vLLM's data-parallel balancer: waiting requests weigh four times as much as running ones.
  const auto load = [](const Scheduler& rank) {
    return rank.state().waiting * 4 + rank.state().running;
  };
  const auto least =
      std::min_element(ranks_.begin(), ranks_.end(),
                       [&](const Scheduler& a, const Scheduler& b) { return load(a) < load(b); });
  return static_cast<std::size_t>(least - ranks_.begin());
}

Result<Engine::Handle> Engine::submit(const RequestSpec& spec, ProgressSink sink) {
  Handle handle;
  {
    const std::scoped_lock lock(mutex_);
    advance();
    metrics_->record_arrival(spec);
    handle.rank = least_loaded_rank();
    ASSIGN_OR_RETURN(handle.id, ranks_[handle.rank].add(spec, now()));
    metrics_->record_state(handle.rank, ranks_[handle.rank].state());
    sinks_.emplace(handle, std::make_shared<const ProgressSink>(std::move(sink)));
  }
  changed_.notify_all();
  return handle;
}

bool Engine::abort(const Handle& handle) {
  std::shared_ptr<const ProgressSink> dropped;  // destroyed after the lock: it may own anything
  const std::scoped_lock lock(mutex_);
  advance();
  const auto sink = sinks_.find(handle);
  if (sink == sinks_.end() || !ranks_[handle.rank].abort(handle.id)) return false;
  dropped = std::move(sink->second);
  sinks_.erase(sink);
  undelivered_.erase(handle);
  metrics_->record_abort(handle.rank);
  metrics_->record_state(handle.rank, ranks_[handle.rank].state());
  return true;
}

std::string Engine::metrics_text() {
  const std::scoped_lock lock(mutex_);
  advance();  // a scrape sees everything up to now, delivered or not
  return metrics_->text();
}

std::size_t Engine::in_flight() const {
  const std::scoped_lock lock(mutex_);
  return sinks_.size();
}

std::optional<SimTime> Engine::next_event() const {
  std::optional<SimTime> next;
  for (const Scheduler& rank : ranks_) {
    const auto event = rank.next_event();
    if (event && (!next || *event < *next)) next = event;
  }
  return next;
}

void Engine::advance() {
  const SimTime until = now();
  for (std::size_t rank = 0; rank < ranks_.size(); ++rank) {
    const std::vector<IterationStats> iterations = ranks_[rank].advance(until);
    for (const IterationStats& stats : iterations) {
      metrics_->record_iteration(rank, stats);
      for (const TokenOutput& output : stats.outputs) {
        const Handle handle{rank, output.id};
        const auto sink = sinks_.find(handle);
        if (sink == sinks_.end()) continue;
        Delivery& delivery = undelivered_[handle];
        delivery.first = sink->second;
        delivery.second.tokens += output.tokens;
        delivery.second.first = delivery.second.first || output.first;
      }
      for (const FinishedRequest& finished : stats.finished) {
        undelivered_[{rank, finished.id}].second.finished = finished;
      }
    }
    if (!iterations.empty()) metrics_->record_state(rank, ranks_[rank].state());
  }
}

void Engine::run(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    const auto next = next_event();
    if (undelivered_.empty() && !next) {
      changed_.wait(lock, stop, [&] { return next_event().has_value(); });
      continue;
    }
    if (undelivered_.empty()) {
      // A request that arrives meanwhile can only add a later event or start an idle rank sooner.
      changed_.wait_until(lock, stop, when(*next),
                          [&] { return !undelivered_.empty() || next_event() < next; });
      advance();
      if (undelivered_.empty()) continue;
    }
    std::map<Handle, Delivery> batch = std::exchange(undelivered_, {});
    lock.unlock();
    for (const auto& [handle, delivery] : batch) {
      if (delivery.first) (*delivery.first)(delivery.second);
    }
    lock.lock();
    for (const auto& [handle, delivery] : batch) {
      if (delivery.second.finished) sinks_.erase(handle);
    }
    lock.unlock();
    batch.clear();  // outside the lock: sinks may own anything
    const SteadyTime again = clock_.steady() + options_.delivery_interval;
    lock.lock();
    changed_.wait_until(lock, stop, again, [] { return false; });
    advance();
  }
}

}  // namespace tokenscaler::engine
