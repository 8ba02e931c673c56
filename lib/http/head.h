// The rules for a request's head, and the making of a response's: pure. Only lib/http includes
// this.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "http/message.h"

namespace tokenscaler::http {

/// What stands before a request's body, as parsed.
struct RequestHead {
  int version = 11;  ///< 10 or 11
  std::string method;
  std::string target;
  Headers headers;
};

/// The answer to a request that is not served.
struct Rejection {
  int status = 400;
  std::string reason;
};

/// Checks what the parser does not: Host, framing that others may read differently (request
/// smuggling), Expect, the target's form. Brings an absolute target into origin form.
[[nodiscard]] std::optional<Rejection> check_request_head(RequestHead& head);

/// True when the client waits for `100 Continue` before it sends the body.
[[nodiscard]] bool expects_continue(const RequestHead& head);

/// How the body of a response ends.
enum class BodyFraming { ContentLength, Chunked, UntilClose, None };

struct ResponseHead {
  int status = 200;
  const Headers* headers = nullptr;
  BodyFraming framing = BodyFraming::ContentLength;
  std::size_t content_length = 0;  ///< With ContentLength.
  bool close = false;
};

/// True when a handler's status and headers may be sent: status 200..599, names and values without
/// bytes that end a header.
[[nodiscard]] bool is_sendable(int status, const Headers& headers);

/// The status line and headers up to the blank line. Framing headers among `headers` are left out:
/// they are the server's own.
[[nodiscard]] std::string format_response_head(const ResponseHead& head, WallTime now);

/// Responses with these have no body: 1xx, 204, 304.
[[nodiscard]] bool status_forbids_body(int status);

}  // namespace tokenscaler::http
