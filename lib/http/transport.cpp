#include "http/transport.h"

#include <utility>

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>

#include "http/tls_server.h"

namespace tokenscaler::http {
namespace {

using asio::ip::tcp;

class PlainTransport final : public Transport {
 public:
  explicit PlainTransport(tcp::socket socket) : socket_(std::move(socket)) {}

  void handshake(Done done) override {
    asio::post(socket_.get_executor(), [done = std::move(done)] { done({}); });
  }
  void read_some(asio::mutable_buffer area, ReadDone done) override {
    socket_.async_read_some(area, asio::bind_executor(socket_.get_executor(), std::move(done)));
  }
  void write(std::array<asio::const_buffer, 2> buffers, Done done) override {
    asio::async_write(
        socket_, buffers,
        asio::bind_executor(
            socket_.get_executor(),
            [done = std::move(done)](ErrorCodeOf error, std::size_t /*bytes*/) { done(error); }));
  }
  void shutdown(Done done) override {
    ErrorCodeOf error;
    socket_.shutdown(tcp::socket::shutdown_send, error);
    asio::post(socket_.get_executor(), [done = std::move(done), error] { done(error); });
  }
  tcp::socket& socket() override { return socket_; }
  std::optional<PeerCertificate> peer_certificate() override { return std::nullopt; }
  bool is_tls() const override { return false; }

 private:
  tcp::socket socket_;
};

class TlsTransport final : public Transport {
 public:
  TlsTransport(tcp::socket socket, std::shared_ptr<asio::ssl::context> context)
      : context_(std::move(context)), stream_(std::move(socket), *context_) {}

  void handshake(Done done) override {
    stream_.async_handshake(asio::ssl::stream_base::server,
                            asio::bind_executor(executor(), std::move(done)));
  }
  void read_some(asio::mutable_buffer area, ReadDone done) override {
    stream_.async_read_some(area, asio::bind_executor(executor(), std::move(done)));
  }
  void write(std::array<asio::const_buffer, 2> buffers, Done done) override {
    asio::async_write(stream_, buffers,
                      asio::bind_executor(executor(), [done = std::move(done)](
                                                          ErrorCodeOf error,
                                                          std::size_t /*bytes*/) { done(error); }));
  }
  void shutdown(Done done) override {
    // It waits for the peer's close_notify too; the caller's deadline bounds that.
    stream_.async_shutdown(
        asio::bind_executor(executor(), [this, done = std::move(done)](ErrorCodeOf error) {
          ErrorCodeOf ignored;
          socket().shutdown(tcp::socket::shutdown_send, ignored);
          done(error);
        }));
  }
  tcp::socket& socket() override { return stream_.next_layer(); }
  std::optional<PeerCertificate> peer_certificate() override {
    return peer_certificate_of(stream_.native_handle());
  }
  bool is_tls() const override { return true; }

 private:
  tcp::socket::executor_type executor() { return stream_.next_layer().get_executor(); }

  std::shared_ptr<asio::ssl::context> context_;  ///< Before stream_, which uses it to its end.
  asio::ssl::stream<tcp::socket> stream_;
};

}  // namespace

std::unique_ptr<Transport> make_transport(tcp::socket socket,
                                          std::shared_ptr<asio::ssl::context> context) {
  if (!context) return std::make_unique<PlainTransport>(std::move(socket));
  return std::make_unique<TlsTransport>(std::move(socket), std::move(context));
}

}  // namespace tokenscaler::http
