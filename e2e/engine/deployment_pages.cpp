#include "engine/deployment_pages.h"

#include <algorithm>

#include <fmt/format.h>

#include "engine/exposition.h"
#include "engine/json_reader.h"

namespace tokenscaler::engine {

namespace {

double unix_seconds(WallTime time) {
  return static_cast<double>(
      std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count());
}

// Families, help texts and labels: kube-state-metrics
// internal/store/{deployment,replicaset,pod}.go.
class KubeStatePage {
 public:
  explicit KubeStatePage(const Deployment& deployment)
      : deployment_(deployment),
        page_(ExpositionStyle::KubeStateMetrics, deployment.created()),
        namespace_(deployment.options().namespace_name) {}

  std::string text() {
    add_deployment();
    add_replica_sets();
    add_pod_times();
    add_pod_states();
    add_containers();
    return page_.text();
  }

 private:
  MetricFamily& gauge(std::string name, std::string_view help) {
    return page_.gauge(std::move(name), fmt::format("[STABLE] {}", help));
  }
  [[nodiscard]] Labels of(const Pod& pod) const {
    return {{"namespace", namespace_}, {"pod", pod.name}, {"uid", pod.uid}};
  }
  static Labels with(Labels labels,
                     std::initializer_list<std::pair<std::string, std::string>> more) {
    labels.insert(labels.end(), more.begin(), more.end());
    return labels;
  }

  void add_deployment() {
    const Labels labels = {{"namespace", namespace_}, {"deployment", deployment_.options().name}};
    const auto put = [&](std::string name, std::string_view help, double value) {
      gauge(std::move(name), help).with(labels).set(value);
    };
    const double live = deployment_.live_replicas();
    const double ready = deployment_.ready_replicas();
    put("kube_deployment_created", "Unix creation timestamp", unix_seconds(deployment_.created()));
    put("kube_deployment_status_replicas", "The number of replicas per deployment.", live);
    put("kube_deployment_status_replicas_ready", "The number of ready replicas per deployment.",
        ready);
    put("kube_deployment_status_replicas_available",
        "The number of available replicas per deployment.", ready);
    put("kube_deployment_status_replicas_unavailable",
        "The number of unavailable replicas per deployment.",
        std::max(0.0, std::max<double>(live, deployment_.replicas()) - ready));
    put("kube_deployment_status_replicas_updated", "The number of updated replicas per deployment.",
        deployment_.updated_replicas());
    put("kube_deployment_status_observed_generation",
        "The generation observed by the deployment controller.",
        static_cast<double>(deployment_.generation()));
    put("kube_deployment_spec_replicas", "Number of desired pods for a deployment.",
        deployment_.replicas());
    put("kube_deployment_metadata_generation",
        "Sequence number representing a specific generation of the desired state.",
        static_cast<double>(deployment_.generation()));
  }

  void add_replica_sets() {
    MetricFamily& owner =
        gauge("kube_replicaset_owner", "Information about the ReplicaSet's owner.");
    MetricFamily& replicas =
        gauge("kube_replicaset_status_replicas", "The number of replicas per ReplicaSet.");
    for (const std::string& name : deployment_.replica_sets()) {
      const Labels labels = {{"namespace", namespace_}, {"replicaset", name}};
      owner
          .with(with(labels, {{"owner_kind", "Deployment"},
                              {"owner_name", deployment_.options().name},
                              {"owner_is_controller", "true"}}))
          .set(1);
      replicas.with(labels).set(static_cast<double>(
          std::count_if(deployment_.pods().begin(), deployment_.pods().end(),
                        [&](const Pod& pod) { return pod.live() && pod.replica_set == name; })));
    }
  }

  void add_pod_times() {
    MetricFamily& info = gauge("kube_pod_info", "Information about pod.");
    MetricFamily& owner = gauge("kube_pod_owner", "Information about the Pod's owner.");
    MetricFamily& created = gauge("kube_pod_created", "Unix creation timestamp");
    MetricFamily& scheduled = gauge("kube_pod_status_scheduled_time",
                                    "Unix timestamp when pod moved into scheduled status");
    MetricFamily& ready = page_.gauge("kube_pod_status_ready_time",
                                      "Readiness achieved time in unix timestamp for a pod.");
    MetricFamily& deleted = page_.gauge("kube_pod_deletion_timestamp", "Unix deletion timestamp");
    for (const Pod& pod : deployment_.pods()) {
      const std::string node = pod.scheduled ? deployment_.options().node : "";
      info.with(with({{"namespace", namespace_}, {"pod", pod.name}, {"uid", pod.uid}},
                     {{"host_ip", "127.0.0.1"},
                      {"pod_ip", "127.0.0.1"},
                      {"node", node},
                      {"created_by_kind", "ReplicaSet"},
                      {"created_by_name", pod.replica_set},
                      {"priority_class", ""},
                      {"host_network", "true"}}))
          .set(1);
      owner
          .with(with(of(pod), {{"owner_kind", "ReplicaSet"},
                               {"owner_name", pod.replica_set},
                               {"owner_is_controller", "true"}}))
          .set(1);
      created.with(of(pod)).set(unix_seconds(pod.created));
      if (pod.scheduled) scheduled.with(of(pod)).set(unix_seconds(*pod.scheduled));
      if (pod.ready_since) ready.with(of(pod)).set(unix_seconds(*pod.ready_since));
      if (pod.deleted) deleted.with(of(pod)).set(unix_seconds(*pod.deleted));
    }
  }

