// Goal: however a connection ends, its server hears of it; a stop waits for that.
#include "http/connection.h"

#include <memory>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

namespace tokenscaler::http {
namespace {

/// Drops every callback, as a step does that ends in an exception.
class DroppingTransport final : public Transport {
 public:
  explicit DroppingTransport(asio::io_context& io) : socket_(io) {}
  void handshake(Done /*done*/) override {}
  void read_some(asio::mutable_buffer /*area*/, ReadDone /*done*/) override {}
  void write(std::array<asio::const_buffer, 2> /*buffers*/, Done /*done*/) override {}
  void shutdown(Done /*done*/) override {}
  asio::ip::tcp::socket& socket() override { return socket_; }
  std::optional<PeerCertificate> peer_certificate() override { return std::nullopt; }
  bool is_tls() const override { return false; }

 private:
  asio::ip::tcp::socket socket_;
};

class ConnectionEndTest : public testing::Test {
 protected:
  ConnectionEndTest() {
    host_.closed = [this](const Connection* connection) {
      EXPECT_EQ(connection, expected_);
      ++closed_;
    };
  }
  std::shared_ptr<Connection> connect() {
    auto connection =
        std::make_shared<Connection>(std::make_unique<DroppingTransport>(io_), host_, 0);
    expected_ = connection.get();
    return connection;
  }

  ConnectionHost host_;
  asio::io_context io_;
  const Connection* expected_ = nullptr;
  int closed_ = 0;
};

TEST_F(ConnectionEndTest, OneThatIsDroppedIsForgotten) {
  auto connection = connect();
  connection.reset();
  EXPECT_EQ(closed_, 1);
}

TEST_F(ConnectionEndTest, OneThatWasCutIsForgottenOnce) {
  auto connection = connect();
  connection->start();
  connection->abort();
  io_.run();
  EXPECT_EQ(closed_, 1);
  connection.reset();
  EXPECT_EQ(closed_, 1);
}

}  // namespace
}  // namespace tokenscaler::http
