#include "prom/server.h"

#include <algorithm>
#include <array>
#include <string_view>

#include <fmt/format.h>

namespace tokenscaler::prom {

namespace {

constexpr std::size_t kMaxUrlBytes = 2048;
constexpr std::chrono::milliseconds kMinQueryTimeout{100};
constexpr std::chrono::milliseconds kMaxQueryTimeout{600'000};
constexpr std::size_t kMinAnswerBytes = 4096;
constexpr std::size_t kMaxConcurrentQueries = 64;

Error invalid(std::string field, std::string message, std::string advice) {
  return make_error(ErrorCode::Invalid, std::move(message))
      .at(std::move(field))
      .advise(std::move(advice));
}

bool has_control_character(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
}

bool is_header_name(std::string_view text) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           kMarks.find(c) != std::string_view::npos;
  });
}

bool equal_without_case(std::string_view a, std::string_view b) {
  const auto lower = [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](char x, char y) { return lower(x) == lower(y); });
}

Status check_url(const std::string& url) {
  const std::string advice = "write it as https://host:port/prefix";
  if (url.empty()) return invalid("url", "no address is given", advice);
  if (url.size() > kMaxUrlBytes) {
    return invalid("url", fmt::format("the address is longer than {} bytes", kMaxUrlBytes), advice);
  }
  const auto separator = url.find("://");
  const std::string scheme = url.substr(0, separator);
  if (separator == std::string::npos || (scheme != "http" && scheme != "https")) {
    return invalid("url", "the address does not start with http:// or https://", advice);
  }
  if (has_control_character(url) || url.find(' ') != std::string::npos) {
    return invalid("url", "the address has a space or a control character in it", advice);
  }
  if (url.find_first_of("?#") != std::string::npos) {
    return invalid("url", "the address has a query or a fragment",
                   "give the address without ? and #; tenants go into headers");
  }
  const std::string rest = url.substr(separator + 3);
  const std::string authority = rest.substr(0, rest.find('/'));
  if (authority.find('@') != std::string::npos) {
    return invalid("url", "the address has credentials in it",
                   "give user and password as basic credentials, not in the address");
  }
  if (authority.empty() || authority.front() == ':') {
    return invalid("url", "the address names no host", advice);
  }
  return {};
}

Status check_credentials(const Server& server) {
  const Credentials& given = server.credentials;
  const bool bearer = !given.bearer_token.empty();
  const bool bearer_file = !given.bearer_token_file.empty();
  const bool basic = !given.basic_user.empty() || !given.basic_password.empty() ||
                     !given.basic_password_file.empty();
  const bool header = server.headers.find("Authorization").has_value();
  if (int{bearer} + int{bearer_file} + int{basic} + int{header} > 1) {
    return invalid("credentials", "more than one way to authenticate is given",
                   "keep one of bearer token, bearer token file, basic user and an Authorization "
                   "header");
  }
  if (basic && (given.basic_user.empty() || given.basic_user.find(':') != std::string::npos)) {
    return invalid("credentials.basic_user", "the user name is empty or has a colon in it",
                   "give the user's name");
  }
  if (!given.basic_password.empty() && !given.basic_password_file.empty()) {
    return invalid("credentials", "a basic password and a password file are given", "keep one");
  }
  for (const std::string* secret :
       {&given.bearer_token, &given.basic_user, &given.basic_password}) {
    if (has_control_character(*secret)) {
      return invalid("credentials", "a credential has a control character in it",
                     "check it for a line break at its end");
    }
  }
  return {};
}

Status check_headers(const Server& server) {
  constexpr std::array<std::string_view, 6> kOwn = {
      "Content-Type", "Content-Length", "Host", "Connection", "Accept", "Transfer-Encoding"};
  for (const http::Header& header : server.headers) {
    if (!is_header_name(header.name) || has_control_character(header.value)) {
      return invalid("headers", fmt::format("{} is not a valid header", quote(header.name)),
                     "a name has letters, digits and dashes; a value has no line breaks");
    }
    const bool own = std::any_of(kOwn.begin(), kOwn.end(), [&](std::string_view name) {
      return equal_without_case(name, header.name);
    });
    if (own) {
      return invalid("headers",
                     fmt::format("the header {} is set by the client itself", header.name),
                     "leave it out");
    }
  }
  return {};
}

Status check_labels(const Server& server) {
  const std::array<std::pair<std::string_view, const std::string*>, 4> labels{{
      {"namespace_label", &server.namespace_label},
      {"pod_label", &server.pod_label},
      {"kube_state_namespace_label", &server.kube_state_namespace_label},
      {"kube_state_pod_label", &server.kube_state_pod_label},
  }};
  const std::string advice = "a label name has letters, digits and _ and does not start with __";
  for (const auto& [field, label] : labels) {
    if (!is_label_name(*label)) {
      return invalid(std::string(field), fmt::format("{} is not a label name", quote(*label)),
                     advice);
    }
  }
  if (server.namespace_label == server.pod_label) {
    return invalid("pod_label", "namespace and pod have the same label", "give two labels");
  }
  for (const std::string& label : server.replica_labels) {
    if (!is_label_name(label)) {
      return invalid("replica_labels", fmt::format("{} is not a label name", quote(label)), advice);
    }
    if (label == server.namespace_label || label == server.pod_label) {
      return invalid("replica_labels", fmt::format("{} tells pods apart", label),
                     "name the external labels in which the replicas of a Prometheus pair differ");
    }
  }
  for (const LabelMatcher& matcher : server.extra_matchers) {
    if (!is_label_name(matcher.label)) {
      return invalid("extra_matchers", fmt::format("{} is not a label name", quote(matcher.label)),
                     advice);
    }
    if (matcher.label == server.namespace_label) {
      return invalid("extra_matchers", "the namespace is matched by every query already",
                     "leave it out");
    }
  }
  return {};
}

Status check_limits(const Server& server) {
  const auto timeout_ok = [](std::chrono::milliseconds timeout) {
    return timeout >= kMinQueryTimeout && timeout <= kMaxQueryTimeout;
  };
  if (!timeout_ok(server.query_timeout) || !timeout_ok(server.read_timeout)) {
    return invalid("query_timeout, read_timeout", "a timeout is out of range",
                   "give 100 ms to 10 min");
  }
  if (server.max_answer_bytes < kMinAnswerBytes) {
    return invalid("max_answer_bytes", "too small for any answer", "give 4096 or more");
  }
  if (server.max_concurrent_queries < 1 || server.max_concurrent_queries > kMaxConcurrentQueries) {
    return invalid("max_concurrent_queries", "out of range", "give 1 to 64");
  }
  return {};
}

}  // namespace

Status validate(const Server& server) {
  RETURN_IF_ERROR(check_url(server.url));
  RETURN_IF_ERROR(check_credentials(server));
  RETURN_IF_ERROR(check_headers(server));
  RETURN_IF_ERROR(check_labels(server));
  return check_limits(server);
}

std::string printable_url(std::string_view url) {
  const std::string_view whole = url.substr(0, url.find_first_of("?#"));
  const auto separator = whole.find("://");
  const std::size_t start = separator == std::string_view::npos ? 0 : separator + 3;
  const std::string_view authority = whole.substr(start, whole.find('/', start) - start);
  const auto at = authority.rfind('@');
  std::string printable(whole.substr(0, start));
  printable += whole.substr(at == std::string_view::npos ? start : start + at + 1);
  for (char& c : printable) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = '?';
  }
  return printable;
}

}  // namespace tokenscaler::prom
