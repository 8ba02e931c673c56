#include "prom/fleet_reader.h"

#include <algorithm>
#include <cstdlib>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "prom/api_client.h"
#include "prom/query_plan.h"
#include "prom/query_pool.h"
#include "prom/target_reading.h"

namespace tokenscaler::prom {

namespace {

/// Engines are upgraded within minutes and detection is a query over many names: it is repeated
/// after this time, and at once for a namespace that is new or where nothing was found.
constexpr std::chrono::minutes kDetectionMaxAge{2};
/// NTP keeps machines within a second; more than this makes ages by our own clock worthless, and
/// people should know (the decision uses only the server's clock).
constexpr std::chrono::seconds kNoteworthyClockSkew{30};

/// Targets that share queries.
struct Scope {
  QueryScope query;
  std::vector<std::size_t> targets;
};
/// Preset, window, freshness, names of match labels.
using ScopeKey =
    std::tuple<const Preset*, std::chrono::seconds, std::chrono::seconds, std::vector<std::string>>;
using Scopes = std::map<ScopeKey, Scope>;

void add_to_scope(Scopes& scopes, const Preset* preset, std::chrono::seconds window,
                  std::chrono::seconds freshness, const LabelValues& match,
                  const std::string& name_space, std::size_t target) {
  Scope& scope = scopes[{preset, window, freshness, names_of(match)}];
  scope.query.preset = preset;
  scope.query.window = window;
  scope.query.freshness = freshness;
  scope.query.match_names = names_of(match);
  for (const auto& [name, value] : match) scope.query.match_values[name].insert(value);
  scope.query.namespaces.insert(name_space);
  scope.targets.push_back(target);
}

struct Detection {
  DetectedSeries series;
  std::set<std::string> namespaces;
  SteadyTime at;
};

/// One call of FleetReader::read.
class ReadSession {
 public:
  ReadSession(const ApiClient& api, const Clock& clock, std::optional<Detection>& detection,
              const std::stop_token& stop)
      : api_(api),
        clock_(clock),
        detection_(detection),
        stop_(stop),
        deadline_(clock, api.server().read_timeout),
        planner_(api.server()) {}

  std::vector<Result<scaling::Observation>> run(std::span<const ObservationRequest> requests) {
    for (const ObservationRequest& request : requests) {
      TargetReading& target = targets_.emplace_back();
      target.request = &request;
      if (Status valid = validate(request, server()); !valid) target.error = valid.error();
    }
    if (any_alive()) read_all();
    std::vector<Result<scaling::Observation>> results;
    results.reserve(targets_.size());
    for (const TargetReading& target : targets_) {
      if (target.error) {
        results.emplace_back(*target.error);
      } else {
        results.emplace_back(observe(target, now_));
      }
    }
    return results;
  }

  [[nodiscard]] std::size_t queries() const { return queries_; }

 private:
  [[nodiscard]] const Server& server() const { return api_.server(); }

  [[nodiscard]] bool any_alive() const {
    return std::any_of(targets_.begin(), targets_.end(),
                       [](const TargetReading& target) { return !target.error; });
  }

  void fail_all(const Error& error) {
    for (TargetReading& target : targets_) {
      if (!target.error) target.error = error;
    }
  }

  std::vector<Result<Answer>> send(const std::vector<std::string>& queries) {
    queries_ += queries.size();
    return send_all(api_, queries, now_, deadline_, stop_);
  }

  void read_all() {
    ++queries_;
    const Result<WallTime> now = api_.server_time(deadline_, stop_);
    if (!now) return fail_all(now.error());
    now_ = *now;
    note_clock_skew();
    if (Status detected = detect(); !detected) return fail_all(detected.error());
    for (TargetReading& target : targets_) {
      if (!target.error) choose_engines(target, detection_->series, server());
    }
    read_heartbeats();
    read_signals();
  }

