#include "http/curl_error.h"

#include <cerrno>
#include <cstring>
#include <string>

#include <fmt/format.h>

#include "http/url.h"

namespace tokenscaler::http {
namespace {

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

long info_long(CURL* easy, CURLINFO info) {
  long value = 0;
  curl_easy_getinfo(easy, info, &value);
  return value;
}

bool request_was_sent(CURL* easy) {
  curl_off_t microseconds = 0;
  curl_easy_getinfo(easy, CURLINFO_PRETRANSFER_TIME_T, &microseconds);
  return microseconds > 0;
}

/// What was being waited for when a time limit passed.
std::string_view phase(CURL* easy) {
  if (!request_was_sent(easy)) return "while connecting";
  if (info_long(easy, CURLINFO_RESPONSE_CODE) == 0) return "while waiting for the headers";
  return "while reading the body";
}

/// TLS alerts that say: the server does not accept our certificate, or wants one. With TLS 1.3 they
/// come after the handshake, with the first read.
bool is_client_certificate_alert(std::string_view text) {
  return contains(text, "certificate required") || contains(text, "alert bad certificate") ||
         contains(text, "alert unknown ca") || contains(text, "alert certificate") ||
         contains(text, "alert unsupported certificate") || contains(text, "alert access denied") ||
         contains(text, "alert handshake failure");
}

Error client_certificate_refused(std::string_view text) {
  return make_error(ErrorCode::Unauthenticated,
                    "the server refused the client certificate: " + printable(text))
      .advise("give a certificate and key that its client CA has issued and that are not expired");
}

Error unavailable(std::string message, std::string advice) {
  return make_error(ErrorCode::Unavailable, std::move(message)).advise(std::move(advice));
}

Error malformed_answer(std::string_view text) {
  Error error = make_error(ErrorCode::Internal, "the answer is not valid HTTP: " + printable(text));
  return std::move(error).advise("check that the address and port are those of an HTTP server");
}

Error server_not_trusted(std::string_view text) {
  const std::string message = "the server's certificate is not accepted: " + printable(text);
  Error error = make_error(ErrorCode::Unauthenticated, message);
  if (contains(text, "subject name")) {
    return std::move(error).advise(
        "use a name that the certificate carries, or set the server name to expect");
  }
  if (contains(text, "expired") || contains(text, "not yet valid")) {
    return std::move(error).advise("renew the certificate, and check both machines' clocks");
  }
  return std::move(error).advise("give the CA that issued it");
}

Error cannot_connect(CURL* easy, std::string_view text) {
  const auto reason = static_cast<int>(info_long(easy, CURLINFO_OS_ERRNO));
  if (reason == EMFILE || reason == ENFILE || contains(text, "Too many open files")) {
    return unavailable("no file descriptor left for a connection", "raise the open files limit");
  }
  if (reason == ECONNREFUSED) {
    return unavailable("connection refused", "check that the server runs and listens on this port");
  }
  return unavailable(
      "cannot connect: " + (reason != 0 ? std::string(std::strerror(reason)) : printable(text)),
      "check the address, routes and firewalls or NetworkPolicies");
}

/// A connection that broke, or bytes on it that are no HTTP: libcurl has one code for both.
Error broken_transfer(CURL* easy, std::string_view text) {
  if (is_client_certificate_alert(text)) return client_certificate_refused(text);
  if (contains(text, "Too large response headers")) {
    return make_error(ErrorCode::LimitExceeded, "the headers are too large: " + printable(text));
  }
  if (contains(text, "chunk") || contains(text, "hunk") || contains(text, "alformed")) {
    return malformed_answer(text);
  }
  const bool answered = info_long(easy, CURLINFO_RESPONSE_CODE) != 0;
  Error error = unavailable(std::string(answered ? "the connection broke within the answer"
                                                 : "the connection broke before the answer") +
                                (text.empty() ? "" : ": " + printable(text)),
                            "");
  curl_off_t tls_done = 0;
  curl_easy_getinfo(easy, CURLINFO_APPCONNECT_TIME_T, &tls_done);
  if (!answered && tls_done > 0) {
    error.advice =
        "the server may want another client certificate: it cut the connection right "
        "after the TLS handshake";
  }
  return error;
}

}  // namespace

Error total_timeout_error(CURL* easy, const CallLimits& limits) {
  return make_error(ErrorCode::Timeout, fmt::format("no whole answer within {} ms: timeout {}",
                                                    limits.total_timeout.count(), phase(easy)));
}

Error curl_error(CURL* easy, CURLcode code, std::string_view text, const CallLimits& limits) {
  switch (code) {
    case CURLE_URL_MALFORMAT:
      return make_error(ErrorCode::Invalid, "not a valid URL: " + printable(text))
          .advise("write http:// or https://, a host and a port, IPv6 addresses in brackets");
    case CURLE_UNSUPPORTED_PROTOCOL:
      // libcurl uses it for answers as well: HTTP/0.9, that is, no HTTP at all.
      if (contains(text, "HTTP/0.9") || contains(text, "HTTP version")) {
        return malformed_answer(text);
      }
      return make_error(ErrorCode::Invalid, "only http and https URLs are served");
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
      return unavailable("cannot resolve the host name", "check the name and this machine's DNS");
    case CURLE_COULDNT_CONNECT:
      return cannot_connect(easy, text);
    case CURLE_OPERATION_TIMEDOUT:
      if (request_was_sent(easy)) return total_timeout_error(easy, limits);
      return make_error(ErrorCode::Timeout,
                        fmt::format("no connection within {} ms", limits.connect_timeout.count()))
          .advise("check the address, routes and firewalls or NetworkPolicies");
    case CURLE_PEER_FAILED_VERIFICATION:
      return server_not_trusted(text);
    case CURLE_SSL_CONNECT_ERROR:
      if (is_client_certificate_alert(text)) return client_certificate_refused(text);
      // A CA of the right name with another key: OpenSSL reports the signature's arithmetic.
      if (contains(text, "asn1 encoding routines") || contains(text, "rsa routines")) {
        return server_not_trusted("its signature is not of this CA: " + std::string(text));
      }
      return unavailable("the TLS handshake failed: " + printable(text),
                         "check that the server speaks TLS 1.2 or later on this port");
    case CURLE_SSL_CERTPROBLEM:
      return make_error(ErrorCode::Invalid,
                        "the client certificate cannot be used: " + printable(text));
    case CURLE_SSL_CACERT_BADFILE:
      return make_error(ErrorCode::Invalid, "the CA file cannot be used: " + printable(text))
          .advise("it must hold PEM certificates and be readable");
    case CURLE_PARTIAL_FILE:
      return unavailable("the body was truncated: " + printable(text), "");
    case CURLE_GOT_NOTHING:
      return unavailable("the server closed the connection without an answer", "");
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
      return broken_transfer(easy, text);
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_BAD_CONTENT_ENCODING:
      return malformed_answer(text);
    case CURLE_FILESIZE_EXCEEDED:
      return make_error(ErrorCode::LimitExceeded,
                        fmt::format("the body is larger than {} bytes", limits.max_body_bytes));
    case CURLE_OUT_OF_MEMORY:
      return make_error(ErrorCode::Internal, "out of memory");
    default:
      return make_error(ErrorCode::Internal,
                        fmt::format("libcurl: {}: {}", curl_easy_strerror(code), printable(text)));
  }
}

}  // namespace tokenscaler::http
