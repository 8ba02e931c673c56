// One client's connection to the server, from accept to close. Only lib/http includes this.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "base/clock.h"
#include "http/exchange.h"
#include "http/head.h"
#include "http/server.h"
#include "http/transport.h"
#include "http/worker_pool.h"

namespace tokenscaler::http {

class Connection;

/// What the connections of one server share. It outlives them.
struct ConnectionHost {
  ServerLimits limits;
  WorkerPool* workers = nullptr;
  std::function<void(const Error&)> report;  ///< May be empty.
  /// Hears once of every connection's end, on any thread.
  std::function<void(const Connection*)> closed;
  /// Counts the changes of the CA that client certificates are checked with; empty without TLS.
  std::function<std::uint64_t()> client_ca_generation;
  std::atomic<bool> draining{false};
  std::atomic<std::size_t> body_bytes{0};  ///< Of all requests together.
  SystemClock clock;
};

/// A state machine on the strand of its socket. One request at a time: the next one's bytes wait in
/// the buffer, so answers keep the order of requests. While a handler works, the socket is still
/// read (into the same bounded buffer): that is how it becomes known that the client has gone.
class Connection final : public std::enable_shared_from_this<Connection> {
 public:
  /// `client_ca_generation` is that of the transport's context.
  Connection(std::unique_ptr<Transport> transport, ConnectionHost& host,
             std::uint64_t client_ca_generation);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // From any thread.
  void start();
  /// Closes it when it is idle, else after the request in flight.
  void drain();
  /// Cuts it.
  void abort();
  /// Since when it waits for a request; nothing while it serves one.
  [[nodiscard]] std::optional<SteadyTime> idle_since() const;

 private:
  enum class Phase { Handshake, Idle, Header, Body, Handling, Writing, Streaming, Closing, Closed };
  using Parser = boost::beast::http::request_parser<boost::beast::http::string_body>;

  // Reading (connection_read.cpp).
  void handshake();
  void next_request();
  void parse();
  void read_more();
  void on_read(ErrorCodeOf error, std::size_t bytes);
  void on_end_of_input();
  [[nodiscard]] bool accept_head();
  [[nodiscard]] bool charge_body(std::size_t bytes);
  void release_body();
  void send_continue();
  void hand_over();
  void refuse(ErrorCodeOf error);

  // Writing (connection_write.cpp).
  void on_news();
  void reply(int status, const std::string& reason);
  void write_response(Response response);
  void begin_stream(const StreamHead& begun);
  void write_part(Exchange::News news);
  void write_out();
  void on_written(ErrorCodeOf error);
  [[nodiscard]] bool should_close() const;
  [[nodiscard]] bool client_ca_is_replaced() const;

  // Time and end (connection_write.cpp).
  void arm(std::chrono::milliseconds limit);
  void disarm();
  void on_deadline();
  void end_exchange();
  void close_gently();
  void linger();
  void close_now();

  ConnectionHost& host_;
  const std::uint64_t client_ca_generation_;
  const std::unique_ptr<Transport> transport_;
  boost::asio::steady_timer timer_;
  std::uint64_t timer_generation_ = 0;
  Phase phase_ = Phase::Handshake;
  /// Ticks of SteadyTime, 0 when not idle: for other threads, which may see it a little late.
  std::atomic<SteadyTime::rep> idle_since_{0};

  std::array<char, 8U * 1024U> read_area_{};
  bool reading_ = false;
  bool input_ended_ = false;
  boost::beast::flat_buffer buffer_;
  std::optional<Parser> parser_;
  RequestHead head_;
  std::size_t charged_body_bytes_ = 0;
  std::size_t lingered_bytes_ = 0;
  std::string peer_address_;
  std::optional<PeerCertificate> peer_certificate_;

  std::shared_ptr<Exchange> exchange_;
  bool writing_ = false;
  bool close_after_write_ = false;
  bool stream_is_chunked_ = false;
  bool stream_has_body_ = false;
  bool stream_ends_ = false;
  bool stream_breaks_ = false;
  std::string out_head_;
  std::string out_body_;
};

}  // namespace tokenscaler::http