  void note_clock_skew() {
    const auto skew = std::chrono::round<std::chrono::seconds>(now_ - clock_.wall());
    if (skew < kNoteworthyClockSkew && skew > -kNoteworthyClockSkew) return;
    for (TargetReading& target : targets_) {
      target.warnings.insert(fmt::format("the clock of Prometheus is {} s {} ours",
                                         std::abs(skew.count()),
                                         skew.count() > 0 ? "ahead of" : "behind"));
    }
  }

  /// Fills detection_ as far as a target with engine Auto needs it.
  Status detect() {
    std::set<std::string> namespaces;
    for (const TargetReading& target : targets_) {
      if (target.error || target.request->metrics.engine != model::Engine::Auto) continue;
      namespaces.insert(target.request->name_space);
    }
    if (namespaces.empty()) {
      if (!detection_) detection_.emplace();
      return {};
    }
    const bool known = detection_ && clock_.steady() - detection_->at < kDetectionMaxAge &&
                       std::includes(detection_->namespaces.begin(), detection_->namespaces.end(),
                                     namespaces.begin(), namespaces.end());
    const bool found =
        known &&
        std::all_of(namespaces.begin(), namespaces.end(), [&](const std::string& name_space) {
          return !detection_->series.engines_in(name_space).empty();
        });
    if (found) return {};
    auto answers = send({planner_.detection_query(namespaces)});
    if (!answers.front()) {
      // What was found before is still the best guess.
      if (known) return {};
      return answers.front().error();
    }
    const Vector* rows = std::get_if<Vector>(&answers.front()->result);
    if (rows == nullptr) return make_error(ErrorCode::Internal, "detection was not a vector");
    for (TargetReading& target : targets_) add_warnings(target, *answers.front());
    detection_ = Detection{.series = DetectedSeries(*rows, server()),
                           .namespaces = std::move(namespaces),
                           .at = clock_.steady()};
    return {};
  }

  /// Half a window more than the longest window, so that its first sample is in it.
  [[nodiscard]] std::chrono::seconds lookback() const {
    std::chrono::seconds longest{0};
    for (const TargetReading& target : targets_) {
      if (target.error) continue;
      longest = std::max({longest, target.request->metrics.window, target.window});
    }
    return std::clamp(longest + longest / 2, kMinLookback, kMaxLookback);
  }

  /// Slow scrapes make a window longer than was asked for; then the samples are read once more, as
  /// far back as that window reaches.
  void read_heartbeats() {
    const std::chrono::seconds asked = lookback();
    read_heartbeats(asked);
    const std::chrono::seconds needed = lookback();
    if (needed > asked) read_heartbeats(needed);
  }

  void read_heartbeats(std::chrono::seconds back) {
    Scopes scopes;
    std::set<std::string> namespaces;
    for (std::size_t i = 0; i < targets_.size(); ++i) {
      const TargetReading& target = targets_[i];
      if (target.error) continue;
      namespaces.insert(target.request->name_space);
      for (const Preset* engine : target.engines) {
        // `up` has none of the labels by which an engine's series are chosen.
        const bool custom = engine->engine == model::Engine::Custom;
        add_to_scope(scopes, engine, {}, {}, custom ? LabelValues() : target.match,
                     target.request->name_space, i);
      }
    }
    if (namespaces.empty()) return;
    std::vector<std::string> queries = {planner_.up_query(namespaces)};
    for (const auto& [key, scope] : scopes) {
      queries.push_back(planner_.heartbeat_query(scope.query, back));
    }
    auto answers = send(queries);
    take_scrapes(answers.front());
    std::size_t next = 1;
    for (const auto& [key, scope] : scopes) take_heartbeats(scope, answers[next++]);
    for (TargetReading& target : targets_) {
      if (!target.error) measure_sampling(target, back);
    }
  }

