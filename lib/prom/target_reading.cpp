#include "prom/target_reading.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace tokenscaler::prom {

namespace {

using scaling::Observation;
using scaling::PodSignals;
using scaling::Reading;
using scaling::ReadingState;

/// The label of models that users know from the engines; gateways call it otherwise.
constexpr std::string_view kModelLabel = "model_name";
constexpr std::chrono::seconds kMaxWindow{3600};
/// The first sample in the lookback is up to one interval younger than the lookback, and may be
/// late.
constexpr int kLookbackSlackIntervals = 2;

bool is_listed(const TargetReading& target, const std::string& pod) {
  const auto& pods = target.request->pods;
  return !pods || std::find(pods->begin(), pods->end(), pod) != pods->end();
}

const Preset* engine_for(const TargetReading& target, const std::string& pod) {
  const auto detected = target.engine_of_pod.find(pod);
  if (detected != target.engine_of_pod.end()) return detected->second;
  for (const Preset* engine : target.engines) {
    const auto beats = target.heartbeats.find(engine);
    if (beats != target.heartbeats.end() && beats->second.contains(pod)) return engine;
  }
  return target.engines.empty() ? nullptr : target.engines.front();
}

ScrapeState scrape_of(const TargetReading& target, const std::string& pod) {
  const auto found = target.scrapes.find(pod);
  return found == target.scrapes.end() ? ScrapeState::Unknown : found->second;
}

/// Whether a pod that nobody listed has left: its series ended and it is no scrape target any more.
bool has_left(const TargetReading& target, const std::string& pod, const PodHeartbeat& beat) {
  return beat.freshest_age > Seconds(target.freshness) && target.scrapes_known &&
         !target.scrapes.contains(pod);
}

std::set<std::string> pods_of(const TargetReading& target) {
  if (target.request->pods) return {target.request->pods->begin(), target.request->pods->end()};
  std::set<std::string> pods;
  for (const auto& [engine, beats] : target.heartbeats) {
    // The heartbeat of custom queries is `up`, which every pod of the namespace has.
    if (engine->engine == model::Engine::Custom) continue;
    for (const auto& [pod, beat] : beats) {
      if (!has_left(target, pod, beat)) pods.insert(pod);
    }
  }
  for (const auto& [signal, values] : target.custom) {
    for (const auto& [pod, value] : values.by_pod) pods.insert(pod);
  }
  const bool fleet_value =
      std::any_of(target.custom.begin(), target.custom.end(),
                  [](const auto& entry) { return entry.second.of_fleet.has_value(); });
  if (pods.empty() && fleet_value) pods.insert("fleet");
  return pods;
}

/// Whether a scrape of the pod works that reads this engine of some pod. Another scrape, of a
/// sidecar, says nothing of the engine.
bool engine_answers(const TargetReading& target, const std::string& pod, const Preset* engine) {
  const auto beats = target.heartbeats.find(engine);
  if (target.working_scrapes == nullptr || beats == target.heartbeats.end()) return false;
  const auto working = target.working_scrapes->find(pod);
  if (working == target.working_scrapes->end()) return false;
  return std::any_of(beats->second.begin(), beats->second.end(), [&](const auto& beat) {
    const std::set<ScrapeTarget>& of_engine = beat.second.scraped_by;
    return std::any_of(of_engine.begin(), of_engine.end(), [&](const ScrapeTarget& scrape) {
      return working->second.contains(scrape);
    });
  });
}

PodEvidence evidence_of(const TargetReading& target, const std::string& pod, const Preset* engine) {
  PodEvidence evidence;
  evidence.scrape = scrape_of(target, pod);
  if (const auto beats = target.heartbeats.find(engine); beats != target.heartbeats.end()) {
    const auto beat = beats->second.find(pod);
    if (beat != beats->second.end()) {
      evidence.heartbeat = beat->second;
      evidence.observed_for = beat->second.observed_for(target.longest_gap);
    }
  }
  if (!evidence.heartbeat && engine->born_late) {
    evidence.engine_answers = engine_answers(target, pod, engine);
  }
  if (const auto tables = target.rows.find(engine); tables != target.rows.end()) {
    const auto rows = tables->second->find(pod);
    if (rows != tables->second->end()) evidence.rows = rows->second;
  }
  return evidence;
}

Reading& reading_of(PodSignals& signals, Signal signal) {
  switch (signal) {
    case Signal::CachedPromptTokens:
      return signals.cached_prompt_tokens_per_second;
    case Signal::GenerationTokens:
      return signals.generation_tokens_per_second;
    case Signal::FinishedRequests:
      return signals.finished_requests_per_second;
    case Signal::RunningRequests:
      return signals.running_requests;
    case Signal::WaitingRequests:
      return signals.waiting_requests;
    case Signal::KvCacheUsage:
      return signals.kv_cache_usage;
    default:
      return signals.prompt_tokens_per_second;
  }
}

bool is_rate(Signal signal) {
  return signal != Signal::RunningRequests && signal != Signal::WaitingRequests &&
         signal != Signal::KvCacheUsage;
}

/// Puts the values of custom queries in the place of the preset's.
void apply_custom(const TargetReading& target, const Preset* engine, const PodEvidence& evidence,
                  std::size_t pod_count, PodSignals& signals) {
  const Seconds age = evidence.heartbeat ? evidence.heartbeat->freshest_age : Seconds(0);
  // The heartbeat of custom queries is `up`, which has samples of failed scrapes too.
  const bool failing =
      engine->engine == model::Engine::Custom && evidence.scrape == ScrapeState::Failing;
  const bool silent = evidence.heartbeat && age > Seconds(target.freshness);
  for (const auto& [signal, values] : target.custom) {
    Reading& reading = reading_of(signals, signal);
    reading = {.state = ReadingState::Missing, .value = 0.0, .age = age};
    std::optional<double> value;
    if (const auto found = values.by_pod.find(signals.pod); found != values.by_pod.end()) {
      value = found->second;
    } else if (values.of_fleet) {
      // Shares keep sums; use of the KV cache is a mean.
      const bool mean = signal == Signal::KvCacheUsage;
      value = mean ? *values.of_fleet : *values.of_fleet / static_cast<double>(pod_count);
    }
    if (failing || silent) {
      reading.state = ReadingState::Stale;
    } else if (evidence.heartbeat && is_rate(signal) && !target.history_covers_window) {
      reading.state = ReadingState::TooYoung;
    } else if (value) {
      const double maximum = signal == Signal::KvCacheUsage ? kMaxKvCacheUsage : HUGE_VAL;
      const bool valid = std::isfinite(*value) && *value >= 0.0 && *value <= maximum;
      reading.state = valid ? ReadingState::Fresh : ReadingState::NotANumber;
      reading.value = valid ? *value : 0.0;
    }
  }
  if (target.custom.contains(Signal::CachedPromptTokens) ||
      target.custom.contains(Signal::PromptTokens)) {
    Reading& cached = signals.cached_prompt_tokens_per_second;
    if (signals.prompt_tokens_per_second.known()) {
      cached.value = std::min(cached.value, signals.prompt_tokens_per_second.value);
    }
  }
}

std::set<Signal> counters_of(const std::map<std::string, SignalRows>& pods) {
  std::set<Signal> known;
  for (const auto& [pod, rows] : pods) {
    for (const Signal signal : {Signal::PromptTokens, Signal::GenerationTokens,
                                Signal::FinishedRequests, Signal::CachedPromptTokens}) {
      if (rows.preferred(RowKind::Value, signal)) known.insert(signal);
    }
  }
  return known;
}

SettleContext context_of(const TargetReading& target, const Preset* engine) {
  SettleContext context;
  context.preset = engine;
  context.window = Seconds(target.window);
  context.freshness = Seconds(target.freshness);
  context.scrape_interval = Seconds(target.scrape_interval);
  context.history_covers_window = target.history_covers_window;
  if (const auto rows = target.rows.find(engine); rows != target.rows.end()) {
    context.known_counters = counters_of(*rows->second);
  }
  return context;
}

/// `vLLM V1 (vllm:kv_cache_usage_perc) on 3 pods, SGLang on 1 pod`
std::string describe_versions(const TargetReading& target, const std::set<std::string>& pods) {
  std::map<std::string, std::size_t> counts;
  for (const auto& [pod, version] : target.version_of_pod) {
    if (pods.contains(pod)) ++counts[version];
  }
  std::string text;
  for (const auto& [version, count] : counts) {
    text += fmt::format("{}{} on {} pod{}", text.empty() ? "" : ", ", version, count,
                        count == 1 ? "" : "s");
  }
  return text;
}

}  // namespace

