// A scale target and its pods as Kubernetes runs them, behind a load balancer.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "scaling/decide.h"
#include "sim/scenario.h"
#include "sim/scrapes.h"

namespace tokenscaler::sim {

/// A terminating pod gets this long to end its requests.
inline constexpr double kTerminationGrace = 60.0;

class Cluster {
 public:
  Cluster(const Scenario& scenario, Random& random);

  /// One second from `t` to `t` + 1.
  void step(double t);
  /// Sets spec.replicas.
  void scale(int replicas, double t);
  /// What an evaluation at `t` reads, by the cluster's clocks.
  [[nodiscard]] scaling::Snapshot snapshot(double t) const;

  [[nodiscard]] int replicas() const { return replicas_; }
  [[nodiscard]] int ready() const;
  [[nodiscard]] std::size_t waiting() const;

 private:
  struct Pod {
    std::string name;
    scaling::PodPhase phase = scaling::PodPhase::Starting;
    double since = 0.0;
    double ready_at = 0.0;
    double scrape_offset = 0.0;
    bool doomed = false;  ///< Fails instead of becoming ready, as long as the crash loop lasts.
    Engine engine;
    Scrapes scrapes;
  };

  void create_pod(double t);
  void remove_pods(double t);
  void schedule(double t);
  void move_phases(double t);
  void arrive(double t);
  void route(Request request);
  void set_phase(Pod& pod, scaling::PodPhase phase, double t);
  [[nodiscard]] int living() const;

  const Scenario& scenario_;
  Random& random_;
  int replicas_ = 0;
  int created_ = 0;
  std::vector<std::unique_ptr<Pod>> pods_;
  std::vector<Request> unrouted_;  ///< Wait at the load balancer while nothing is ready.
};

/// A time of the simulation as a wall time.
[[nodiscard]] WallTime wall(double t);

}  // namespace tokenscaler::sim
