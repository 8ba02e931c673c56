// A server's TLS context, made anew when its files change. Only lib/http includes this.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "base/clock.h"
#include "base/result.h"
#include "http/tls.h"
#include "http/tls_files.h"

struct ssl_st;  // OpenSSL's SSL

namespace boost::asio::ssl {
class context;
}

namespace tokenscaler::http {

/// What the certificate of the peer of `ssl` says; nothing when it gave none.
[[nodiscard]] std::optional<PeerCertificate> peer_certificate_of(ssl_st* ssl);

/// Holds the context for new connections. A thread of its own reads the files again and again;
/// connections that exist keep the context they began with, and end after the response in flight
/// when the client CA is another one.
class TlsServer {
 public:
  /// `report` hears once of each state of the files that cannot be used; it may be empty.
  [[nodiscard]] static Result<std::unique_ptr<TlsServer>> open(
      const TlsServerMaterial& material, std::chrono::milliseconds poll_interval,
      std::function<void(const Error&)> report);

  [[nodiscard]] std::shared_ptr<boost::asio::ssl::context> context() const;
  /// Counts the changes of the client CA file. It rises after context() has the new CA.
  [[nodiscard]] std::uint64_t client_ca_generation() const { return client_ca_generation_; }

 private:
  using ContextPtr = std::shared_ptr<boost::asio::ssl::context>;
  TlsServer(std::unique_ptr<TlsFiles> files, ClientCertificates mode, ContextPtr context,
            std::chrono::milliseconds poll_interval, std::function<void(const Error&)> report);
  void poll(const std::stop_token& stop, std::chrono::milliseconds interval);
  Status reload();

  const std::unique_ptr<TlsFiles> files_;
  const ClientCertificates mode_;
  const std::function<void(const Error&)> report_;
  SystemClock clock_;
  mutable std::mutex mutex_;
  ContextPtr context_;
  std::string client_ca_;  ///< PEM of context_; the polling thread's alone.
  std::atomic<std::uint64_t> client_ca_generation_{0};
  std::jthread thread_;
};

}  // namespace tokenscaler::http
