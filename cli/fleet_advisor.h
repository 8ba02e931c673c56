// One evaluation after the other for one TokenScaler, from Prometheus alone: no cluster is asked.
#pragma once

#include <functional>
#include <optional>
#include <stop_token>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "http/client.h"
#include "model/token_scaler.h"
#include "prom/api_client.h"
#include "prom/fleet_reader.h"
#include "scaling/decide.h"

namespace tokenscaler::cli {

/// Where the target's state came from.
enum class TargetSource { KubeStateMetrics, Samples, LastKnown };

[[nodiscard]] std::string_view to_string(TargetSource source);

struct Advice {
  scaling::Decision decision;
  scaling::TargetState target;
  TargetSource source = TargetSource::KubeStateMetrics;
};

/// Reads, decides and remembers. A change of the target's size between two evaluations is taken as
/// carried out, by whoever did it.
class FleetAdvisor {
 public:
  /// `http` and `clock` outlive this object. `replicas` stands in for spec.replicas where no
  /// kube-state-metrics tells it.
  FleetAdvisor(model::TokenScaler object, const prom::Server& server,
               std::optional<Replicas> replicas, http::Client& http, const Clock& clock);

  /// One evaluation. An error means that not even the target's size is known.
  [[nodiscard]] Result<Advice> evaluate(const std::stop_token& stop);

 private:
  struct KnownTarget {
    scaling::TargetState state;
    TargetSource source;
  };

  [[nodiscard]] Result<scaling::TargetState> read_target(const std::stop_token& stop) const;
  [[nodiscard]] Result<scaling::Observation> observe(const Result<scaling::TargetState>& target,
                                                     const std::stop_token& stop);
  [[nodiscard]] Result<KnownTarget> settle_target(Result<scaling::TargetState> target,
                                                  const Result<scaling::Observation>& observation);

  model::TokenScaler object_;
  std::optional<Replicas> replicas_;
  const Clock& clock_;
  prom::ApiClient api_;
  prom::FleetReader reader_;
  scaling::History history_;
  std::optional<KnownTarget> last_target_;
};

}  // namespace tokenscaler::cli
