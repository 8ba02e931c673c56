// Sockets without an HTTP library: peers that send any bytes they like, at any pace.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <mutex>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>

namespace tokenscaler::contract {

using std::chrono::milliseconds;

/// A connected TCP socket. Every wait has an end.
class RawSocket {
 public:
  explicit RawSocket(int fd) : fd_(fd) {}
  ~RawSocket();
  RawSocket(RawSocket&& other) noexcept;
  RawSocket(const RawSocket&) = delete;
  RawSocket& operator=(const RawSocket&) = delete;
  RawSocket& operator=(RawSocket&&) = delete;

  /// Connects to a loopback address. `receive_buffer` bytes of kernel buffer, 0 for the default.
  [[nodiscard]] static RawSocket connect(std::uint16_t port, const char* host = "127.0.0.1",
                                         int receive_buffer = 0);

  [[nodiscard]] bool connected() const { return fd_ >= 0; }
  /// False when the peer has closed or does not read for `wait`.
  bool send(std::string_view bytes, milliseconds wait = milliseconds(5'000)) const;
  /// What comes within `wait`: at most `max` bytes; empty at the end or on time-out.
  [[nodiscard]] std::string receive(milliseconds wait = milliseconds(5'000),
                                    std::size_t max = 64U * 1024U) const;
  /// Reads until `text` was seen, the end, or `wait` in all.
  [[nodiscard]] std::string receive_until(std::string_view text,
                                          milliseconds wait = milliseconds(5'000)) const;
  /// Reads until the peer closes or `wait` in all.
  [[nodiscard]] std::string receive_all(milliseconds wait = milliseconds(5'000)) const;
  enum class End { None, Closed, Reset };
  /// How the peer ended the connection within `wait`; drops what comes before.
  [[nodiscard]] End end_within(milliseconds wait) const;
  /// True when the peer closed (or reset) within `wait`; drops what comes before.
  [[nodiscard]] bool closed_within(milliseconds wait) const {
    return end_within(wait) != End::None;
  }
  void finish_sending() const;
  void close();
  /// Closes with RST.
  void reset();

 private:
  int fd_ = -1;
};

/// Accepts on a loopback port and runs `script` on each connection, on a thread of its own, until
/// it ends. `stop` asks scripts without end to end.
class RawServer {
 public:
  using Script = std::function<void(RawSocket& socket, const std::stop_token& stop)>;

  explicit RawServer(Script script, const char* host = "127.0.0.1");
  ~RawServer();
  RawServer(const RawServer&) = delete;
  RawServer& operator=(const RawServer&) = delete;

  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] std::string url() const;
  [[nodiscard]] int accepted() const { return accepted_; }

 private:
  const Script script_;
  const bool v6_;
  int fd_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<int> accepted_{0};
  std::mutex mutex_;
  std::list<std::jthread> scripts_;
  std::jthread acceptor_;
};

/// A script: reads one request's head, then sends `answer` and closes.
[[nodiscard]] RawServer::Script answer_once(std::string answer);

/// Sends `bytes` again and again until the peer goes or `total` bytes are sent. Returns the bytes
/// sent.
std::size_t flood(RawSocket& socket, std::string_view bytes, std::size_t total,
                  const std::stop_token& stop = {});

}  // namespace tokenscaler::contract
