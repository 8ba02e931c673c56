// The Client on libcurl.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

#include "base/result.h"
#include "http/client.h"
#include "http/tls.h"

namespace tokenscaler::http {

struct CurlClientOptions {
  TlsClientMaterial tls;
  /// `http://host:port`, or empty for none. The environment's proxy variables are not read: where
  /// credentials go is decided by configuration only.
  std::string proxy;
  /// Connections open at once, in use or idle; a call beyond waits for one within its deadline.
  std::size_t max_connections = 64;
  /// Bytes of one streamed body that wait for a slow sink before the server is held back.
  std::size_t stream_buffer_bytes = 256U * 1024U;
  /// How old what is known of the TLS files may be before they are looked at again.
  std::chrono::milliseconds tls_refresh_interval{1'000};
  std::string user_agent = "tokenscaler";
};

/// One event thread serves all calls of the client; the calls block their callers only. Only
/// HTTP/1.1 over http and https, TLS 1.2 or later, keep-alive. A request whose pooled connection
/// proves dead before any byte of an answer came is sent once more on a new one.
/// Destroying the client ends its calls as Cancelled; no call may start after that.
/// Errors: Invalid when a file of `options.tls` cannot be used.
[[nodiscard]] Result<std::unique_ptr<Client>> make_curl_client(CurlClientOptions options);

}  // namespace tokenscaler::http
