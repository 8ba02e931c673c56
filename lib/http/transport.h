// A TCP connection, plain or with TLS, as one type: so the code above exists once. Only lib/http
// includes this.
#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>

#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "http/tls.h"

namespace boost::asio::ssl {
class context;
}

namespace tokenscaler::http {

namespace asio = boost::asio;
using ErrorCodeOf = boost::system::error_code;

/// Every function is called on the socket's executor (a strand), and so are the callbacks.
class Transport {
 public:
  using Done = std::function<void(ErrorCodeOf)>;
  using ReadDone = std::function<void(ErrorCodeOf, std::size_t)>;

  virtual ~Transport() = default;
  virtual void handshake(Done done) = 0;
  virtual void read_some(asio::mutable_buffer area, ReadDone done) = 0;
  /// Writes both buffers, which stay valid until `done`.
  virtual void write(std::array<asio::const_buffer, 2> buffers, Done done) = 0;
  /// Tells the peer that nothing more follows.
  virtual void shutdown(Done done) = 0;
  [[nodiscard]] virtual asio::ip::tcp::socket& socket() = 0;
  /// After the handshake: what the client's certificate says, if it gave one.
  [[nodiscard]] virtual std::optional<PeerCertificate> peer_certificate() = 0;
  [[nodiscard]] virtual bool is_tls() const = 0;
};

/// With `context`, TLS as its server.
[[nodiscard]] std::unique_ptr<Transport> make_transport(
    asio::ip::tcp::socket socket, std::shared_ptr<asio::ssl::context> context);

}  // namespace tokenscaler::http
