#include "prom/api_error.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

namespace tokenscaler::prom {

namespace {

/// A Retry-After beyond an hour is treated as an hour: the caller decides anew by then.
constexpr std::chrono::seconds kMaxRetryAfter{3600};

struct Meaning {
  ErrorCode code;
  std::string_view advice;
};

Meaning meaning_of_status(int status) {
  switch (status) {
    case 400:
      return {ErrorCode::Invalid, "correct the query, or report it if TokenScaler wrote it"};
    case 401:
      return {ErrorCode::Unauthenticated,
              "give a valid bearer token, basic user or client certificate for this server"};
    case 403:
      return {ErrorCode::Forbidden,
              "allow this user to query, or give the tenant header that the server wants "
              "(X-Scope-OrgID)"};
    case 404:
      return {
          ErrorCode::NotFound,
          "check the address: it may need a path prefix, as /prometheus or /select/0/prometheus"};
    case 405:
      return {ErrorCode::Invalid, "allow POST on /api/v1/query in the proxy before the server"};
    case 413:
    case 414:
      return {ErrorCode::LimitExceeded, "allow larger requests in the proxy before the server"};
    case 422:
      return {ErrorCode::Invalid,
              "the server could not execute the query: narrow it by seriesMatchLabels or raise the "
              "server's limits"};
    case 429:
      return {ErrorCode::Throttled, "raise the server's rate limit for this tenant"};
    case 504:
      return {ErrorCode::Timeout, "find out why the server is slow, or raise its query timeout"};
    default:
      break;
  }
  if (status >= 300 && status < 400) {
    return {ErrorCode::Invalid,
            "give the address behind the redirect; credentials are not sent after redirects"};
  }
  if (status >= 500) return {ErrorCode::Unavailable, "look at the server's health and log"};
  return {ErrorCode::Invalid, "check the address and what stands before the server"};
}

/// What the API's own words mean; they say more than the HTTP status.
Meaning meaning_of_error(int status, std::string_view type, std::string_view message) {
  const auto says = [&](std::string_view words) {
    return message.find(words) != std::string_view::npos;
  };
  if (says("too many samples") || says("max-samples") || says("max number of series") ||
      says("max-series") || says("maxSeries")) {
    return {ErrorCode::LimitExceeded,
            "narrow what is selected by seriesMatchLabels, or raise the server's limit"};
  }
  if (type == "bad_data") return meaning_of_status(400);
  if (type == "timeout" || type == "canceled") {
    return {ErrorCode::Timeout, "find out why the server is slow, or raise its query timeout"};
  }
  if (type == "unavailable" || type == "internal") {
    return {ErrorCode::Unavailable, "look at the server's health and log"};
  }
  if (type == "not_found") return meaning_of_status(404);
  if (type == "too_many_requests") return meaning_of_status(429);
  if (type == "execution" || status < 300) return meaning_of_status(422);
  return meaning_of_status(status);
}

/// The delay form of Retry-After; the date form is rare and depends on two clocks.
std::optional<std::chrono::milliseconds> parse_retry_after(std::string_view text) {
  long long seconds = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (code != std::errc() || end != text.data() + text.size() || seconds < 0) return std::nullopt;
  return std::min<std::chrono::seconds>(std::chrono::seconds(std::min(seconds, 86'400LL)),
                                        kMaxRetryAfter);
}

Error finish(const Meaning& meaning, const RawAnswer& raw, std::string message) {
  Error error = make_error(meaning.code, std::move(message)).advise(std::string(meaning.advice));
  error.retry_after = parse_retry_after(raw.retry_after);
  return error;
}

bool contains_without_case(std::string_view text, std::string_view lower_case) {
  const auto lower = [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  };
  return std::search(text.begin(), text.end(), lower_case.begin(), lower_case.end(),
                     [&](char a, char b) { return lower(a) == b; }) != text.end();
}

}  // namespace

std::string printable_text(std::string_view text) {
  std::string shown;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (shown.size() >= kMaxServerText) {
      // A cut may not leave half a UTF-8 character.
      while (!shown.empty() && (static_cast<unsigned char>(shown.back()) & 0xC0U) == 0x80U) {
        shown.pop_back();
      }
      if (!shown.empty() && static_cast<unsigned char>(shown.back()) >= 0xC0U) shown.pop_back();
      shown += "...";
      break;
    }
    if (text.substr(i, 3) == "://") {
      const auto authority_end = std::min(text.find_first_of("/ \"'\n", i + 3), text.size());
      const auto at = text.substr(0, authority_end).rfind('@');
      shown += "://";
      i = at != std::string_view::npos && at >= i + 3 ? at : i + 2;
      continue;
    }
    const auto c = static_cast<unsigned char>(text[i]);
    shown += c < 0x20 || c == 0x7F ? ' ' : text[i];
  }
  return shown;
}

Error api_error(const RawAnswer& raw, std::string_view error_type, std::string_view message) {
  const Meaning meaning = meaning_of_error(raw.status, error_type, message);
  std::string text = fmt::format("the server answers HTTP {}", raw.status);
  if (!error_type.empty()) text += fmt::format(", {}", printable_text(error_type));
  if (!message.empty()) text += fmt::format(": {}", printable_text(message));
  return finish(meaning, raw, std::move(text));
}

Error not_json_error(const RawAnswer& raw) {
  const bool html = contains_without_case(raw.content_type, "html") ||
                    contains_without_case(raw.body.substr(0, 512), "<html");
  if (raw.status >= 200 && raw.status < 300) {
    if (html) {
      return finish({ErrorCode::Unauthenticated,
                     "a login page or a dashboard stands there: give the address of the query API "
                     "and credentials that need no browser"},
                    raw, "the answer is an HTML page, not JSON");
    }
    return finish({ErrorCode::Internal, "check that the address is that of a Prometheus query API"},
                  raw,
                  fmt::format("the answer is not JSON but starts with \"{}\"",
                              printable_text(raw.body.substr(0, 40))));
  }
  const Meaning meaning = meaning_of_status(raw.status);
  std::string text = fmt::format("the server answers HTTP {}", raw.status);
  if (!html && raw.body.find_first_not_of(" \t\r\n") != std::string_view::npos) {
    text += ": " + printable_text(raw.body.substr(0, 120));
  }
  while (text.ends_with(' ')) text.pop_back();
  return finish(meaning, raw, std::move(text));
}

}  // namespace tokenscaler::prom
