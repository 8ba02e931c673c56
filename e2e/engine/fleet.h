// A Deployment of engine processes on this machine: runs what Deployment decides, probes readiness,
// and writes what Prometheus and the replayer read.
#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "engine/deployment.h"
#include "http/client.h"
#include "http/server.h"

namespace tokenscaler::engine {

struct FleetOptions {
  DeploymentOptions deployment;
  std::string engine_program;
  std::vector<std::string> engine_args;
  std::int32_t replicas = 1;
  std::string state_dir;       ///< Port files and logs; exists.
  std::string file_sd;         ///< Empty: not written.
  std::string endpoints_file;  ///< Empty: not written.
  /// kubelet's readiness probe.
  std::chrono::milliseconds probe_interval{500};
  std::chrono::milliseconds probe_timeout{500};
};

/// step() belongs to the thread that lives as long as the process (start_process); handle() may be
/// called from any thread.
class Fleet {
 public:
  Fleet(FleetOptions options, const Clock& clock, std::unique_ptr<http::Client> client);
  ~Fleet();  ///< Kills what still runs.
  Fleet(const Fleet&) = delete;
  Fleet& operator=(const Fleet&) = delete;

  /// One round: reap, read ports, probe, reconcile, write files. An error of a file is returned,
  /// and the next round tries again.
  [[nodiscard]] Status step();
  /// Scales to zero for good: engines drain.
  void shut_down();
  [[nodiscard]] bool empty() const;

  /// GET /status, GET and PUT /scale, PUT /template, GET /metrics (kube-state-metrics), GET
  /// /healthz.
  [[nodiscard]] http::Response handle(const http::Request& request);

 private:
  void reap();
  void read_ports();
  void probe(const std::stop_token& stop);
  void act(const PodAction& action);
  void start(const Pod& pod);
  [[nodiscard]] Status write_files();
  [[nodiscard]] Status write_if_changed(const std::string& path, const std::string& content,
                                        std::string& last);
  [[nodiscard]] std::string port_file(const std::string& pod) const;
  [[nodiscard]] http::Response put_scale(const std::string& body);
  [[nodiscard]] http::Response put_template(const std::string& body);

  const FleetOptions options_;
  const Clock& clock_;
  std::unique_ptr<http::Client> client_;
  mutable std::mutex mutex_;
  Deployment deployment_;
  bool shutting_down_ = false;
  SteadyTime probe_due_{};
  std::string last_file_sd_;
  std::string last_endpoints_;
};

}  // namespace tokenscaler::engine
