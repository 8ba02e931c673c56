// What kube-state-metrics 2.x says of one Deployment, under a script.
// Names and labels: kube-state-metrics docs/metrics/workload.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"

namespace tokenscaler::e2e {

struct KubePod {
  std::string name;
  std::string replica_set;
  WallTime created;
  std::string phase = "Running";  ///< Pending, Running, Succeeded, Failed or Unknown.
  std::optional<WallTime> ready_since = std::nullopt;
  bool unschedulable = false;
  std::string waiting_reason = {};  ///< As CrashLoopBackOff; empty: the container runs.
  int restarts = 0;
  int gpus = 1;
};

struct KubeDeployment {
  std::string name_space;
  std::string name;
  std::int32_t spec_replicas = 0;
  std::int32_t updated_replicas = 0;
  int generation = 1;
  int observed_generation = 1;
  std::vector<std::string> replica_sets = {};  ///< Oldest first.
  std::vector<KubePod> pods = {};
};

/// Safe to call from several threads.
class KubeStateMetrics {
 public:
  explicit KubeStateMetrics(KubeDeployment deployment) : deployment_(std::move(deployment)) {}

  /// Changes the deployment by `change(KubeDeployment&)`.
  template <class Change>
  void update(const Change& change) {
    const std::scoped_lock lock(mutex_);
    change(deployment_);
  }
  [[nodiscard]] std::string page() const;

 private:
  mutable std::mutex mutex_;
  KubeDeployment deployment_;
};

}  // namespace tokenscaler::e2e
