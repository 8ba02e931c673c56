// The HTTP/1.1 server on Boost.Beast, plain or TLS.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/result.h"
#include "http/message.h"
#include "http/tls.h"

namespace tokenscaler::http {

/// Where one peer's cost ends. The defaults suit small control-plane services.
/// Memory for all peers together stays under
///   max_connections x (4 x max_header_bytes + stream_buffer_bytes + 40 KiB, and 100 KiB with TLS)
///   + max_total_body_bytes + what the handlers' answers hold:
/// the input buffer (header and 32 KiB), the parsed header and its copy in the request, one stream.
struct ServerLimits {
  /// Request line and headers. 16 KiB holds a service-account token and front-proxy headers.
  std::size_t max_header_bytes = 16U * 1024U;
  /// One request's body. Larger ones get 413 at once, before they are read.
  std::size_t max_body_bytes = 1024U * 1024U;
  /// Bodies of all requests together, since many small ones fill memory too; beyond it 503.
  std::size_t max_total_body_bytes = 64U * 1024U * 1024U;
  /// At the limit the longest idle connection gives way to a new one; when none is idle, new ones
  /// get 503 (plain) or are closed (TLS). A descriptor each is the price.
  std::size_t max_connections = 1024;
  /// TCP accepted -> TLS established. Healthy peers need two round trips.
  std::chrono::milliseconds handshake_timeout{5'000};
  /// First byte (or accept) -> whole header. Against slow senders; healthy headers are one packet.
  std::chrono::milliseconds header_timeout{10'000};
  /// Whole header -> whole body, however it drips.
  std::chrono::milliseconds body_timeout{30'000};
  /// Kept-alive connection without a request. Longer than the usual 60 s of clients' pools, so that
  /// the client closes first and no request meets a closing connection.
  std::chrono::milliseconds idle_timeout{90'000};
  /// A whole fixed response, or one step of a streamed one: a peer that does not read is dropped.
  std::chrono::milliseconds write_timeout{30'000};
  /// Request handed over -> response begun; then 504. The API server's own limit is 60 s.
  std::chrono::milliseconds handler_timeout{60'000};
  /// What a peer may still send, and how long, before a connection that ends is cut: a sudden cut
  /// would destroy the answer on its way.
  std::chrono::milliseconds linger_timeout{1'000};
  std::size_t max_linger_bytes = 1024U * 1024U;
  /// Bytes of one streamed response that wait for its client.
  std::size_t stream_buffer_bytes = 64U * 1024U;
  /// Requests waiting for a worker; beyond it 503 with Retry-After, since late answers help nobody.
  std::size_t max_queued_requests = 256;
};

struct ServerOptions {
  /// An address, not a name: `0.0.0.0`, `::`, `127.0.0.1`, `::1`. `::` serves IPv4 too.
  std::string address = "127.0.0.1";
  std::uint16_t port = 0;  ///< 0: any free one; Server::port() tells it.
  std::optional<TlsServerMaterial> tls;
  std::size_t io_threads = 2;  ///< They parse, encrypt and move bytes; handlers never run on them.
  std::size_t worker_threads = 4;  ///< They run handlers, one request each at a time.
  /// How often the TLS files are read; new connections take a new pair as soon as it is whole.
  std::chrono::milliseconds tls_poll_interval{10'000};
  /// Told of what a person should know and no response can say: unusable TLS files, no file
  /// descriptors left, a handler's exception. Called from any thread; must not block.
  std::function<void(const Error&)> report;
  ServerLimits limits;
};

/// One request, whole and within the limits.
struct Request {
  std::string method;
  std::string target;  ///< Origin form as sent: path and query, not decoded.
  Headers headers;     ///< Without trailers: a proxy that cleans headers may not clean those.
  std::string body;
  std::string peer_address;  ///< `192.0.2.1:1234` or `[2001:db8::1]:1234`
  bool tls = false;
  std::optional<PeerCertificate> peer_certificate;
  /// Stops when nobody waits for the answer any more: the client closed its side, the deadline
  /// passed, or the server stops. A handler that takes long looks at it.
  std::stop_token stop;

  [[nodiscard]] std::string_view path() const;   ///< Of target, without the query.
  [[nodiscard]] std::string_view query() const;  ///< Of target, without `?`; may be empty.
};

/// A whole response. Content-Length, Transfer-Encoding, Connection and Date are the server's own.
struct Response {
  int status = 200;
  Headers headers;
  std::string body;

  [[nodiscard]] static Response text(int status, std::string body);
  [[nodiscard]] static Response json(int status, std::string body);
};

class Exchange;

/// A response sent in parts (chunked), from any thread, as long as anyone holds it. Destroying it
/// unfinished cuts the connection, so that the client cannot take the part for the whole.
class ResponseStream {
 public:
  enum class Write {
    Accepted,  ///< All bytes are queued.
    Full,      ///< Nothing was queued: the client reads too slowly. Try later.
    Closed,    ///< The client has gone, or the stream was finished.
  };

  explicit ResponseStream(std::shared_ptr<Exchange> exchange);
  ~ResponseStream();
  ResponseStream(const ResponseStream&) = delete;
  ResponseStream& operator=(const ResponseStream&) = delete;

  /// Queues all of `bytes` or nothing; never blocks. A piece larger than stream_buffer_bytes is
  /// taken when nothing else waits.
  [[nodiscard]] Write write(std::string_view bytes);
  /// As write, but waits for room. False when the client has gone or `stop` asks to end.
  [[nodiscard]] bool write_waiting(std::string_view bytes, const std::stop_token& stop);
  /// Ends the response properly once the queued bytes are sent. Further calls do nothing.
  void finish();
  /// True when the client has gone, or the server stops; what is written then is dropped.
  [[nodiscard]] bool client_gone() const;
  /// Stops when client_gone() becomes true.
  [[nodiscard]] std::stop_token stop() const;
  [[nodiscard]] std::size_t buffered_bytes() const;

 private:
  std::shared_ptr<Exchange> exchange_;
};

/// The right and duty to answer one request, exactly once, from any thread, now or later (within
/// handler_timeout). Dropping it unanswered answers 500.
class Responder {
 public:
  explicit Responder(std::shared_ptr<Exchange> exchange);
  ~Responder();
  Responder(Responder&& other) noexcept = default;
  Responder& operator=(Responder&& other) = delete;
  Responder(const Responder&) = delete;
  Responder& operator=(const Responder&) = delete;

  void send(Response response) &&;
  /// Begins a streamed response; the head is sent at once.
  [[nodiscard]] std::shared_ptr<ResponseStream> stream(int status, Headers headers) &&;

 private:
  std::shared_ptr<Exchange> exchange_;
};

/// Runs on a worker thread. An exception that leaves it answers 500 and is reported.
using Handler = std::function<void(Request request, Responder responder)>;

/// A Handler of a function that answers before it returns.
[[nodiscard]] Handler answer_with(std::function<Response(const Request&)> handler);

/// Serves from start() until stop() or its destruction.
class Server {
 public:
  /// Errors: Invalid (address, TLS files), Unavailable (port taken, no descriptors).
  [[nodiscard]] static Result<std::unique_ptr<Server>> start(ServerOptions options,
                                                             Handler handler);
  ~Server();  ///< stop(0 s)
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  [[nodiscard]] std::uint16_t port() const;
  /// `http://127.0.0.1:8080`, with brackets for IPv6; for a wildcard address the loopback.
  [[nodiscard]] std::string url() const;
  [[nodiscard]] std::size_t connections() const;

  /// Stops accepting, closes idle connections, lets requests in flight end within `grace`, then
  /// cuts the rest and waits for the handlers to return (their Request::stop is set).
  void stop(std::chrono::milliseconds grace);

 private:
  class Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace tokenscaler::http
