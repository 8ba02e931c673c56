// What others read of a Deployment: kube-state-metrics' page, Prometheus' file_sd, the list of
// ready engines, and JSON.
#pragma once

#include <string>

#include "engine/deployment.h"

namespace tokenscaler::engine {

/// kube-state-metrics' families of this Deployment, its ReplicaSets and its pods.
[[nodiscard]] std::string kube_state_metrics_text(const Deployment& deployment);

/// Prometheus file_sd: one target for each pod whose process has a port, with the labels that
/// Kubernetes' service discovery gives after the usual relabelling: namespace, pod, container,
/// node. Pods that start or terminate are in it, as the real one keeps them.
[[nodiscard]] std::string file_sd_json(const Deployment& deployment);

/// URLs of the ready engines, one a line: what a Service's endpoints are.
[[nodiscard]] std::string ready_endpoints(const Deployment& deployment);

/// `{"replicas": .., "liveReplicas": .., "readyReplicas": .., "updatedReplicas": .., "pods":
/// [...]}`
[[nodiscard]] std::string status_json(const Deployment& deployment);

/// autoscaling/v1 Scale, as the API server's /scale subresource answers.
[[nodiscard]] std::string scale_json(const Deployment& deployment);

}  // namespace tokenscaler::engine
