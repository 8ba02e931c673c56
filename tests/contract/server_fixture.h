// What the server's tests share.
#pragma once

#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "contract/client_fixture.h"
#include "http/server.h"

namespace tokenscaler::contract {

/// Limits short enough for a test; each test states those that it is about.
inline http::ServerOptions test_options() {
  http::ServerOptions options;
  options.limits.linger_timeout = milliseconds(200);
  return options;
}

/// What the server told its owner.
class Reports {
 public:
  [[nodiscard]] std::function<void(const Error&)> sink() {
    return [this](const Error& error) {
      const std::lock_guard lock(mutex_);
      texts_.push_back(error.to_string());
    };
  }
  [[nodiscard]] std::vector<std::string> texts() const {
    const std::lock_guard lock(mutex_);
    return texts_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> texts_;
};

inline std::unique_ptr<http::Server> serve(http::ServerOptions options, http::Handler handler) {
  auto server = http::Server::start(std::move(options), std::move(handler));
  if (!server) throw std::runtime_error(server.error().to_string());
  return std::move(server).value();
}

/// Answers with what arrived: method, target, body.
inline http::Handler echo() {
  return http::answer_with([](const http::Request& request) {
    return http::Response::text(
        200, request.method + " " + request.target + " [" + request.body + "]\n");
  });
}

/// True when `condition` holds within `wait`.
template <class Condition>
bool eventually(Condition condition, milliseconds wait = milliseconds(10'000)) {
  const Stopwatch watch;
  while (!condition()) {
    if (watch.elapsed() > wait) return false;
    pass(milliseconds(5));
  }
  return true;
}

}  // namespace tokenscaler::contract