  void add_pod_states() {
    MetricFamily& phase = gauge("kube_pod_status_phase", "The pods current phase.");
    MetricFamily& ready =
        gauge("kube_pod_status_ready", "Describes whether the pod is ready to serve requests.");
    MetricFamily& unschedulable =
        gauge("kube_pod_status_unschedulable", "Describes the unschedulable status for the pod.");
    for (const Pod& pod : deployment_.pods()) {
      const std::string_view current = pod.phase == PodPhase::Pending ? "Pending" : "Running";
      for (const char* name : {"Pending", "Succeeded", "Failed", "Unknown", "Running"}) {
        phase.with(with(of(pod), {{"phase", name}})).set(current == name ? 1 : 0);
      }
      ready.with(with(of(pod), {{"condition", "true"}})).set(pod.ready ? 1 : 0);
      ready.with(with(of(pod), {{"condition", "false"}})).set(pod.ready ? 0 : 1);
      ready.with(with(of(pod), {{"condition", "unknown"}})).set(0);
      if (pod.unschedulable) unschedulable.with(of(pod)).set(1);
    }
  }

  void add_containers() {
    MetricFamily& requests =
        gauge("kube_pod_container_resource_requests",
              "The number of requested request resource by a container. It is recommended to use "
              "the kube_pod_resource_requests metric exposed by kube-scheduler instead, as it is "
              "more precise.");
    MetricFamily& ready = gauge("kube_pod_container_status_ready",
                                "Describes whether the containers readiness check succeeded.");
    MetricFamily& waiting =
        gauge("kube_pod_container_status_waiting_reason",
              "Describes the reason the container is currently in waiting state.");
    MetricFamily& restarts =
        page_.counter("kube_pod_container_status_restarts_total",
                      "[STABLE] The number of container restarts per container.");
    const DeploymentOptions& options = deployment_.options();
    for (const Pod& pod : deployment_.pods()) {
      const Labels container = with(of(pod), {{"container", options.container}});
      requests
          .with(with(container, {{"node", pod.scheduled ? options.node : ""},
                                 {"resource", "nvidia_com_gpu"},
                                 {"unit", "integer"}}))
          .set(options.gpus_per_replica);
      ready.with(container).set(pod.ready ? 1 : 0);
      restarts.with(container).add(pod.restarts);
      if (pod.scheduled && !pod.pid && pod.restarts > 0) {
        waiting.with(with(container, {{"reason", "CrashLoopBackOff"}})).set(1);
      }
    }
  }

  const Deployment& deployment_;
  MetricPage page_;
  std::string namespace_;
};

std::string pod_json(const Pod& pod) {
  return fmt::format(
      R"({{"name":{},"replicaSet":{},"phase":"{}","ready":{},"terminating":{},"restarts":{},"pid":{},"endpoint":{}}})",
      json_quoted(pod.name), json_quoted(pod.replica_set),
      pod.phase == PodPhase::Pending ? "Pending" : "Running", pod.ready, !pod.live(), pod.restarts,
      pod.pid ? std::to_string(*pod.pid) : "null",
      pod.port == 0 ? "null" : json_quoted(pod.endpoint()));
}

}  // namespace

std::string kube_state_metrics_text(const Deployment& deployment) {
  return KubeStatePage(deployment).text();
}

std::string file_sd_json(const Deployment& deployment) {
  std::string out = "[";
  const DeploymentOptions& options = deployment.options();
  for (const Pod& pod : deployment.pods()) {
    if (pod.port == 0) continue;
    out += fmt::format(
        "{}\n  {{\"targets\": [\"127.0.0.1:{}\"], \"labels\": {{\"namespace\": {}, \"pod\": {}, "
        "\"container\": {}, \"node\": {}}}}}",
        out.size() == 1 ? "" : ",", pod.port, json_quoted(options.namespace_name),
        json_quoted(pod.name), json_quoted(options.container), json_quoted(options.node));
  }
  return out + "\n]\n";
}

std::string ready_endpoints(const Deployment& deployment) {
  std::string out;
  for (const Pod& pod : deployment.pods()) {
    if (pod.live() && pod.ready && pod.port != 0) out += pod.endpoint() + "\n";
  }
  return out;
}

std::string status_json(const Deployment& deployment) {
  std::string pods;
  for (const Pod& pod : deployment.pods()) pods += (pods.empty() ? "" : ",") + pod_json(pod);
  return fmt::format(
      R"({{"replicas":{},"liveReplicas":{},"readyReplicas":{},"updatedReplicas":{},"pods":[{}]}})"
      "\n",
      deployment.replicas(), deployment.live_replicas(), deployment.ready_replicas(),
      deployment.updated_replicas(), pods);
}

std::string scale_json(const Deployment& deployment) {
  const DeploymentOptions& options = deployment.options();
  return fmt::format(
      R"({{"kind":"Scale","apiVersion":"autoscaling/v1","metadata":{{"name":{},"namespace":{},"resourceVersion":"{}"}},)"
      R"("spec":{{"replicas":{}}},"status":{{"replicas":{},"selector":{}}}}})"
      "\n",
      json_quoted(options.name), json_quoted(options.namespace_name), deployment.generation(),
      deployment.replicas(), deployment.live_replicas(), json_quoted("app=" + options.name));
}

}  // namespace tokenscaler::engine
