// The HTTP client that everything above this folder uses.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/result.h"
#include "http/message.h"

namespace tokenscaler::http {

/// What one call may cost. Every field is a hard limit.
struct CallLimits {
  std::chrono::milliseconds connect_timeout{5'000};
  /// From the start of the call to the last byte, however the bytes drip.
  std::chrono::milliseconds total_timeout{30'000};
  std::size_t max_header_bytes = 64U * 1024U;
  /// After decompression.
  std::size_t max_body_bytes = 64U * 1024U * 1024U;
};

struct ClientRequest {
  std::string method = "GET";
  std::string url;  ///< http or https, with an IPv6 literal in brackets if need be.
  Headers headers;
  std::string body;
  CallLimits limits;
};

struct ClientResponse {
  int status = 0;
  Headers headers;
  std::string body;
};

/// Receives the body as it arrives; returns false to end the call (it ends as Cancelled).
using BodySink = std::function<bool(std::string_view bytes)>;

/// Sends requests. Every answer of a server, 4xx and 5xx too, is a value; an error means that there
/// was no whole answer within the limits. Redirects are answers like any other and are not
/// followed. Safe to call from several threads.
class Client {
 public:
  virtual ~Client() = default;
  [[nodiscard]] virtual Result<ClientResponse> send(const ClientRequest& request,
                                                    const std::stop_token& stop) = 0;
  /// As send, for bodies without end: the body goes to `sink` and the response's body is empty.
  /// max_body_bytes does not apply; the sink's back-pressure does (it may block).
  [[nodiscard]] virtual Result<ClientResponse> stream(const ClientRequest& request,
                                                      const BodySink& sink,
                                                      const std::stop_token& stop) = 0;
};

}  // namespace tokenscaler::http