  void take_scrapes(const Result<Answer>& answer) {
    const Vector* rows = answer ? std::get_if<Vector>(&answer->result) : nullptr;
    if (rows == nullptr) {
      const std::string why = answer ? "its answer is not a vector" : answer.error().message;
      for (TargetReading& target : targets_) {
        target.warnings.insert("whether scrapes work is not known: " + why);
      }
      return;
    }
    std::map<std::string, std::map<std::string, ScrapeState>, std::less<>> by_namespace;
    for (const VectorElement& row : *rows) {
      const bool works = row.sample.value > 0.0;
      const std::string name_space(row.labels.get(server().namespace_label));
      const std::string pod(row.labels.get(server().pod_label));
      ScrapeState& state =
          by_namespace[name_space].emplace(pod, ScrapeState::Working).first->second;
      if (!works) state = ScrapeState::Failing;
      if (works) working_scrapes_[name_space][pod].insert(scrape_target_of(row.labels));
    }
    for (TargetReading& target : targets_) {
      const auto found = by_namespace.find(target.request->name_space);
      if (found == by_namespace.end()) continue;
      target.scrapes_known = true;
      for (const auto& [pod, state] : found->second) target.scrapes.emplace(pod, state);
      target.working_scrapes = &working_scrapes_[target.request->name_space];
    }
  }

  void take_heartbeats(const Scope& scope, const Result<Answer>& answer) {
    const Matrix* matrix = answer ? std::get_if<Matrix>(&answer->result) : nullptr;
    if (matrix == nullptr) {
      const Error error =
          answer ? make_error(ErrorCode::Internal, "raw samples were not answered with a matrix")
                 : answer.error();
      for (const std::size_t i : scope.targets) targets_[i].error = error;
      return;
    }
    const HeartbeatTable table(*matrix, server(), scope.query.match_names, now_);
    for (const std::size_t i : scope.targets) {
      TargetReading& target = targets_[i];
      add_warnings(target, *answer);
      const LabelValues& match = scope.query.match_names.empty() ? kNoLabels : target.match;
      target.heartbeats[scope.query.preset] = table.pods(target.request->name_space, match);
    }
  }

  /// One query of a scope, or one custom query of some targets.
  struct Batch {
    std::vector<std::string> queries;
    /// For each query: the scope it belongs to; nullptr for a custom query.
    std::vector<const Scope*> scopes;
    /// Whether an observation can do without the answer.
    std::vector<bool> optional;

    void add(std::string query, const Scope* scope, bool is_optional) {
      if (query.empty()) return;
      queries.push_back(std::move(query));
      scopes.push_back(scope);
      optional.push_back(is_optional);
    }
  };

  void read_signals() {
    for (std::size_t i = 0; i < targets_.size(); ++i) {
      const TargetReading& target = targets_[i];
      if (target.error) continue;
      const std::string& name_space = target.request->name_space;
      for (const Preset* engine : target.engines) {
        if (engine->sources.empty()) continue;
        add_to_scope(signal_scopes_, engine, target.window, target.freshness, target.match,
                     name_space, i);
      }
      if (target.gateway != nullptr) {
        add_to_scope(signal_scopes_, target.gateway, target.window, target.freshness,
                     target.gateway_match, name_space, i);
      }
    }
    Batch batch;
    for (const auto& [key, scope] : signal_scopes_) {
      batch.add(planner_.gauges_query(scope.query), &scope, false);
      batch.add(planner_.rates_query(scope.query), &scope, false);
      batch.add(planner_.changes_query(scope.query), &scope, false);
      batch.add(planner_.means_query(scope.query), &scope, true);
      tables_.emplace(&scope, SignalTable(server(), scope.query.match_names));
    }
    std::map<std::string, std::size_t> custom;
    for (const TargetReading& target : targets_) {
      if (target.error) continue;
      for (const CustomQuery& query : custom_queries(target.request->metrics.queries)) {
        if (custom.emplace(*query.promql, batch.queries.size()).second) {
          batch.add(*query.promql, nullptr, false);
        }
      }
    }
    const auto answers = send(batch.queries);
    for (std::size_t i = 0; i < answers.size(); ++i) {
      if (batch.scopes[i] != nullptr) take_rows(*batch.scopes[i], answers[i], batch.optional[i]);
    }
    link_rows();
    for (TargetReading& target : targets_) {
      if (!target.error) take_custom(target, custom, answers);
    }
  }

