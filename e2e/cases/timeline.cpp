#include "cases/timeline.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include <fmt/format.h>

#include "http/curl_client.h"

namespace tokenscaler::e2e {

namespace {

constexpr std::chrono::hours kReadyFor{1};

struct JobPlan {
  std::string_view name;
  std::chrono::milliseconds interval;
};
constexpr std::array kJobs{
    JobPlan{kFastJob, std::chrono::seconds(1)}, JobPlan{kCalmJob, std::chrono::seconds(4)},
    JobPlan{kSlowJob, std::chrono::seconds(30)}, JobPlan{kStateJob, std::chrono::seconds(1)}};

/// A script that cannot be carried out is a defect of the test.
void require(const Status& status) {
  if (status) return;
  fmt::print(stderr, "the script cannot go on: {}\n", status.error().to_string());
  std::abort();
}

}  // namespace

Timeline::Timeline() = default;
Timeline::~Timeline() = default;

Status Timeline::prepare() {
  ASSIGN_OR_RETURN(client_, http::make_curl_client({}));
  ASSIGN_OR_RETURN(endpoint_, MetricsEndpoint::start());
  return {};
}

Fleet& Timeline::add_fleet(const FleetScript& script) {
  Fleet& fleet = fleets_.emplace_back();
  fleet.name = script.name;
  fleet.name_space = script.name_space.empty() ? script.name : script.name_space;
  fleet.job = script.job;
  fleet.spec = typical_spec();
  fleet.target.spec_replicas = Replicas(static_cast<std::int32_t>(script.pods));
  fleet.target.gpus_per_replica = GpuCount(1);
  site_of_[&fleet] = script.site;
  for (std::size_t i = 0; i < script.pods; ++i) {
    EngineIdentity identity = script.identity;
    identity.pod = fmt::format("{}-{}", script.pod_prefix, i);
    add_ready_pod(fleet, std::move(identity), script.load);
  }
  return fleet;
}

ScriptedPod& Timeline::add_ready_pod(Fleet& fleet, EngineIdentity identity,
                                     const EngineLoad& load) {
  ScriptedPod& pod = add_pod(fleet, std::move(identity), load);
  pod.scraped = true;
  fleet.target.pods.push_back(ready_pod(pod.engine->identity().pod, clock_.wall() - kReadyFor));
  return pod;
}

ScriptedPod& Timeline::add_pod(Fleet& fleet, EngineIdentity identity, const EngineLoad& load) {
  identity.name_space = fleet.name_space;
  auto engine = std::make_shared<ScriptedEngine>(std::move(identity), load, clock_);
  ScrapeTarget target = endpoint_->add(engine);
  return fleet.pods.emplace_back(
      ScriptedPod{.engine = std::move(engine), .targets = {std::move(target)}, .scraped = false});
}

void Timeline::add_state_page(const std::string& name, std::function<std::string()> page) {
  state_targets_.push_back(endpoint_->add_page(name, std::move(page)));
}

void Timeline::at(std::chrono::milliseconds when, std::function<void()> action) {
  actions_.push_back({when, std::move(action)});
}

std::vector<ScrapeTarget> Timeline::targets_of(Site site, std::string_view job) const {
  if (job == kStateJob) return site == Site::Steady ? state_targets_ : std::vector<ScrapeTarget>();
  std::vector<ScrapeTarget> targets;
  for (const Fleet& fleet : fleets_) {
    if (fleet.job != job || site_of_.at(&fleet) != site) continue;
    for (const ScriptedPod& pod : fleet.pods) {
      if (pod.scraped) targets.insert(targets.end(), pod.targets.begin(), pod.targets.end());
    }
  }
  return targets;
}

void Timeline::publish_targets() {
  for (const Site site : {Site::Steady, Site::Lossy}) {
    for (const JobPlan& job : kJobs) {
      require(state(site).process->set_targets(std::string(job.name), targets_of(site, job.name)));
    }
  }
}

Status Timeline::start_site(Site site) {
  PrometheusOptions options;
  for (const JobPlan& plan : kJobs) {
    ScrapeJob job;
    job.name = plan.name;
    job.interval = plan.interval;
    // What Prometheus scrapes slowly may still not answer for long.
    job.timeout = std::min<std::chrono::milliseconds>(plan.interval, std::chrono::seconds(1));
    job.honor_labels = plan.name == kStateJob;
    job.targets = targets_of(site, plan.name);
    options.jobs.push_back(std::move(job));
  }
  SiteState& started = state(site);
  ASSIGN_OR_RETURN(started.process, PrometheusProcess::start(options, *client_, clock_));
  prom::Server server;
  server.url = started.process->url();
  started.api = std::make_unique<prom::ApiClient>(server, *client_, clock_);
  started.reader = std::make_unique<prom::FleetReader>(server, *client_, clock_);
  for (Fleet& fleet : fleets_) {
    if (site_of_.at(&fleet) == site) started.fleets.push_back(&fleet);
  }
  return {};
}

PrometheusProcess& Timeline::prometheus(Site site) {
  return *state(site).process;
}

void Timeline::evaluate(SiteState& site, Seconds at) {
  std::vector<Result<scaling::TargetState>> targets;
  std::vector<prom::ObservationRequest> requests;
  for (const Fleet* fleet : site.fleets) {
    targets.push_back(fleet->target_request
                          ? prom::read_target_state(*site.api, *fleet->target_request, {})
                          : Result<scaling::TargetState>(fleet->target));
    prom::ObservationRequest request{
        .name_space = fleet->name_space, .metrics = fleet->spec.metrics, .pods = std::nullopt};
    if (fleet->pods_are_named && targets.back()) {
      request.pods.emplace();
      for (const scaling::PodState& pod : targets.back()->pods) request.pods->push_back(pod.name);
    }
    requests.push_back(std::move(request));
  }
  std::vector<Result<scaling::Observation>> observations = site.reader->read(requests, {});
  for (std::size_t i = 0; i < site.fleets.size(); ++i) {
    Fleet& fleet = *site.fleets[i];
    Cycle cycle{.at = at,
                .target = std::move(targets[i]),
                .observation = std::move(observations[i]),
                .decision = std::nullopt};
    if (cycle.target) {
      const WallTime now = cycle.observation ? cycle.observation->evaluated_at : clock_.wall();
      scaling::Outcome outcome = scaling::decide(
          {.spec = fleet.spec, .target = *cycle.target, .observation = cycle.observation},
          fleet.history, now);
      fleet.history = std::move(outcome.history);
      cycle.decision = std::move(outcome.decision);
    }
    fleet.cycles.push_back(std::move(cycle));
  }
}

Status Timeline::run(std::chrono::seconds length) {
  RETURN_IF_ERROR(start_site(Site::Steady));
  RETURN_IF_ERROR(start_site(Site::Lossy));
  std::stable_sort(actions_.begin(), actions_.end(),
                   [](const auto& a, const auto& b) { return a.when < b.when; });
  const SteadyTime start = clock_.steady();
  started_wall_ = clock_.wall();
  auto next_action = actions_.begin();
  for (SteadyTime cycle = start + kCycle; cycle <= start + length; cycle += kCycle) {
    for (; next_action != actions_.end() && start + next_action->when <= cycle; ++next_action) {
      clock_.wait_until({}, start + next_action->when);
      next_action->action();
    }
    clock_.wait_until({}, cycle);
    const SteadyTime begun = clock_.steady();
    for (SiteState& site : sites_) {
      evaluate(site, std::chrono::duration_cast<Seconds>(begun - start));
    }
    slowest_cycle_ = std::max(slowest_cycle_, Seconds(clock_.steady() - begun));
  }
  for (SiteState& site : sites_) site.process->kill();
  return {};
}

const Fleet& Timeline::recorded(std::string_view name) const {
  for (const Fleet& fleet : fleets_) {
    if (fleet.name == name) return fleet;
  }
  fmt::print(stderr, "no fleet is called {}\n", name);
  std::abort();
}

}  // namespace tokenscaler::e2e
