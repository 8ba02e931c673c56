#include "cases/kube_state_metrics.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <string_view>

#include "cases/exposition_text.h"

namespace tokenscaler::e2e {

namespace {

constexpr std::array<std::string_view, 5> kPhases = {"Pending", "Succeeded", "Failed", "Unknown",
                                                     "Running"};

double unix_seconds(WallTime time) {
  return std::floor(std::chrono::duration_cast<Seconds>(time.time_since_epoch()).count());
}

class StatePage {
 public:
  explicit StatePage(const KubeDeployment& deployment) : deployment_(deployment) {}

  std::string write() {
    write_deployment();
    write_replica_sets();
    write_pods();
    write_containers();
    return page_.text();
  }

 private:
  void of_deployment(std::string_view name, double value) {
    page_.family(name, "gauge");
    page_.sample("", {{"namespace", deployment_.name_space}, {"deployment", deployment_.name}},
                 value);
  }

  void write_deployment() {
    const auto ready =
        std::count_if(deployment_.pods.begin(), deployment_.pods.end(),
                      [](const KubePod& pod) { return pod.ready_since.has_value(); });
    const auto pods = static_cast<double>(deployment_.pods.size());
    of_deployment("kube_deployment_spec_replicas", deployment_.spec_replicas);
    of_deployment("kube_deployment_metadata_generation", deployment_.generation);
    of_deployment("kube_deployment_status_observed_generation", deployment_.observed_generation);
    of_deployment("kube_deployment_status_replicas", pods);
    of_deployment("kube_deployment_status_replicas_updated", deployment_.updated_replicas);
    of_deployment("kube_deployment_status_replicas_ready", static_cast<double>(ready));
    of_deployment("kube_deployment_status_replicas_available", static_cast<double>(ready));
    of_deployment("kube_deployment_status_replicas_unavailable", pods - static_cast<double>(ready));
  }

  void write_replica_sets() {
    page_.family("kube_replicaset_owner", "gauge");
    for (const std::string& name : deployment_.replica_sets) {
      page_.sample("",
                   {{"namespace", deployment_.name_space},
                    {"replicaset", name},
                    {"owner_kind", "Deployment"},
                    {"owner_name", deployment_.name},
                    {"owner_is_controller", "true"}},
                   1);
    }
  }

  [[nodiscard]] Labels of_pod(const KubePod& pod, Labels more = {}) const {
    Labels labels{{"namespace", deployment_.name_space},
                  {"pod", pod.name},
                  {"uid", "00000000-0000-4000-8000-" + pod.name}};
    labels.insert(labels.end(), more.begin(), more.end());
    return labels;
  }

  void each_pod(std::string_view name, const std::function<void(const KubePod&)>& write) {
    page_.family(name, "gauge");
    for (const KubePod& pod : deployment_.pods) write(pod);
  }

  void write_pods() {
    each_pod("kube_pod_info", [&](const KubePod& pod) {
      page_.sample("",
                   of_pod(pod, {{"created_by_kind", "ReplicaSet"},
                                {"created_by_name", pod.replica_set},
                                {"node", "gpu-node"},
                                {"host_network", "false"}}),
                   1);
    });
    each_pod("kube_pod_owner", [&](const KubePod& pod) {
      page_.sample("",
                   of_pod(pod, {{"owner_kind", "ReplicaSet"},
                                {"owner_name", pod.replica_set},
                                {"owner_is_controller", "true"}}),
                   1);
    });
    each_pod("kube_pod_created",
             [&](const KubePod& pod) { page_.sample("", of_pod(pod), unix_seconds(pod.created)); });
    each_pod("kube_pod_status_phase", [&](const KubePod& pod) {
      for (const std::string_view phase : kPhases) {
        page_.sample("", of_pod(pod, {{"phase", std::string(phase)}}), phase == pod.phase ? 1 : 0);
      }
    });
    each_pod("kube_pod_status_ready", [&](const KubePod& pod) {
      const bool ready = pod.ready_since.has_value();
      page_.sample("", of_pod(pod, {{"condition", "true"}}), ready ? 1 : 0);
      page_.sample("", of_pod(pod, {{"condition", "false"}}), ready ? 0 : 1);
      page_.sample("", of_pod(pod, {{"condition", "unknown"}}), 0);
    });
    each_pod("kube_pod_status_ready_time", [&](const KubePod& pod) {
      if (pod.ready_since) page_.sample("", of_pod(pod), unix_seconds(*pod.ready_since));
    });
    each_pod("kube_pod_status_unschedulable", [&](const KubePod& pod) {
      if (pod.unschedulable) page_.sample("", of_pod(pod), 1);
    });
  }

  void write_containers() {
    each_pod("kube_pod_container_status_waiting_reason", [&](const KubePod& pod) {
      if (pod.waiting_reason.empty()) return;
      page_.sample("", of_pod(pod, {{"container", "engine"}, {"reason", pod.waiting_reason}}), 1);
    });
    each_pod("kube_pod_container_status_last_terminated_reason", [&](const KubePod& pod) {
      if (pod.restarts == 0) return;
      page_.sample("", of_pod(pod, {{"container", "engine"}, {"reason", "Error"}}), 1);
    });
    each_pod("kube_pod_container_status_restarts_total", [&](const KubePod& pod) {
      page_.sample("", of_pod(pod, {{"container", "engine"}}), pod.restarts);
    });
    each_pod("kube_pod_container_resource_requests", [&](const KubePod& pod) {
      const Labels container{{"container", "engine"}, {"node", "gpu-node"}};
      Labels gpus = of_pod(pod, container);
      gpus.insert(gpus.end(), {{"resource", "nvidia_com_gpu"}, {"unit", "integer"}});
      page_.sample("", gpus, pod.gpus);
      Labels memory = of_pod(pod, container);
      memory.insert(memory.end(), {{"resource", "memory"}, {"unit", "byte"}});
      page_.sample("", memory, 64e9);
    });
  }

  const KubeDeployment& deployment_;
  ExpositionText page_;
};

}  // namespace

std::string KubeStateMetrics::page() const {
  const std::scoped_lock lock(mutex_);
  return StatePage(deployment_).write();
}

}  // namespace tokenscaler::e2e
