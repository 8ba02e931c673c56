// The threads that run handlers. Only lib/http includes this.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "http/exchange.h"
#include "http/server.h"

namespace tokenscaler::http {

/// A part of what all request bodies together may take, held until it goes.
class BodyCharge {
 public:
  BodyCharge() = default;
  /// Takes over `bytes` that `total` has already. `total` outlives it.
  BodyCharge(std::atomic<std::size_t>& total, std::size_t bytes) : total_(&total), bytes_(bytes) {}
  ~BodyCharge() {
    if (total_ != nullptr) total_->fetch_sub(bytes_);
  }
  BodyCharge(BodyCharge&& other) noexcept
      : total_(std::exchange(other.total_, nullptr)), bytes_(other.bytes_) {}
  BodyCharge& operator=(BodyCharge&& other) noexcept {
    std::swap(total_, other.total_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  BodyCharge(const BodyCharge&) = delete;
  BodyCharge& operator=(const BodyCharge&) = delete;

 private:
  std::atomic<std::size_t>* total_ = nullptr;
  std::size_t bytes_ = 0;
};

struct PendingRequest {
  Request request;
  std::shared_ptr<Exchange> exchange;
  /// Its body stays in memory after its connection has gone, and so does the charge.
  BodyCharge body_charge = {};
};

/// A fixed number of threads and a queue with an end.
class WorkerPool {
 public:
  /// `report` hears of exceptions that left the handler; it may be empty.
  WorkerPool(std::size_t threads, std::size_t max_queued, Handler handler,
             std::function<void(const Error&)> report);
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  /// False when the queue is full or the pool stops; the request is then dropped.
  [[nodiscard]] bool submit(PendingRequest pending);
  /// Drops what is queued and waits for the handlers that run.
  void stop();

 private:
  void run(const std::stop_token& stop);
  void serve(PendingRequest pending);

  const std::size_t max_queued_;
  const Handler handler_;
  const std::function<void(const Error&)> report_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  bool stopping_ = false;
  std::deque<PendingRequest> queue_;
  std::vector<std::jthread> threads_;
};

}  // namespace tokenscaler::http