std::vector<std::string> names_of(const LabelValues& match) {
  std::vector<std::string> names;
  for (const auto& [name, value] : match) names.push_back(name);
  return names;
}

Status validate(const ObservationRequest& request, const Server& server) {
  const auto invalid = [](std::string field, std::string message, std::string advice) {
    return make_error(ErrorCode::Invalid, std::move(message))
        .at(std::move(field))
        .advise(std::move(advice));
  };
  if (request.name_space.empty()) {
    return invalid("metadata.namespace", "the namespace is empty", "name the target's namespace");
  }
  const model::Metrics& metrics = request.metrics;
  if (metrics.window < std::chrono::seconds(1) || metrics.window > kMaxWindow) {
    return invalid("spec.metrics.windowSeconds",
                   fmt::format("a window of {} s is out of range", metrics.window.count()),
                   "give 1 to 3600 s; 60 suits most");
  }
  for (const auto& [name, value] : metrics.series_match_labels) {
    const std::string field = "spec.metrics.seriesMatchLabels";
    if (!is_label_name(name)) {
      return invalid(field, fmt::format("{} is not a label name", quote(name)),
                     "a label name has letters, digits and _ and does not start with __");
    }
    const bool joined = name == server.namespace_label || name == server.pod_label ||
                        name == server.kube_state_namespace_label || name == kMarkLabel;
    if (joined) {
      return invalid(
          field, fmt::format("the label {} cannot be chosen", name),
          "leave it out: series are joined with the target's namespace and pods already");
    }
    if (std::find(server.replica_labels.begin(), server.replica_labels.end(), name) !=
        server.replica_labels.end()) {
      return invalid(field, fmt::format("the label {} tells Prometheus replicas apart", name),
                     "leave it out, or take it out of the server's replica labels");
    }
  }
  const auto queries = custom_queries(metrics.queries);
  if (metrics.engine == model::Engine::Custom && queries.empty()) {
    return invalid("spec.metrics.queries", "engine Custom has no queries",
                   "give at least promptTokens and generationTokens, or another engine");
  }
  if (!queries.empty() && server.custom_queries == CustomQueryPolicy::Refused) {
    return make_error(ErrorCode::Forbidden, "this server accepts no queries of TokenScalers")
        .at("spec.metrics.queries")
        .advise("leave the queries out, or ask the owner of the server's configuration");
  }
  return {};
}

