#include "prom/api_client.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace tokenscaler::prom {

namespace {

constexpr std::string_view kQueryPath = "/api/v1/query";

std::string form_encode(std::string_view text) {
  constexpr std::string_view kPlain = "-._~";
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string encoded;
  encoded.reserve(text.size() + text.size() / 2);
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       kPlain.find(c) != std::string_view::npos;
    if (plain) {
      encoded += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      encoded += {'%', kHex[byte >> 4U], kHex[byte & 0xFU]};
    }
  }
  return encoded;
}

std::string base64(std::string_view bytes) {
  constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    const std::size_t count = std::min<std::size_t>(3, bytes.size() - i);
    for (std::size_t j = 0; j < 3; ++j) {
      group = (group << 8U) | (j < count ? static_cast<unsigned char>(bytes[i + j]) : 0U);
    }
    for (std::size_t j = 0; j < 4; ++j) {
      text += j <= count ? kAlphabet[(group >> (18U - 6U * j)) & 0x3FU] : '=';
    }
  }
  return text;
}

/// The secret in `path` without the line break that editors and `kubectl create` leave.
Result<std::string> read_secret(const std::string& path, std::string_view what) {
  std::ifstream file(path, std::ios::binary);
  std::string secret(kMaxCredentialBytes + 1, '\0');
  file.read(secret.data(), static_cast<std::streamsize>(secret.size()));
  if (!file.is_open() || file.bad()) {
    return make_error(ErrorCode::Unauthenticated, fmt::format("the {} file cannot be read", what))
        .at(path)
        .advise("check the path and its permissions");
  }
  secret.resize(static_cast<std::size_t>(file.gcount()));
  if (secret.size() > kMaxCredentialBytes) {
    return make_error(ErrorCode::LimitExceeded,
                      fmt::format("the {} file is larger than {} bytes", what, kMaxCredentialBytes))
        .at(path)
        .advise("check the path");
  }
  while (!secret.empty() && (secret.back() == '\n' || secret.back() == '\r')) secret.pop_back();
  const bool control = std::any_of(secret.begin(), secret.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
  });
  if (secret.empty() || control) {
    return make_error(ErrorCode::Unauthenticated,
                      fmt::format("the {} file is empty or has more than one line", what))
        .at(path)
        .advise("put the bare credential into it");
  }
  return secret;
}

/// Seconds with three digits, as the API wants a time.
std::string unix_seconds(WallTime at) {
  const auto milliseconds = at.time_since_epoch().count();
  const auto whole = milliseconds / 1000;
  const auto rest = milliseconds % 1000;
  return fmt::format("{}.{:03}", whole, rest);
}

}  // namespace

ApiClient::ApiClient(Server server, http::Client& client, const Clock& clock)
    : server_(std::move(server)), client_(client), clock_(clock) {
  while (server_.url.ends_with('/')) server_.url.pop_back();
}

Result<http::Headers> ApiClient::headers() const {
  http::Headers headers = server_.headers;
  headers.add("Content-Type", "application/x-www-form-urlencoded");
  headers.add("Accept", "application/json");
  const Credentials& given = server_.credentials;
  if (!given.bearer_token.empty()) {
    headers.add("Authorization", "Bearer " + given.bearer_token);
  } else if (!given.bearer_token_file.empty()) {
    ASSIGN_OR_RETURN(const std::string token, read_secret(given.bearer_token_file, "bearer token"));
    headers.add("Authorization", "Bearer " + token);
  } else if (!given.basic_user.empty()) {
    std::string password = given.basic_password;
    if (!given.basic_password_file.empty()) {
      ASSIGN_OR_RETURN(password, read_secret(given.basic_password_file, "basic password"));
    }
    headers.add("Authorization", "Basic " + base64(given.basic_user + ":" + password));
  }
  return headers;
}

Result<Answer> ApiClient::query(const std::string& promql, std::optional<WallTime> at,
                                const Deadline& deadline, const std::stop_token& stop) const {
  const std::string where = printable_url(server_.url);
  if (promql.size() > kMaxQueryBytes) {
    return make_error(ErrorCode::LimitExceeded, fmt::format("the query has {} bytes, more than {}",
                                                            promql.size(), kMaxQueryBytes))
        .at(where);
  }
  const auto timeout = std::min(server_.query_timeout, deadline.remaining(clock_));
  if (timeout <= std::chrono::milliseconds::zero()) {
    return make_error(ErrorCode::Timeout, "no time was left for a query")
        .at(where)
        .advise("raise the read timeout, or find out why the server is slow");
  }
  http::ClientRequest request;
  request.method = "POST";
  request.url = server_.url + std::string(kQueryPath);
  ASSIGN_OR_RETURN(request.headers, headers());
  request.body = "query=" + form_encode(promql);
  if (at) request.body += "&time=" + unix_seconds(*at);
  // The server need not work on for an answer that nobody waits for.
  request.body += fmt::format("&timeout={}ms", timeout.count());
  request.limits.total_timeout = timeout;
  request.limits.connect_timeout = std::min(request.limits.connect_timeout, timeout);
  request.limits.max_body_bytes = server_.max_answer_bytes;

  Result<http::ClientResponse> response = client_.send(request, stop);
  if (!response) {
    Error error = std::move(response).error();
    // The address is said once, and without what may be secret in it.
    error.where = where;
    if (error.code == ErrorCode::LimitExceeded && error.advice.empty()) {
      error.advice = "narrow the query by seriesMatchLabels or raise max_answer_bytes";
    }
    return error;
  }
  const RawAnswer raw{.status = response->status,
                      .content_type = response->headers.find("Content-Type").value_or(""),
                      .retry_after = response->headers.find("Retry-After").value_or(""),
                      .body = response->body};
  return parse_answer(raw).transform_error(
      [&](Error error) { return std::move(error).within(where); });
}

Result<Vector> ApiClient::query_vector(const std::string& promql, std::optional<WallTime> at,
                                       const Deadline& deadline,
                                       const std::stop_token& stop) const {
  ASSIGN_OR_RETURN(Answer answer, query(promql, at, deadline, stop));
  if (Vector* vector = std::get_if<Vector>(&answer.result)) return std::move(*vector);
  return make_error(ErrorCode::Invalid, "the answer is not a vector")
      .at(printable_url(server_.url))
      .advise("write a query whose result is an instant vector");
}

Result<WallTime> ApiClient::server_time(const Deadline& deadline,
                                        const std::stop_token& stop) const {
  ASSIGN_OR_RETURN(const Answer answer, query("time()", std::nullopt, deadline, stop));
  const Sample* time = std::get_if<Sample>(&answer.result);
  // 1e11 s is the year 5138.
  if (time == nullptr || !std::isfinite(time->value) || time->value <= 0 || time->value > 1e11) {
    return make_error(ErrorCode::Internal, "time() was not answered with a time")
        .at(printable_url(server_.url))
        .advise("check that the address is that of a Prometheus query API");
  }
  return WallTime(std::chrono::milliseconds(std::llround(time->value * 1000.0)));
}

}  // namespace tokenscaler::prom
