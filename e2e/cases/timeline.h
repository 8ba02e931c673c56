// All scripted fleets on one timeline: real Prometheus servers scrape them, the product reads and
// decides every two seconds, and the tests look at the record afterwards.
#pragma once

#include <array>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "cases/fleet.h"
#include "cases/metrics_endpoint.h"
#include "cases/prometheus_process.h"
#include "http/client.h"
#include "prom/fleet_reader.h"

namespace tokenscaler::e2e {

/// Which Prometheus scrapes a fleet.
enum class Site {
  Steady,  ///< Runs from the beginning to the end.
  Lossy,   ///< Is lost and comes back empty.
};

/// Scrape jobs of each site, by name and interval.
inline constexpr std::string_view kFastJob = "engines";              ///< Every second.
inline constexpr std::string_view kCalmJob = "engines-4s";           ///< Every 4 s.
inline constexpr std::string_view kSlowJob = "engines-30s";          ///< Every 30 s.
inline constexpr std::string_view kStateJob = "kube-state-metrics";  ///< Every second.

struct FleetScript {
  std::string name;
  /// Empty: the name.
  std::string name_space = {};
  std::size_t pods = 3;
  /// `<prefix>-0`, `<prefix>-1`...
  std::string pod_prefix = "llm";
  EngineLoad load = kTypicalLoad;
  /// What the engines have in common; namespace and pod are filled in.
  EngineIdentity identity = {};
  std::string_view job = kFastJob;
  Site site = Site::Steady;
};

class Timeline {
 public:
  Timeline();
  ~Timeline();
  Timeline(const Timeline&) = delete;
  Timeline& operator=(const Timeline&) = delete;

  /// Makes the client and the exporters' server. The first call.
  [[nodiscard]] Status prepare();

  /// A fleet of ready pods, which have been ready for an hour, and as many replicas asked for.
  Fleet& add_fleet(const FleetScript& script);
  /// One more pod, not yet scraped and not in the target's state. The identity's namespace is the
  /// fleet's.
  ScriptedPod& add_pod(Fleet& fleet, EngineIdentity identity, const EngineLoad& load);
  /// One more pod that is scraped, and that Kubernetes calls ready for an hour.
  ScriptedPod& add_ready_pod(Fleet& fleet, EngineIdentity identity, const EngineLoad& load);
  /// A page under the kube-state-metrics job.
  void add_state_page(const std::string& name, std::function<std::string()> page);
  /// Does `action` at that time.
  void at(std::chrono::milliseconds when, std::function<void()> action);
  /// Tells discovery which pods there are, after `scraped` or `targets` of a pod changed.
  void publish_targets();

  /// Starts the servers, follows the script and records. Blocks.
  [[nodiscard]] Status run(std::chrono::seconds length);

  [[nodiscard]] const Fleet& recorded(std::string_view name) const;
  [[nodiscard]] const std::deque<Fleet>& fleets() const { return fleets_; }
  [[nodiscard]] PrometheusProcess& prometheus(Site site);
  [[nodiscard]] const Clock& clock() const { return clock_; }
  [[nodiscard]] WallTime started_at() const { return started_wall_; }
  /// The longest that one cycle took; a slow machine shows here first.
  [[nodiscard]] Seconds slowest_cycle() const { return slowest_cycle_; }

 private:
  struct SiteState {
    std::unique_ptr<PrometheusProcess> process;
    std::unique_ptr<prom::ApiClient> api;
    std::unique_ptr<prom::FleetReader> reader;
    std::vector<Fleet*> fleets;
  };
  struct ScriptedAction {
    std::chrono::milliseconds when;
    std::function<void()> action;
  };

  [[nodiscard]] std::vector<ScrapeTarget> targets_of(Site site, std::string_view job) const;
  [[nodiscard]] Status start_site(Site site);
  void evaluate(SiteState& site, Seconds at);
  [[nodiscard]] SiteState& state(Site site) { return sites_.at(static_cast<std::size_t>(site)); }

  SystemClock clock_;
  std::unique_ptr<http::Client> client_;
  std::unique_ptr<MetricsEndpoint> endpoint_;
  std::deque<Fleet> fleets_;
  std::map<const Fleet*, Site> site_of_;
  std::vector<ScrapeTarget> state_targets_;
  std::vector<ScriptedAction> actions_;
  std::array<SiteState, 2> sites_;
  WallTime started_wall_;
  Seconds slowest_cycle_{0};
};

/// The evaluation cycle.
inline constexpr std::chrono::seconds kCycle{2};

}  // namespace tokenscaler::e2e