void choose_engines(TargetReading& target, const DetectedSeries& detected, const Server& server) {
  const ObservationRequest& request = *target.request;
  target.match = request.metrics.series_match_labels;
  if (request.metrics.engine != model::Engine::Auto) {
    const Preset* preset = find_preset(request.metrics.engine);
    target.engine_detail = fmt::format("{} (configured)", preset->title);
    if (preset->gateway) {
      target.gateway = preset;
      target.gateway_match = target.match;
    } else {
      target.engines = {preset};
    }
    return;
  }
  if (request.pods) {
    for (const std::string& pod : *request.pods) {
      if (const Preset* engine = detected.engine_of(request.name_space, pod)) {
        target.engine_of_pod.emplace(pod, engine);
      }
    }
  } else {
    target.engine_of_pod = detected.engines_in(request.name_space);
  }
  std::map<const Preset*, std::size_t> counts;
  for (const auto& [pod, engine] : target.engine_of_pod) {
    target.version_of_pod.emplace(pod, detected.version_of(request.name_space, pod));
    ++counts[engine];
  }
  for (const auto& [engine, count] : counts) target.engines.push_back(engine);
  std::stable_sort(target.engines.begin(), target.engines.end(),
                   [&](const Preset* a, const Preset* b) { return counts[a] > counts[b]; });
  if (target.engines.empty()) {
    target.engine_detail =
        fmt::format("no series of a known engine in namespace {}{}", request.name_space,
                    request.pods ? " for the target's pods" : "");
  }

  std::set<std::string> gateway_namespaces(server.gateway_namespaces.begin(),
                                           server.gateway_namespaces.end());
  gateway_namespaces.insert(request.name_space);
  const Preset* gateway = detected.gateway_in(gateway_namespaces);
  if (gateway == nullptr) return;
  const auto model = target.match.find(std::string(kModelLabel));
  if (model == target.match.end()) {
    target.engine_detail += fmt::format(
        "; {} is not read: which model is this target's is told by seriesMatchLabels.{}",
        gateway->title, kModelLabel);
    return;
  }
  target.gateway = gateway;
  target.gateway_match = {{std::string(gateway->model_label), model->second}};
  target.engine_detail += fmt::format("; {} before it", gateway->title);
}