  void take_rows(const Scope& scope, const Result<Answer>& answer, bool is_optional) {
    const Vector* rows = answer ? std::get_if<Vector>(&answer->result) : nullptr;
    if (rows != nullptr) tables_.at(&scope).add(*rows);
    for (const std::size_t i : scope.targets) {
      TargetReading& target = targets_[i];
      if (rows != nullptr) {
        add_warnings(target, *answer);
        continue;
      }
      const Error error =
          answer ? make_error(ErrorCode::Internal, "rows were no vector") : answer.error();
      if (is_optional) {
        target.warnings.insert("mean lengths and latencies are not known: " + error.message);
      } else if (!target.error) {
        target.error = error;
      }
    }
  }

  void link_rows() {
    for (const auto& [key, scope] : signal_scopes_) {
      const SignalTable& table = tables_.at(&scope);
      const Preset* preset = scope.query.preset;
      for (const std::size_t i : scope.targets) {
        TargetReading& target = targets_[i];
        if (!preset->gateway) {
          target.rows[preset] = &table.pods(target.request->name_space, target.match);
          continue;
        }
        std::set<std::string> namespaces(server().gateway_namespaces.begin(),
                                         server().gateway_namespaces.end());
        namespaces.insert(target.request->name_space);
        for (const std::string& name_space : namespaces) {
          for (const auto& [pod, rows] : table.pods(name_space, target.gateway_match)) {
            target.gateway_rows.push_back(rows);
          }
        }
      }
    }
  }

  void take_custom(TargetReading& target, const std::map<std::string, std::size_t>& places,
                   const std::vector<Result<Answer>>& answers) {
    for (const CustomQuery& query : custom_queries(target.request->metrics.queries)) {
      const std::string where = fmt::format("spec.metrics.queries.{}", query.field);
      const Result<Answer>& answer = answers[places.at(*query.promql)];
      if (!answer) {
        target.error = Error(answer.error()).within(where);
        return;
      }
      add_warnings(target, *answer);
      Result<CustomValues> values =
          read_custom_answer(*answer, server(), target.request->name_space);
      if (!values) {
        target.error = std::move(values).error().within(where);
        return;
      }
      if (values->without_namespace > 0) {
        target.warnings.insert(fmt::format("{}: {} series without the label {} are not used", where,
                                           values->without_namespace, server().namespace_label));
      }
      target.custom.emplace(query.signal, *std::move(values));
    }
  }

  inline static const LabelValues kNoLabels;

  const ApiClient& api_;
  const Clock& clock_;
  std::optional<Detection>& detection_;
  const std::stop_token& stop_;
  Deadline deadline_;
  QueryPlanner planner_;
  WallTime now_;
  std::vector<TargetReading> targets_;
  /// By namespace and pod.
  std::map<std::string, std::map<std::string, std::set<ScrapeTarget>>> working_scrapes_;
  Scopes signal_scopes_;
  std::map<const Scope*, SignalTable> tables_;
  std::size_t queries_ = 0;
};

}  // namespace

class FleetReader::Impl {
 public:
  Impl(Server server, http::Client& client, const Clock& time)
      : api(std::move(server), client, time), clock(time) {}

  ApiClient api;
  const Clock& clock;
  std::optional<Detection> detection;
  std::size_t queries = 0;
};

FleetReader::FleetReader(Server server, http::Client& client, const Clock& clock)
    : impl_(std::make_unique<Impl>(std::move(server), client, clock)) {}

FleetReader::~FleetReader() = default;

std::vector<Result<scaling::Observation>> FleetReader::read(
    std::span<const ObservationRequest> requests, const std::stop_token& stop) {
  ReadSession session(impl_->api, impl_->clock, impl_->detection, stop);
  auto results = session.run(requests);
  impl_->queries = session.queries();
  return results;
}

std::size_t FleetReader::queries_of_last_read() const {
  return impl_->queries;
}

const Server& FleetReader::server() const {
  return impl_->api.server();
}

}  // namespace tokenscaler::prom
