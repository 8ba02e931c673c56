// One Prometheus, or anything that speaks its query API, as the owner configures it.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

#include "base/result.h"
#include "http/message.h"
#include "http/tls.h"
#include "prom/matcher.h"

namespace tokenscaler::prom {

/// Who we are to the server. At most one of the three ways is set.
struct Credentials {
  std::string bearer_token;
  /// Read again before each query, so that a rotated token is used at once.
  std::string bearer_token_file;
  std::string basic_user;
  std::string basic_password;
  /// Instead of basic_password; read again before each query.
  std::string basic_password_file;
};

/// What a PromQL override of a TokenScaler may return. Whatever it returns, series that carry
/// another namespace's label are dropped.
enum class CustomQueryPolicy {
  Refused,         ///< A TokenScaler with `queries` gets an error.
  NamespaceBound,  ///< Series without the namespace label are dropped too.
  Trusted,         ///< Series without the namespace label count as the TokenScaler's own.
};

struct Server {
  std::string name = "default";  ///< What `spec.metrics.serverName` says.
  /// http or https, with the path prefix if there is one: `https://mimir.example/prometheus`.
  /// `/api/v1/query` is appended. No user info, query or fragment.
  std::string url;
  Credentials credentials;
  /// Certificates for whoever makes the http::Client of this server.
  http::TlsClientMaterial tls;
  /// Sent with every query, as `X-Scope-OrgID`.
  http::Headers headers;

  /// The labels by which series are joined with the target's pods.
  std::string namespace_label = "namespace";
  std::string pod_label = "pod";
  /// Added to every selector.
  std::vector<LabelMatcher> extra_matchers;
  /// Labels by which the replicas of a Prometheus HA pair differ. Series that are equal but for
  /// them are one series. A label that is none of a series' is harmless here.
  std::vector<std::string> replica_labels = {"prometheus_replica", "replica", "receive_replica"};
  /// Namespaces besides the TokenScaler's own in which gateways run whose series it may read.
  std::vector<std::string> gateway_namespaces;
  /// The labels of the series of kube-state-metrics (`exported_namespace` without honorLabels).
  std::string kube_state_namespace_label = "namespace";
  std::string kube_state_pod_label = "pod";
  CustomQueryPolicy custom_queries = CustomQueryPolicy::NamespaceBound;

  /// One query, from its start to the last byte of the answer. 100 ms..10 min.
  std::chrono::milliseconds query_timeout{10'000};
  /// One read of all targets. What is not answered by then is an error of the targets it concerns.
  std::chrono::milliseconds read_timeout{30'000};
  /// After decompression. A row takes some 150 bytes: enough for 300,000 rows.
  std::size_t max_answer_bytes = 48U * 1024U * 1024U;
  std::size_t max_concurrent_queries = 4;  ///< 1..64.
};

/// The first thing wrong with `server`, as Invalid with the field in `where`.
[[nodiscard]] Status validate(const Server& server);

/// `url` without user info and query, for errors and logs.
[[nodiscard]] std::string printable_url(std::string_view url);

}  // namespace tokenscaler::prom