void measure_sampling(TargetReading& target, std::chrono::seconds lookback) {
  std::vector<double> intervals;
  std::vector<const PodHeartbeat*> listed;
  for (const auto& [engine, beats] : target.heartbeats) {
    for (const auto& [pod, beat] : beats) {
      if (!is_listed(target, pod)) continue;
      listed.push_back(&beat);
      for (std::size_t i = 1; i < beat.sample_ages.size(); ++i) {
        intervals.push_back(beat.sample_ages[i] - beat.sample_ages[i - 1]);
      }
    }
  }
  target.scrape_interval = scrape_interval_of(std::move(intervals));
  const std::chrono::seconds wanted = target.request->metrics.window;
  target.window = std::max(wanted, kScrapeIntervalsInWindow * target.scrape_interval);
  // Without a measured interval: the longest that the window would bear.
  const double interval = target.scrape_interval > std::chrono::seconds(0)
                              ? static_cast<double>(target.scrape_interval.count())
                              : static_cast<double>(wanted.count()) / kScrapeIntervalsInWindow;
  target.freshness =
      std::max(kMinFreshness,
               std::chrono::seconds(std::llround(std::ceil(kScrapeIntervalsFresh * interval))));
  target.longest_gap = Seconds(kScrapeIntervalsFresh * interval);
  Seconds history{0};
  for (const PodHeartbeat* beat : listed) {
    history = std::max(history, beat->observed_for(target.longest_gap));
  }
  // The pod that is known for longest has a sample at the beginning of the window. Pods that were
  // scraped first up to one interval later have one close enough to it for rate().
  const std::chrono::seconds needed =
      std::min(target.window, lookback - kLookbackSlackIntervals * target.scrape_interval);
  target.history_covers_window =
      target.scrape_interval > std::chrono::seconds(0) && history >= Seconds(needed);
  const bool seen = history > Seconds(0);
  if (seen && !target.history_covers_window) {
    target.warnings.insert(
        fmt::format("without a gap the series reach back {:.0f} s, less than the window of {} s: "
                    "rates are not known yet",
                    history.count(), target.window.count()));
  }
}

void add_warnings(TargetReading& target, const Answer& answer) {
  for (const std::string& warning : answer.warnings) {
    // Annotations of PromQL speak of the query. Everything else speaks of missing data: a store
    // that did not answer, a limit that was reached.
    if (!warning.starts_with("PromQL ")) target.partial = true;
    target.warnings.insert("Prometheus: " + warning);
  }
}

Observation observe(const TargetReading& target, WallTime evaluated_at) {
  Observation observation;
  observation.evaluated_at = evaluated_at;
  observation.effective_window = Seconds(target.window);
  observation.scrape_interval = Seconds(target.scrape_interval);
  observation.partial = target.partial;
  if (!target.engines.empty()) {
    observation.engine = target.engines.front()->engine;
  } else if (target.gateway != nullptr) {
    observation.engine = target.gateway->engine;
  }
  const std::set<std::string> pods = pods_of(target);
  std::map<const Preset*, SettleContext> contexts;
  for (const Preset* engine : target.engines) contexts.emplace(engine, context_of(target, engine));
  for (const std::string& pod : pods) {
    const Preset* engine = engine_for(target, pod);
    if (engine == nullptr) {
      observation.pods.emplace_back().pod = pod;
      continue;
    }
    const PodEvidence evidence = evidence_of(target, pod, engine);
    observation.pods.push_back(settle_pod(pod, evidence, contexts.at(engine)));
    apply_custom(target, engine, evidence, pods.size(), observation.pods.back());
  }
  if (target.gateway != nullptr) {
    observation.gateway =
        settle_gateway(target.gateway_rows, context_of(target, target.gateway), evaluated_at);
  }
  observation.warnings.assign(target.warnings.begin(), target.warnings.end());
  const std::string versions = describe_versions(target, pods);
  observation.engine_detail = versions + target.engine_detail;
  if (target.engines.size() > 1) {
    observation.warnings.push_back("the target's pods run different engines: " + versions);
  }
  return observation;
}

}  // namespace tokenscaler::prom
