// The threads that run handlers. Only lib/http includes this.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "http/exchange.h"
#include "http/server.h"

namespace tokenscaler::http {

struct PendingRequest {
  Request request;
  std::shared_ptr<Exchange> exchange;
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
