#include "http/head.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/chrono.h>
#include <fmt/format.h>

namespace tokenscaler::http {
namespace {

std::string_view reason_phrase(int status) {
  using Entry = std::pair<int, std::string_view>;
  static constexpr std::array kPhrases{
      Entry{200, "OK"},
      Entry{201, "Created"},
      Entry{202, "Accepted"},
      Entry{204, "No Content"},
      Entry{301, "Moved Permanently"},
      Entry{302, "Found"},
      Entry{304, "Not Modified"},
      Entry{307, "Temporary Redirect"},
      Entry{400, "Bad Request"},
      Entry{401, "Unauthorized"},
      Entry{403, "Forbidden"},
      Entry{404, "Not Found"},
      Entry{405, "Method Not Allowed"},
      Entry{406, "Not Acceptable"},
      Entry{408, "Request Timeout"},
      Entry{409, "Conflict"},
      Entry{410, "Gone"},
      Entry{411, "Length Required"},
      Entry{413, "Content Too Large"},
      Entry{415, "Unsupported Media Type"},
      Entry{417, "Expectation Failed"},
      Entry{422, "Unprocessable Content"},
      Entry{429, "Too Many Requests"},
      Entry{431, "Request Header Fields Too Large"},
      Entry{500, "Internal Server Error"},
      Entry{501, "Not Implemented"},
      Entry{502, "Bad Gateway"},
      Entry{503, "Service Unavailable"},
      Entry{504, "Gateway Timeout"},
  };
  const auto* found = std::find_if(kPhrases.begin(), kPhrases.end(),
                                   [&](const Entry& entry) { return entry.first == status; });
  return found == kPhrases.end() ? "Status" : found->second;
}

bool is_authority(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && std::string_view("-._~%!$&'()*+,;=:[]").find(c) != std::string_view::npos);
  });
}

std::optional<Rejection> check_framing(const RequestHead& head) {
  const auto lengths = head.headers.find_all("Content-Length");
  const auto encodings = head.headers.find_all("Transfer-Encoding");
  if (!lengths.empty() && !encodings.empty()) {
    return Rejection{400, "both Content-Length and Transfer-Encoding"};
  }
  if (lengths.size() > 1) return Rejection{400, "more than one Content-Length"};
  if (!lengths.empty()) {
    const std::string_view length = lengths.front();
    const bool digits =
        std::all_of(length.begin(), length.end(), [](char c) { return c >= '0' && c <= '9'; });
    if (length.empty() || !digits) return Rejection{400, "Content-Length is not a number"};
  }
  if (encodings.empty()) return std::nullopt;
  if (head.version < 11) return Rejection{400, "Transfer-Encoding with HTTP/1.0"};
  if (encodings.size() > 1 || !equal_ignoring_case(encodings.front(), "chunked")) {
    return Rejection{501, "a Transfer-Encoding other than chunked"};
  }
  return std::nullopt;
}

std::optional<Rejection> check_host(const RequestHead& head) {
  const auto hosts = head.headers.find_all("Host");
  if (hosts.size() > 1) return Rejection{400, "more than one Host"};
  if (hosts.empty()) {
    return head.version >= 11 ? std::optional<Rejection>({400, "no Host"}) : std::nullopt;
  }
  if (!is_authority(hosts.front())) return Rejection{400, "Host is not a host"};
  return std::nullopt;
}

std::optional<Rejection> check_target(RequestHead& head) {
  std::string& target = head.target;
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!equal_ignoring_case(std::string_view(target).substr(0, scheme.size()), scheme)) continue;
    const auto path = target.find_first_of("/?", scheme.size());
    target = path == std::string::npos ? "/" : target.substr(path);
    if (target.front() == '?') target.insert(0, 1, '/');
    break;
  }
  const bool ascii =
      std::all_of(target.begin(), target.end(), [](char c) { return c > 0x20 && c < 0x7F; });
  if (!ascii) return Rejection{400, "the target holds a byte that must be percent-encoded"};
  if (target.starts_with('/') || (target == "*" && head.method == "OPTIONS")) return std::nullopt;
  return Rejection{400, "the target is not a path"};
}

bool is_server_header(std::string_view name) {
  static constexpr std::array<std::string_view, 5> kNames{"Content-Length", "Transfer-Encoding",
                                                          "Connection", "Keep-Alive", "Date"};
  return std::any_of(kNames.begin(), kNames.end(),
                     [&](std::string_view own) { return equal_ignoring_case(name, own); });
}

}  // namespace

std::optional<Rejection> check_request_head(RequestHead& head) {
  if (auto rejection = check_framing(head)) return rejection;
  if (auto rejection = check_host(head)) return rejection;
  if (auto rejection = check_target(head)) return rejection;
  const auto expectations = head.headers.find_all("Expect");
  if (head.version >= 11 && !expectations.empty() && !expects_continue(head)) {
    return Rejection{417, "an Expect other than 100-continue"};
  }
  return std::nullopt;
}

bool expects_continue(const RequestHead& head) {
  const auto expectations = head.headers.find_all("Expect");
  return head.version >= 11 && expectations.size() == 1 &&
         equal_ignoring_case(expectations.front(), "100-continue");
}

bool status_forbids_body(int status) {
  return status < 200 || status == 204 || status == 304;
}

bool is_sendable(int status, const Headers& headers) {
  return status >= 200 && status <= 599 &&
         std::all_of(headers.begin(), headers.end(), [](const Header& header) {
           return is_token(header.name) && is_header_value(header.value);
         });
}

std::string format_response_head(const ResponseHead& head, WallTime now) {
  std::string text = fmt::format("HTTP/1.1 {} {}\r\n", head.status, reason_phrase(head.status));
  for (const Header& header : *head.headers) {
    if (is_server_header(header.name)) continue;
    text.append(header.name).append(": ").append(header.value).append("\r\n");
  }
  const auto seconds = std::chrono::floor<std::chrono::seconds>(now).time_since_epoch().count();
  text += fmt::format("Date: {:%a, %d %b %Y %H:%M:%S} GMT\r\n", fmt::gmtime(seconds));
  if (head.framing == BodyFraming::ContentLength) {
    text += fmt::format("Content-Length: {}\r\n", head.content_length);
  } else if (head.framing == BodyFraming::Chunked) {
    text += "Transfer-Encoding: chunked\r\n";
  }
  if (head.close) text += "Connection: close\r\n";
  text += "\r\n";
  return text;
}

}  // namespace tokenscaler::http
