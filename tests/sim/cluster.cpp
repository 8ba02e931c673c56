#include "sim/cluster.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include <fmt/format.h>

namespace tokenscaler::sim {

using scaling::PodPhase;

WallTime wall(double t) {
  constexpr std::int64_t kStart = 1'700'000'000'000;
  return WallTime(std::chrono::milliseconds(kStart + static_cast<std::int64_t>(t * 1000.0)));
}

Cluster::Cluster(const Scenario& scenario, Random& random)
    : scenario_(scenario), random_(random), replicas_(scenario.replicas_at_start) {
  for (int i = 0; i < replicas_; ++i) {
    create_pod(-600.0);
    set_phase(*pods_.back(), PodPhase::Ready, -600.0);
  }
}

void Cluster::set_phase(Pod& pod, PodPhase phase, double t) {
  pod.phase = phase;
  pod.since = t;
}

void Cluster::create_pod(double t) {
  auto pod =
      std::make_unique<Pod>(Pod{.name = fmt::format("pod-{:04}", created_++),
                                .phase = PodPhase::Unschedulable,
                                .since = t,
                                .ready_at = 0.0,
                                .scrape_offset = std::floor(random_.real(0.0, kScrapeInterval)),
                                .doomed = false,
                                .engine = Engine(scenario_.speed, scenario_.counts_at_finish),
                                .scrapes = {}});
  pods_.push_back(std::move(pod));
}

int Cluster::living() const {
  return static_cast<int>(std::count_if(pods_.begin(), pods_.end(), [](const auto& pod) {
    return pod->phase != PodPhase::Terminating;
  }));
}

int Cluster::ready() const {
  return static_cast<int>(std::count_if(
      pods_.begin(), pods_.end(), [](const auto& pod) { return pod->phase == PodPhase::Ready; }));
}

std::size_t Cluster::waiting() const {
  std::size_t sum = unrouted_.size();
  for (const auto& pod : pods_) sum += static_cast<std::size_t>(pod->engine.metrics().waiting);
  return sum;
}

void Cluster::scale(int replicas, double t) {
  replicas_ = replicas;
  while (living() < replicas_) create_pod(t);
  schedule(t);
  remove_pods(t);
}

/// As a ReplicaSet: pods that are not ready first, then the youngest.
void Cluster::remove_pods(double t) {
  while (living() > replicas_) {
    Pod* victim = nullptr;
    for (const auto& pod : pods_) {
      if (pod->phase == PodPhase::Terminating) continue;
      const bool worse =
          victim == nullptr || victim->phase == PodPhase::Ready || pod->phase != PodPhase::Ready;
      if (worse) victim = pod.get();
    }
    set_phase(*victim, PodPhase::Terminating, t);
  }
}

void Cluster::schedule(double t) {
  const bool full = scenario_.full_cluster && scenario_.full_cluster->holds(t);
  for (const auto& pod : pods_) {
    if (pod->phase != PodPhase::Unschedulable) continue;
    const auto placed = std::count_if(pods_.begin(), pods_.end(), [](const auto& other) {
      return other->phase != PodPhase::Unschedulable;
    });
    if (full && placed >= scenario_.room) continue;
    set_phase(*pod, PodPhase::Starting, t);
    pod->ready_at = t + scenario_.cold_start * random_.real(0.8, 1.0);
    pod->doomed = scenario_.crash_loop && scenario_.crash_loop->holds(t);
  }
}

void Cluster::move_phases(double t) {
  schedule(t);
  const bool crashing = scenario_.crash_loop && scenario_.crash_loop->holds(t);
  for (const auto& pod : pods_) {
    if (pod->phase == PodPhase::Starting && t >= pod->ready_at) {
      set_phase(*pod, pod->doomed && crashing ? PodPhase::Failing : PodPhase::Ready, t);
    } else if (pod->phase == PodPhase::Failing && !crashing) {
      set_phase(*pod, PodPhase::Starting, t);
      pod->ready_at = t + scenario_.cold_start;
    }
  }
  std::vector<Request> killed;
  std::erase_if(pods_, [&](const std::unique_ptr<Pod>& pod) {
    if (pod->phase != PodPhase::Terminating) return false;
    const bool drained = pod->engine.in_flight() == 0;
    if (!drained && t < pod->since + kTerminationGrace) return false;
    const auto lost = pod->engine.restart();
    killed.insert(killed.end(), lost.begin(), lost.end());
    return true;
  });
  for (const Request& request : killed) route(request);
}

/// To the ready pod with the fewest requests in flight.
void Cluster::route(Request request) {
  Pod* best = nullptr;
  for (const auto& pod : pods_) {
    if (pod->phase != PodPhase::Ready) continue;
    if (best == nullptr || pod->engine.in_flight() < best->engine.in_flight()) best = pod.get();
  }
  if (best != nullptr) {
    best->engine.submit(request);
  } else {
    unrouted_.push_back(request);
  }
}

void Cluster::arrive(double t) {
  const auto waited = std::exchange(unrouted_, {});
  for (const Request& request : waited) route(request);
  const auto exponential = [&](double mean) {
    return std::max(1.0, -mean * std::log(1.0 - random_.real(0.0, 1.0)));
  };
  // Poisson arrivals of this second, by their gaps.
  const double rate = scenario_.rate(t);
  if (rate <= 0.0) return;
  const auto gap = [&] { return -std::log(1.0 - random_.real(0.0, 1.0)) / rate; };
  for (double at = gap(); at < 1.0; at += gap()) {
    route({.prompt_tokens = exponential(scenario_.mean_prompt_tokens),
           .generation_tokens = exponential(scenario_.mean_generation_tokens)});
  }
}

void Cluster::step(double t) {
  move_phases(t);
  arrive(t);
  if (scenario_.engine_restart_at && std::floor(*scenario_.engine_restart_at) == t &&
      !pods_.empty()) {
    for (const Request& request : pods_.front()->engine.restart()) route(request);
  }
  const bool down = scenario_.prometheus_down && scenario_.prometheus_down->holds(t);
  const bool silent = scenario_.pod_silent && scenario_.pod_silent->holds(t);
  const bool nan = scenario_.pod_nan && scenario_.pod_nan->holds(t);
  for (const auto& pod : pods_) {
    const bool serves = pod->phase == PodPhase::Ready || pod->phase == PodPhase::Terminating;
    if (serves) pod->engine.step();
    const bool scraped = std::fmod(t, kScrapeInterval) == pod->scrape_offset;
    const bool first = pod == pods_.front();
    if (!serves || !scraped || down || (silent && first)) continue;
    if (scenario_.lost_scrapes > 0.0 && random_.chance(scenario_.lost_scrapes)) continue;
    EngineMetrics shown = pod->engine.metrics();
    if (nan && first) shown.running = std::numeric_limits<double>::quiet_NaN();
    pod->scrapes.add(t, shown);
  }
}

scaling::Snapshot Cluster::snapshot(double t) const {
  scaling::TargetState target;
  target.spec_replicas = Replicas(replicas_);
  target.rolling_out = scenario_.rollout && scenario_.rollout->holds(t);
  if (scenario_.cold_start_known) target.cold_start_p95 = Seconds(scenario_.cold_start);
  scaling::Observation observation;
  observation.evaluated_at = wall(t);
  observation.effective_window = Seconds(kWindow);
  observation.scrape_interval = Seconds(kScrapeInterval);
  observation.engine = model::Engine::Vllm;
  observation.partial = scenario_.partial_answers && scenario_.partial_answers->holds(t);
  for (const auto& pod : pods_) {
    target.pods.push_back({.name = pod->name, .phase = pod->phase, .since = wall(pod->since)});
    observation.pods.push_back(pod->scrapes.read(pod->name, t));
  }
  const bool down = scenario_.prometheus_down && scenario_.prometheus_down->holds(t);
  if (down) {
    return {.spec = scenario_.spec,
            .target = std::move(target),
            .observation = make_error(ErrorCode::Unavailable, "Prometheus is down")};
  }
  return {
      .spec = scenario_.spec, .target = std::move(target), .observation = std::move(observation)};
}

}  // namespace tokenscaler::sim
