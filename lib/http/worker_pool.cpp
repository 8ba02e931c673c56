#include "http/worker_pool.h"

#include <exception>
#include <optional>
#include <string>
#include <utility>

#include "http/url.h"

namespace tokenscaler::http {

WorkerPool::WorkerPool(std::size_t threads, std::size_t max_queued, Handler handler,
                       std::function<void(const Error&)> report)
    : max_queued_(max_queued), handler_(std::move(handler)), report_(std::move(report)) {
  threads_.reserve(threads);
  for (std::size_t i = 0; i < threads; ++i) {
    threads_.emplace_back([this](const std::stop_token& stop) { run(stop); });
  }
}

WorkerPool::~WorkerPool() {
  stop();
}

bool WorkerPool::submit(PendingRequest pending) {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_ || queue_.size() >= max_queued_) return false;
    queue_.push_back(std::move(pending));
  }
  changed_.notify_one();
  return true;
}

void WorkerPool::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    queue_.clear();
  }
  for (std::jthread& thread : threads_) thread.request_stop();
  threads_.clear();
}

void WorkerPool::run(const std::stop_token& stop) {
  for (;;) {
    std::optional<PendingRequest> pending;
    {
      std::unique_lock lock(mutex_);
      if (!changed_.wait(lock, stop, [&] { return !queue_.empty(); })) return;
      pending = std::move(queue_.front());
      queue_.pop_front();
    }
    // Else its deadline passed in the queue: an answer that nobody gets must not cost handler time.
    if (!pending->exchange->detached()) serve(std::move(*pending));
  }
}

void WorkerPool::serve(PendingRequest pending) {
  const std::string where = pending.request.method + " " + redacted_url(pending.request.target);
  std::string reason;
  try {
    handler_(std::move(pending.request), Responder(std::move(pending.exchange)));
    return;
  } catch (const std::exception& exception) {
    reason = exception.what();
  } catch (...) {
    reason = "not a std::exception";
  }
  if (report_) {
    report_(make_error(ErrorCode::Internal, "a handler threw: " + printable(reason)).at(where));
  }
}

}  // namespace tokenscaler::http
