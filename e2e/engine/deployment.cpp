#include "engine/deployment.h"

#include <algorithm>
#include <set>
#include <utility>

#include <fmt/format.h>

namespace tokenscaler::engine {

namespace {

// The alphabet of Kubernetes' generated names: no vowels, no 0, 1 and 3.
constexpr std::string_view kNameAlphabet = "bcdfghjklmnpqrstvwxz2456789";
constexpr int kMaxBackoffDoublings = 5;  // 10 s -> 320 s, capped at 300 s by the caller below
constexpr int kMaxBackoffFactor = 30;    // 300 s of 10 s

}  // namespace

Deployment::Deployment(DeploymentOptions options, std::vector<std::string> engine_args,
                       WallTime now)
    : options_(std::move(options)),
      random_(options_.seed),
      created_(now),
      current_(make_template(std::move(engine_args))),
      previous_(current_),
      update_limit_(options_.max_replicas) {}

std::string Deployment::random_name(std::size_t length) {
  std::string name;
  std::uniform_int_distribution<std::size_t> letter(0, kNameAlphabet.size() - 1);
  for (std::size_t i = 0; i < length; ++i) name += kNameAlphabet[letter(random_)];
  return name;
}

Deployment::Template Deployment::make_template(std::vector<std::string> args) {
  return {fmt::format("{}-{}", options_.name, random_name(9)), std::move(args)};
}

void Deployment::set_replicas(std::int32_t replicas) {
  replicas = std::clamp(replicas, 0, options_.max_replicas);
  if (replicas != replicas_) ++generation_;
  replicas_ = replicas;
}

void Deployment::set_template(std::vector<std::string> engine_args, std::int32_t limit) {
  ++generation_;
  update_limit_ = limit;
  if (engine_args == current_.args) return;
  previous_ = std::exchange(current_, make_template(std::move(engine_args)));
}

std::int32_t Deployment::live_replicas() const {
  return static_cast<std::int32_t>(
      std::count_if(pods_.begin(), pods_.end(), [](const Pod& pod) { return pod.live(); }));
}

std::int32_t Deployment::ready_replicas() const {
  return static_cast<std::int32_t>(std::count_if(
      pods_.begin(), pods_.end(), [](const Pod& pod) { return pod.live() && pod.ready; }));
}

std::int32_t Deployment::updated_replicas() const {
  return static_cast<std::int32_t>(std::count_if(pods_.begin(), pods_.end(), [&](const Pod& pod) {
    return pod.live() && pod.replica_set == current_.replica_set;
  }));
}

std::int32_t Deployment::wanted_updated() const {
  return std::min(replicas_, update_limit_);
}

std::vector<std::string> Deployment::replica_sets() const {
  std::set<std::string> names = {current_.replica_set};
  for (const Pod& pod : pods_) names.insert(pod.replica_set);
  return {names.begin(), names.end()};
}

Pod* Deployment::find(const std::string& name) {
  const auto found = std::find_if(pods_.begin(), pods_.end(),
                                  [&name](const Pod& pod) { return pod.name == name; });
  return found == pods_.end() ? nullptr : &*found;
}

void Deployment::create(const Template& from, WallTime now) {
  Pod pod;
  pod.name = fmt::format("{}-{}", from.replica_set, random_name(5));
  const auto part = [this] { return static_cast<std::uint32_t>(random_()); };
  pod.uid = fmt::format("{:08x}-{:04x}-4{:03x}-8{:03x}-{:08x}{:04x}", part(), part() & 0xFFFFU,
                        part() & 0xFFFU, part() & 0xFFFU, part(), part() & 0xFFFFU);
  pod.replica_set = from.replica_set;
  pod.args = from.args;
  pod.created = now;
  pods_.push_back(std::move(pod));
}

// As the ReplicaSet controller ranks them: pods that are not ready first, then the youngest.
Pod* Deployment::victim(bool updated) {
  Pod* best = nullptr;
  for (Pod& pod : pods_) {
    if (!pod.live() || (pod.replica_set == current_.replica_set) != updated) continue;
    const auto rank = [](const Pod& one) { return std::pair(!one.ready, one.created); };
    if (best == nullptr || rank(pod) >= rank(*best)) best = &pod;
  }
  return best;
}

void Deployment::remove_surplus(std::vector<PodAction>& actions, WallTime wall, SteadyTime now) {
  while (live_replicas() > replicas_) {
    const bool rollout = updated_replicas() <= wanted_updated();
    Pod* pod = victim(!rollout);
    if (pod == nullptr) pod = victim(rollout);
    // The one extra pod of a rollout stays until the new pod is ready (maxUnavailable 0).
    const bool surge = rollout && updated_replicas() > 0 && live_replicas() == replicas_ + 1;
    if (surge && pod->ready && ready_replicas() <= replicas_ &&
        updated_replicas() < live_replicas()) {
      return;
    }
    pod->deleted = wall;
    pod->ready = false;
    pod->ready_since.reset();
    pod->kill_at = now + options_.termination_grace;
    if (pod->pid) {
      actions.push_back({PodAction::Kind::Terminate, pod->name});
    } else {
      const std::string name = pod->name;
      std::erase_if(pods_, [&name](const Pod& one) { return one.name == name; });
    }
  }
}

void Deployment::schedule(std::vector<PodAction>& actions, WallTime wall, SteadyTime now) {
  std::int32_t free = options_.gpus_on_node;
  for (const Pod& pod : pods_) {
    if (pod.scheduled) free -= options_.gpus_per_replica;
  }
  for (Pod& pod : pods_) {
    if (!pod.scheduled && pod.live()) {
      pod.unschedulable = free < options_.gpus_per_replica;
      if (pod.unschedulable) continue;
      free -= options_.gpus_per_replica;
      pod.scheduled = wall;
    }
    if (pod.live() && !pod.pid && now >= pod.start_at) {
      actions.push_back({PodAction::Kind::Start, pod.name});
    }
  }
}

std::vector<PodAction> Deployment::reconcile(WallTime wall, SteadyTime now) {
  std::vector<PodAction> actions;
  while (live_replicas() < replicas_) {
    create(updated_replicas() < wanted_updated() ? current_ : previous_, wall);
  }
  // A rollout: one pod more than wanted, of the new template.
  if (live_replicas() == replicas_ && updated_replicas() < wanted_updated()) create(current_, wall);
  remove_surplus(actions, wall, now);
  schedule(actions, wall, now);
  for (Pod& pod : pods_) {
    if (pod.deleted && pod.pid && now >= pod.kill_at && !pod.kill_sent) {
      pod.kill_sent = true;
      actions.push_back({PodAction::Kind::Kill, pod.name});
    }
  }
  return actions;
}

void Deployment::on_started(const std::string& name, int pid, SteadyTime now) {
  Pod* pod = find(name);
  if (pod == nullptr) return;
  pod->pid = pid;
  pod->phase = PodPhase::Running;
  pod->start_at = now;
}

void Deployment::on_port(const std::string& name, std::uint16_t port) {
  if (Pod* pod = find(name)) pod->port = port;
}

void Deployment::on_probe(const std::string& name, bool ready, WallTime now) {
  Pod* pod = find(name);
  if (pod == nullptr || !pod->live() || pod->ready == ready) return;
  pod->ready = ready;
  pod->ready_since = ready ? std::optional(now) : std::nullopt;
}

void Deployment::on_exit(const std::string& name, SteadyTime now) {
  Pod* pod = find(name);
  if (pod == nullptr) return;
  if (!pod->live()) {
    std::erase_if(pods_, [&name](const Pod& one) { return one.name == name; });
    return;
  }
  pod->pid.reset();
  pod->ready = false;
  pod->ready_since.reset();
  const int doublings = std::min(pod->restarts - 1, kMaxBackoffDoublings);
  const int factor = pod->restarts == 0 ? 0 : std::min(1 << doublings, kMaxBackoffFactor);
  pod->start_at = now + options_.restart_backoff * factor;
  ++pod->restarts;
}

}  // namespace tokenscaler::engine
