// Many streamed completions at once on one thread (libcurl's multi interface).
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"

namespace tokenscaler::engine {

/// What one completion gave, as its client saw it.
struct StreamResult {
  std::uint64_t id = 0;
  int status = 0;          ///< HTTP status; 0: no answer.
  bool connected = false;  ///< Something came back: another try could make the work twice.
  bool timed_out = false;
  bool complete = false;     ///< `data: [DONE]` came.
  std::int64_t tokens = 0;   ///< By the usage event, else the number of events with text.
  SteadyTime first_token{};  ///< Set if tokens > 0.
  SteadyTime last_token{};
  SteadyTime end{};
  std::string error;  ///< libcurl's words, or the beginning of an error body.
};

/// Not for use from several threads.
class StreamClient {
 public:
  explicit StreamClient(const Clock& clock);
  ~StreamClient();
  StreamClient(const StreamClient&) = delete;
  StreamClient& operator=(const StreamClient&) = delete;

  /// Sends `body` to `url`. The answer, whatever it is, comes out of poll() once.
  void start(std::uint64_t id, const std::string& url, std::string body,
             std::chrono::milliseconds timeout);
  /// Moves bytes for at most `wait`; returns what has ended.
  [[nodiscard]] std::vector<StreamResult> poll(std::chrono::milliseconds wait);
  [[nodiscard]] std::size_t active() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tokenscaler::engine
