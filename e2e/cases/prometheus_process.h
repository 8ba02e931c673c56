// A real Prometheus on loopback, with its configuration and its data in a folder of its own.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "cases/child_process.h"
#include "cases/temporary_folder.h"
#include "http/client.h"
#include "json/value.h"

namespace tokenscaler::e2e {

/// One target of a job, with the labels that Kubernetes' discovery and relabelling would give it.
struct ScrapeTarget {
  std::string address;  ///< `127.0.0.1:9100`
  std::string path = "/metrics";
  std::map<std::string, std::string> labels;

  bool operator==(const ScrapeTarget&) const = default;
};

struct ScrapeJob {
  std::string name;
  std::chrono::milliseconds interval{1'000};
  /// At most the interval; unset: the interval.
  std::optional<std::chrono::milliseconds> timeout;
  /// Whether labels of the exporter win over those of the target, as for kube-state-metrics.
  bool honor_labels = false;
  json::Array metric_relabel;  ///< Entries of `metric_relabel_configs`.
  std::vector<ScrapeTarget> targets;
};

struct PrometheusOptions {
  std::vector<ScrapeJob> jobs;
  std::map<std::string, std::string> external_labels;
};

/// Ready when start() returns; stopped with its owner.
class PrometheusProcess {
 public:
  /// Errors: NotFound without the program, Timeout or Internal when it does not become ready, with
  /// the end of its log.
  [[nodiscard]] static Result<std::unique_ptr<PrometheusProcess>> start(
      const PrometheusOptions& options, http::Client& client, Clock& clock);

  [[nodiscard]] std::string url() const;
  [[nodiscard]] pid_t pid() const { return process_ ? process_->pid() : -1; }

  /// Replaces the targets of a job. Discovery takes up to five seconds to tell the scraper.
  [[nodiscard]] Status set_targets(const std::string& job,
                                   const std::vector<ScrapeTarget>& targets);

  /// Ends it at once, as a lost node does. From then on connections are refused.
  void kill();
  /// Forgets all samples and begins to start at the same address; ready() tells when it is
  /// there.
  [[nodiscard]] Status begin_empty();
  [[nodiscard]] bool ready() const;
  [[nodiscard]] std::string log() const;

 private:
  PrometheusProcess(PrometheusOptions options, TemporaryFolder folder, std::uint16_t port,
                    http::Client& client);
  [[nodiscard]] Status write_configuration() const;
  [[nodiscard]] Status launch();
  [[nodiscard]] Status wait_until_ready(Clock& clock);

  PrometheusOptions options_;
  TemporaryFolder folder_;
  std::uint16_t port_;
  http::Client& client_;
  std::optional<ChildProcess> process_;
};

}  // namespace tokenscaler::e2e
