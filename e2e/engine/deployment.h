// What Kubernetes does for a Deployment of engines, as far as an autoscaler can tell: pods with
// names, readiness, restarts with back-off, drains, rolling updates, GPUs that run out. Pure: it
// says which processes to start and stop, and is told what became of them.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "base/clock.h"

namespace tokenscaler::engine {

struct DeploymentOptions {
  std::string name = "llama";
  std::string namespace_name = "default";
  std::string container = "vllm";
  std::string node = "gpu-node-0";
  std::int32_t gpus_per_replica = 1;
  std::int32_t gpus_on_node = 1'000'000;
  std::int32_t max_replicas = 64;  ///< Processes this machine can carry.
  std::chrono::milliseconds termination_grace{30'000};
  /// kubelet's: none before the first restart, then 10 s, doubling up to 300 s.
  std::chrono::milliseconds restart_backoff{10'000};
  std::uint32_t seed = 1;  ///< Of the pods' names.
};

enum class PodPhase { Pending, Running };

struct Pod {
  std::string name;
  std::string uid;
  std::string replica_set;        ///< `<deployment>-<template hash>`
  std::vector<std::string> args;  ///< The template's, for its engine.
  PodPhase phase = PodPhase::Pending;
  bool unschedulable = false;
  bool ready = false;
  int restarts = 0;
  std::uint16_t port = 0;  ///< 0: not known yet.
  std::optional<int> pid;  ///< Of the running process.
  WallTime created{};
  std::optional<WallTime> scheduled;
  std::optional<WallTime> ready_since;
  std::optional<WallTime> deleted;  ///< Set: it terminates.
  SteadyTime kill_at{};             ///< With deleted: when its grace ends.
  SteadyTime start_at{};            ///< Not started (again) before.
  bool kill_sent = false;

  [[nodiscard]] bool live() const { return !deleted.has_value(); }
  [[nodiscard]] std::string endpoint() const { return "http://127.0.0.1:" + std::to_string(port); }
};

/// Something to do for the owner of the processes.
struct PodAction {
  enum class Kind { Start, Terminate, Kill };
  Kind kind;
  std::string pod;
};

class Deployment {
 public:
  Deployment(DeploymentOptions options, std::vector<std::string> engine_args, WallTime now);

  /// 0 to max_replicas.
  void set_replicas(std::int32_t replicas);
  /// Rolls to engines with these arguments: one new pod at a time, an old one goes when the new one
  /// is ready. At most `limit` pods are of the new template (a rollout that is half-way).
  void set_template(std::vector<std::string> engine_args, std::int32_t limit);

  /// What is to be done now to come nearer to what is wanted.
  [[nodiscard]] std::vector<PodAction> reconcile(WallTime wall, SteadyTime now);

  void on_started(const std::string& name, int pid, SteadyTime now);
  void on_port(const std::string& name, std::uint16_t port);
  void on_probe(const std::string& name, bool ready, WallTime now);
  /// The pod's process has ended: a terminating pod is gone, another one restarts.
  void on_exit(const std::string& name, SteadyTime now);

  [[nodiscard]] const DeploymentOptions& options() const { return options_; }
  [[nodiscard]] const std::vector<Pod>& pods() const { return pods_; }
  [[nodiscard]] std::int32_t replicas() const { return replicas_; }
  [[nodiscard]] std::int32_t ready_replicas() const;
  [[nodiscard]] std::int32_t live_replicas() const;
  [[nodiscard]] std::int32_t updated_replicas() const;
  [[nodiscard]] std::int64_t generation() const { return generation_; }
  [[nodiscard]] WallTime created() const { return created_; }
  /// Names of the ReplicaSets that have pods or are current.
  [[nodiscard]] std::vector<std::string> replica_sets() const;

 private:
  struct Template {
    std::string replica_set;
    std::vector<std::string> args;
  };

  [[nodiscard]] std::string random_name(std::size_t length);
  [[nodiscard]] Template make_template(std::vector<std::string> args);
  [[nodiscard]] Pod* find(const std::string& name);
  void create(const Template& from, WallTime now);
  void remove_surplus(std::vector<PodAction>& actions, WallTime wall, SteadyTime now);
  void schedule(std::vector<PodAction>& actions, WallTime wall, SteadyTime now);
  [[nodiscard]] Pod* victim(bool updated);
  [[nodiscard]] std::int32_t wanted_updated() const;

  DeploymentOptions options_;
  std::mt19937 random_;
  WallTime created_;
  std::int64_t generation_ = 1;
  std::int32_t replicas_ = 0;
  Template current_;
  Template previous_;
  std::int32_t update_limit_;
  std::vector<Pod> pods_;
};

}  // namespace tokenscaler::engine
