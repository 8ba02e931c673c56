// Series and labels: kube-state-metrics 2.x, docs/metrics/workload and docs/metrics/cluster.
#include "prom/target_state_reader.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <set>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "prom/query_pool.h"

namespace tokenscaler::prom {

namespace {

using scaling::PodPhase;
using scaling::PodState;
using scaling::TargetState;

/// kube-state-metrics is scraped every 30 to 60 s; older than this it is no view of the present.
constexpr std::chrono::seconds kMaxStateAge{180};

/// Waiting reasons that do not end by waiting.
constexpr std::array<std::string_view, 8> kFailingReasons = {
    "CrashLoopBackOff", "ImagePullBackOff",           "ErrImagePull",         "ErrImageNeverPull",
    "InvalidImageName", "CreateContainerConfigError", "CreateContainerError", "RunContainerError",
};

/// Resources that are whole GPUs or slices of them, in the spelling of kube-state-metrics. Vendors
/// name memory and shares of cores alike (nvidia.com/gpumem, gpu.intel.com/millicores).
constexpr std::string_view kGpuResources =
    "nvidia_com_gpu|nvidia_com_gpu_shared|nvidia_com_mig_.*|amd_com_gpu|gpu_intel_com_(i915|xe)|"
    "habana_ai_gaudi";

/// The first sample of a pod comes up to one interval after it is ready, and may be late by half.
constexpr double kFirstScrapeIntervals = 1.5;
/// A pod that took longer to be ready waited for something else than its model.
constexpr Seconds kLongestColdStart{3600};
/// What stands for "ready for longer than was looked back".
constexpr Seconds kLongReady{86'400};

/// The queries of one target, each with the name of what it asks.
enum class Ask {
  SpecReplicas,
  SpecAge,
  Generation,
  ObservedGeneration,
  UpdatedReplicas,
  StatusReplicas,
  ReplicaSets,
  PodOwners,
  PodAge,
  Phase,
  Ready,
  ReadyTime,
  Created,
  Scheduled,
  Started,
  Waiting,
  LastTerminated,
  Unschedulable,
  Deleted,
  Gpus,
  Scraped,
  Count,
};

/// Writes selectors over one namespace of kube-state-metrics.
class StateQueries {
 public:
  StateQueries(const Server& server, const TargetStateRequest& request)
      : server_(server), request_(request) {}

  [[nodiscard]] std::vector<std::string> all() const {
    const bool deployment = request_.target.kind == "Deployment";
    const std::string kind = deployment ? "deployment" : "statefulset";
    const LabelMatcher target = equal(kind, request_.target.name);
    const auto of_target = [&](std::string_view name) {
      return one_replica(series(fmt::format("kube_{}_{}", kind, name), {target}));
    };
    const auto of_pods = [&](std::string_view name, std::vector<LabelMatcher> more) {
      return one_replica(series(name, std::move(more)));
    };
    std::vector<std::string> queries(static_cast<std::size_t>(Ask::Count));
    const auto set = [&](Ask ask, std::string query) {
      queries[static_cast<std::size_t>(ask)] = std::move(query);
    };
    set(Ask::SpecReplicas, of_target(deployment ? "spec_replicas" : "replicas"));
    set(Ask::SpecAge,
        fmt::format("max(timestamp({}))", series(deployment ? "kube_deployment_spec_replicas"
                                                            : "kube_statefulset_replicas",
                                                 {target})));
    set(Ask::Generation, of_target("metadata_generation"));
    set(Ask::ObservedGeneration, of_target("status_observed_generation"));
    set(Ask::UpdatedReplicas, of_target("status_replicas_updated"));
    set(Ask::StatusReplicas, of_target("status_replicas"));
    set(Ask::ReplicaSets,
        of_pods("kube_replicaset_owner",
                {equal("owner_kind", "Deployment"), equal("owner_name", request_.target.name)}));
    set(Ask::PodOwners, of_pods("kube_pod_owner",
                                {equal("owner_kind", deployment ? "ReplicaSet" : "StatefulSet")}));
    set(Ask::PodAge, fmt::format("max(timestamp({}))", series("kube_pod_owner", {})));
    // Zeros say what does not hold; only what holds is needed.
    set(Ask::Phase, of_pods("kube_pod_status_phase", {}) + " == 1");
    set(Ask::Ready, of_pods("kube_pod_status_ready", {equal("condition", "true")}) + " == 1");
    set(Ask::ReadyTime, of_pods("kube_pod_status_ready_time", {}));
    set(Ask::Created, of_pods("kube_pod_created", {}));
    set(Ask::Scheduled, of_pods("kube_pod_status_scheduled_time", {}));
    set(Ask::Started, of_pods("kube_pod_container_state_started", {}));
    set(Ask::Waiting, of_pods("kube_pod_container_status_waiting_reason", {}) + " == 1");
    set(Ask::LastTerminated,
        of_pods("kube_pod_container_status_last_terminated_reason", {}) + " == 1");
    set(Ask::Unschedulable, of_pods("kube_pod_status_unschedulable", {}) + " == 1");
    set(Ask::Deleted, of_pods("kube_pod_deletion_timestamp", {}));
    set(Ask::Gpus, fmt::format("sum by ({}, {}) ({})", server_.kube_state_namespace_label,
                               server_.kube_state_pod_label,
                               of_pods("kube_pod_container_resource_requests",
                                       {{.label = "resource",
                                         .op = LabelMatcher::Op::Matches,
                                         .value = std::string(kGpuResources)}})));
    set(Ask::Scraped, "count(kube_pod_info)");
    return queries;
  }

 private:
  static LabelMatcher equal(std::string label, std::string value) {
    return {.label = std::move(label), .op = LabelMatcher::Op::Equal, .value = std::move(value)};
  }

  [[nodiscard]] std::string series(std::string_view name, std::vector<LabelMatcher> more) const {
    std::vector<LabelMatcher> matchers = {
        equal(server_.kube_state_namespace_label, request_.name_space)};
    matchers.insert(matchers.end(), more.begin(), more.end());
    matchers.insert(matchers.end(), server_.extra_matchers.begin(), server_.extra_matchers.end());
    return selector(name, matchers);
  }

  /// Reduces HA replicas, and several instances of kube-state-metrics, to one series.
  [[nodiscard]] std::string one_replica(const std::string& selected) const {
    std::string labels = "instance, job";
    for (const std::string& label : server_.replica_labels) labels += ", " + label;
    // The pod, container and uid of kube-state-metrics itself do not matter either, but `pod` is
    // the subject's when honorLabels is set.
    return fmt::format("max without ({}) ({})", labels, selected);
  }

  const Server& server_;
  const TargetStateRequest& request_;
};

/// Reads the answers of StateQueries.
class StateAnswers {
 public:
  StateAnswers(const Server& server, std::vector<Vector> answers)
      : server_(server), answers_(std::move(answers)) {}

  [[nodiscard]] const Vector& rows(Ask ask) const {
    return answers_[static_cast<std::size_t>(ask)];
  }

  /// The largest finite value.
  [[nodiscard]] std::optional<double> number(Ask ask) const {
    return largest(ask, [](const VectorElement&) { return true; });
  }

  [[nodiscard]] std::string pod_of(const VectorElement& row) const {
    return std::string(row.labels.get(server_.kube_state_pod_label));
  }

  /// The largest finite value in the rows of `pod`.
  [[nodiscard]] std::optional<double> of_pod(Ask ask, const std::string& pod) const {
    return largest(ask, [&](const VectorElement& row) {
      return row.labels.get(server_.kube_state_pod_label) == pod;
    });
  }

  /// The values of `label` in the rows of `pod`.
  [[nodiscard]] std::set<std::string> words(Ask ask, const std::string& pod,
                                            std::string_view label) const {
    std::set<std::string> words;
    for (const VectorElement& row : rows(ask)) {
      if (row.labels.get(server_.kube_state_pod_label) == pod) {
        words.emplace(row.labels.get(label));
      }
    }
    return words;
  }

 private:
  template <class Accept>
  [[nodiscard]] std::optional<double> largest(Ask ask, const Accept& accept) const {
    std::optional<double> found;
    for (const VectorElement& row : rows(ask)) {
      if (!std::isfinite(row.sample.value) || !accept(row)) continue;
      found = std::max(found.value_or(row.sample.value), row.sample.value);
    }
    return found;
  }

  const Server& server_;
  std::vector<Vector> answers_;
};

/// Nothing for what cannot be a time; 1e11 s is the year 5138.
std::optional<WallTime> wall_time(std::optional<double> unix_seconds) {
  if (!unix_seconds || !(*unix_seconds > 0.0) || *unix_seconds > 1e11) return std::nullopt;
  return WallTime(std::chrono::milliseconds(std::llround(*unix_seconds * 1000.0)));
}

/// A whole number from 0 on; 0 for what is no number.
Replicas replicas_of(double value) {
  if (std::isnan(value)) return Replicas(0);
  constexpr double kMost = std::numeric_limits<std::int32_t>::max();
  return Replicas(static_cast<std::int32_t>(std::clamp(value, 0.0, kMost)));
}

/// When the pod began to start, for the last time: what pods do before they have a node, and before
/// a container was restarted, is not loading. Unknown means now.
WallTime start_of(const StateAnswers& answers, const std::string& pod, WallTime now) {
  std::optional<WallTime> start;
  for (const Ask ask : {Ask::Created, Ask::Scheduled, Ask::Started}) {
    const auto time = wall_time(answers.of_pod(ask, pod));
    if (time) start = std::max(start.value_or(*time), *time);
  }
  return start.value_or(now);
}

/// One pod, judged in the order in which a state hides the next.
PodState judge(const StateAnswers& answers, const std::string& pod, WallTime now) {
  PodState state;
  state.name = pod;
  state.since = start_of(answers, pod, now);
  const auto phases = answers.words(Ask::Phase, pod, "phase");
  const auto waiting = answers.words(Ask::Waiting, pod, "reason");
  const auto terminated = answers.words(Ask::LastTerminated, pod, "reason");
  const bool stuck =
      std::any_of(kFailingReasons.begin(), kFailingReasons.end(),
                  [&](std::string_view reason) { return waiting.contains(std::string(reason)); });
  if (const auto deleted = answers.of_pod(Ask::Deleted, pod)) {
    state.phase = PodPhase::Terminating;
    state.since = wall_time(deleted).value_or(now);
  } else if (phases.contains("Unknown") || stuck) {  // NOLINT(bugprone-branch-clone): order matters
    state.phase = PodPhase::Failing;
  } else if (answers.of_pod(Ask::Ready, pod)) {
    state.phase = PodPhase::Ready;
    state.since = wall_time(answers.of_pod(Ask::ReadyTime, pod)).value_or(state.since);
  } else if (terminated.contains("OOMKilled")) {
    // Not ready again since it was killed for memory: it will be killed again under the same load.
    state.phase = PodPhase::Failing;
  } else if (answers.of_pod(Ask::Unschedulable, pod)) {
    state.phase = PodPhase::Unschedulable;
  } else {
    state.phase = PodPhase::Starting;
  }
  return state;
}

/// Whether the pod has ended for good: evicted, refused by its node, or complete. Controllers and
/// the HPA do not count what is left of it.
bool has_ended(const StateAnswers& answers, const std::string& pod) {
  const auto phases = answers.words(Ask::Phase, pod, "phase");
  return phases.contains("Failed") || phases.contains("Succeeded");
}

/// The pods of the target that have not ended.
std::set<std::string> owned_pods(const StateAnswers& answers, const TargetStateRequest& request) {
  std::set<std::string> owners;
  if (request.target.kind == "Deployment") {
    for (const VectorElement& row : answers.rows(Ask::ReplicaSets)) {
      owners.emplace(row.labels.get("replicaset"));
    }
  } else {
    owners.insert(request.target.name);
  }
  std::set<std::string> pods;
  for (const VectorElement& row : answers.rows(Ask::PodOwners)) {
    const std::string owner(row.labels.get("owner_name"));
    const std::string pod = answers.pod_of(row);
    const bool owned = owners.contains(owner) && !pod.empty();
    if (owned && !has_ended(answers, pod)) pods.insert(pod);
  }
  return pods;
}

/// The 95th percentile (nearest rank) of created -> ready. Pods whose containers were restarted, or
/// that were not ready for a while, became ready later than their cold start took.
std::optional<Seconds> cold_start_p95(const StateAnswers& answers, const TargetState& state) {
  std::vector<Seconds> times;
  for (const PodState& pod : state.pods) {
    const auto created = answers.of_pod(Ask::Created, pod.name);
    const auto ready = answers.of_pod(Ask::ReadyTime, pod.name);
    if (pod.phase != PodPhase::Ready || !created || !ready) continue;
    if (!answers.words(Ask::LastTerminated, pod.name, "reason").empty()) continue;
    const Seconds time(*ready - *created);
    if (time > Seconds(0) && time <= kLongestColdStart) times.push_back(time);
  }
  if (times.empty()) return std::nullopt;
  std::sort(times.begin(), times.end());
  const std::size_t rank = (times.size() * 95 + 99) / 100;
  return times[rank - 1];
}

/// A StatefulSet with OnDelete or a partition and a Deployment that is paused have pods of two
/// revisions for as long as people like: they roll out only while a pod comes or goes.
bool is_rolling_out(const StateAnswers& answers, const TargetState& state) {
  const auto generation = answers.number(Ask::Generation);
  const auto observed = answers.number(Ask::ObservedGeneration);
  if (generation && observed && *observed < *generation) return true;
  const auto updated = answers.number(Ask::UpdatedReplicas);
  const auto total = answers.number(Ask::StatusReplicas);
  const bool mixed = updated && total && *updated < *total;
  return mixed && std::any_of(state.pods.begin(), state.pods.end(),
                              [](const PodState& pod) { return pod.phase != PodPhase::Ready; });
}

/// While the target rolls out it has more pods than its spec asks for. The newest of those that are
/// not ready, then the newest, are the surge.
void mark_surplus(TargetState& state) {
  std::vector<PodState*> pods;
  for (PodState& pod : state.pods) {
    if (pod.phase != PodPhase::Terminating) pods.push_back(&pod);
  }
  std::stable_sort(pods.begin(), pods.end(), [](const PodState* a, const PodState* b) {
    const bool a_ready = a->phase == PodPhase::Ready;
    const bool b_ready = b->phase == PodPhase::Ready;
    return a_ready != b_ready ? b_ready : a->since > b->since;
  });
  const auto wanted = static_cast<std::size_t>(state.spec_replicas.value());
  for (std::size_t i = 0; i + wanted < pods.size(); ++i) pods[i]->surplus = true;
}

/// Several shards of kube-state-metrics tell of some pods each. Pods of a shard that is not scraped
/// are missing here while their series go on, so that the fleet would seem to be smaller.
Status check_complete(const StateAnswers& answers, const TargetState& state,
                      const TargetStateRequest& request) {
  // A Deployment does not count pods that terminate, a StatefulSet does.
  const bool all = request.target.kind == "StatefulSet";
  const auto listed = std::count_if(state.pods.begin(), state.pods.end(), [&](const PodState& pod) {
    return all || pod.phase != PodPhase::Terminating;
  });
  const Replicas replicas = replicas_of(answers.number(Ask::StatusReplicas).value_or(0.0));
  if (listed >= replicas.value()) return {};
  return make_error(ErrorCode::Unavailable,
                    fmt::format("kube-state-metrics tells {} of {} pods of the {} {}/{}", listed,
                                replicas.value(), request.target.kind, request.name_space,
                                request.target.name))
      .advise("find out whether a shard of kube-state-metrics is not scraped");
}

/// A count that is guessed would make the capacity of a replica wrong by as much.
Result<GpuCount> gpus_of_replica(const StateAnswers& answers, const TargetState& state,
                                 const TargetStateRequest& request) {
  if (request.gpus_per_replica) return *request.gpus_per_replica;
  std::int32_t gpus = 0;
  for (const PodState& pod : state.pods) {
    gpus = std::max(gpus, replicas_of(answers.of_pod(Ask::Gpus, pod.name).value_or(0.0)).value());
  }
  if (gpus > 0) return GpuCount(gpus);
  return make_error(ErrorCode::Invalid,
                    fmt::format("kube-state-metrics tells of no GPUs that pods of the {} {}/{} "
                                "request",
                                request.target.kind, request.name_space, request.target.name))
      .at("spec.gpusPerReplica")
      .advise("set spec.gpusPerReplica");
}

Error unknown_target(const StateAnswers& answers, const TargetStateRequest& request) {
  Error error =
      make_error(ErrorCode::NotFound,
                 fmt::format("kube-state-metrics does not know the {} {}/{}", request.target.kind,
                             request.name_space, request.target.name));
  if (answers.rows(Ask::Scraped).empty()) {
    error.message += ": this Prometheus has no series of kube-state-metrics";
    return std::move(error).advise(
        "scrape kube-state-metrics with this Prometheus, or tell the number of replicas");
  }
  return std::move(error).advise(
      "check the names; without honorLabels the namespace is in the label exported_namespace");
}

}  // namespace

Result<TargetState> read_target_state(const ApiClient& api, const TargetStateRequest& request,
                                      const std::stop_token& stop) {
  if (request.target.kind != "Deployment" && request.target.kind != "StatefulSet") {
    return make_error(ErrorCode::Invalid, fmt::format("kube-state-metrics has no series of kind {}",
                                                      request.target.kind))
        .at("spec.scaleTargetRef.kind")
        .advise("only Deployment and StatefulSet can be read without access to the cluster");
  }
  const Deadline deadline(api.clock(), api.server().read_timeout);
  ASSIGN_OR_RETURN(const WallTime now, api.server_time(deadline, stop));
  const auto queries = StateQueries(api.server(), request).all();
  std::vector<Vector> vectors;
  for (auto& answer : send_all(api, queries, now, deadline, stop)) {
    if (!answer) return std::move(answer).error();
    Vector* vector = std::get_if<Vector>(&answer->result);
    if (vector == nullptr) return make_error(ErrorCode::Internal, "an answer is not a vector");
    vectors.push_back(std::move(*vector));
  }
  const StateAnswers answers(api.server(), std::move(vectors));
  const auto spec = answers.number(Ask::SpecReplicas);
  if (!spec) return unknown_target(answers, request);
  // The lookback hides five minutes of silence; the series' own stamps do not.
  const double sampled = std::min(answers.number(Ask::SpecAge).value_or(0.0),
                                  answers.number(Ask::PodAge).value_or(HUGE_VAL));
  const auto age = std::chrono::duration_cast<std::chrono::seconds>(
      now - wall_time(sampled).value_or(WallTime()));
  if (age > kMaxStateAge) {
    return make_error(ErrorCode::Unavailable,
                      fmt::format("the series of kube-state-metrics are {} s old", age.count()))
        .advise("find out why kube-state-metrics is not scraped");
  }

  TargetState state;
  state.spec_replicas = replicas_of(*spec);
  for (const std::string& pod : owned_pods(answers, request)) {
    state.pods.push_back(judge(answers, pod, now));
  }
  if (Status complete = check_complete(answers, state, request); !complete) return complete.error();
  state.cold_start_p95 = cold_start_p95(answers, state);
  state.rolling_out = is_rolling_out(answers, state);
  if (state.rolling_out) mark_surplus(state);
  ASSIGN_OR_RETURN(state.gpus_per_replica, gpus_of_replica(answers, state, request));
  return state;
}

TargetState target_state_from(const scaling::Observation& observation,
                              std::optional<GpuCount> gpus_per_replica) {
  TargetState state;
  state.gpus_per_replica = gpus_per_replica.value_or(GpuCount(1));
  for (const scaling::PodSignals& signals : observation.pods) {
    PodState& pod = state.pods.emplace_back();
    pod.name = signals.pod;
    pod.phase = PodPhase::Ready;
    // A series that reaches back over the window may be older than was looked back.
    const Seconds slack = kFirstScrapeIntervals * observation.scrape_interval;
    const bool settled = signals.observed_for + slack >= observation.effective_window;
    const Seconds age =
        settled ? std::max<Seconds>(signals.observed_for, kLongReady) : signals.observed_for;
    pod.since =
        observation.evaluated_at - std::chrono::duration_cast<std::chrono::milliseconds>(age);
  }
  state.spec_replicas = Replicas(static_cast<std::int32_t>(state.pods.size()));
  return state;
}

}  // namespace tokenscaler::prom
