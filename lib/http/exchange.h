// One request on its way to an answer: shared by the connection (io threads) and whoever answers.
// Only lib/http includes this.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "http/server.h"

namespace tokenscaler::http {

struct StreamHead {
  int status = 200;
  Headers headers;
};

/// The handler's side puts an answer in, the connection's side takes it out. After detach() nothing
/// is put in any more, so the connection, its server and its io threads may go.
class Exchange {
 public:
  /// What came since the last take().
  struct News {
    std::optional<Response> response;
    std::optional<StreamHead> head;
    std::string bytes;
    bool finished = false;   ///< Nothing follows `bytes`, and the response is whole.
    bool abandoned = false;  ///< Nothing follows `bytes`, and the response is not whole.
  };

  /// `wake` tells the connection that take() has news; it is called with a lock held and must only
  /// post.
  Exchange(std::function<void()> wake, std::size_t stream_buffer_bytes);

  // The connection's side.
  [[nodiscard]] News take();
  /// The bytes of the last take() are with the kernel.
  void sent();
  /// The client closed its side. A whole response may still reach it; a stream ends.
  void client_closed();
  /// Nothing of this exchange can reach the client any more.
  void detach();

  // The handler's side.
  void respond(Response response);
  void begin_stream(StreamHead head);
  [[nodiscard]] ResponseStream::Write write(std::string_view bytes);
  [[nodiscard]] bool write_waiting(std::string_view bytes, const std::stop_token& stop);
  void finish();
  void abandon();
  /// No part of a stream can reach the client.
  [[nodiscard]] bool gone() const;
  /// No answer of any kind can.
  [[nodiscard]] bool detached() const;
  [[nodiscard]] std::stop_token stop_token() const { return stop_.get_token(); }
  [[nodiscard]] std::size_t buffered_bytes() const;

 private:
  void wake_locked();
  ResponseStream::Write write_locked(std::string_view bytes);

  const std::size_t stream_buffer_bytes_;
  std::stop_source stop_;
  mutable std::mutex mutex_;
  std::condition_variable_any room_;
  std::function<void()> wake_;  ///< Empty after detach().
  bool woken_ = false;
  bool answered_ = false;
  bool ended_ = false;  ///< finish() or abandon() was called.
  bool client_closed_ = false;
  std::size_t in_flight_bytes_ = 0;
  News news_;
};

}  // namespace tokenscaler::http
