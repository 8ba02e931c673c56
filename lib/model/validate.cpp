#include "model/validate.h"

#include <algorithm>
#include <string_view>

#include <fmt/format.h>

namespace tokenscaler::model {

namespace {

// Bounds of the CRD. Each is far outside of sensible use and keeps arithmetic and CEL cost bounded.
constexpr std::int32_t kMaxReplicas = 100'000;
constexpr std::int32_t kMaxGpusPerReplica = 1'024;
constexpr std::size_t kMaxNameLength = 253;  // DNS subdomain
constexpr std::size_t kMaxLabelLength = 63;  // DNS label
constexpr std::size_t kMaxMatchLabels = 16;
constexpr std::size_t kMaxLabelValueLength = 1'024;
constexpr std::size_t kMaxQueryLength = 4'096;
constexpr std::size_t kMaxPolicies = 20;
constexpr double kMaxTokensPerSecondPerGpu = 10'000'000.0;

bool is_lower_alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool is_dns_label(std::string_view text) {
  if (text.empty() || text.size() > kMaxLabelLength) return false;
  if (!is_lower_alphanumeric(text.front()) || !is_lower_alphanumeric(text.back())) return false;
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return is_lower_alphanumeric(c) || c == '-'; });
}

bool is_dns_subdomain(std::string_view text) {
  if (text.size() > kMaxNameLength) return false;
  while (true) {
    const std::size_t dot = text.find('.');
    if (!is_dns_label(text.substr(0, dot))) return false;
    if (dot == std::string_view::npos) return true;
    text.remove_prefix(dot + 1);
  }
}

bool is_letter_or_underscore(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

/// Prometheus' grammar: [a-zA-Z_][a-zA-Z0-9_]*; names that begin with __ are internal.
bool is_series_label(std::string_view text) {
  if (text.empty() || !is_letter_or_underscore(text.front())) return false;
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return is_letter_or_underscore(c) || (c >= '0' && c <= '9'); });
}

/// Collects what is wrong, each check with its path.
class Checker {
 public:
  void fail(std::string path, std::string message, std::string advice) {
    errors_.push_back({std::move(path), std::move(message), std::move(advice)});
  }

  template <class Number>
  void in_range(const std::string& path, Number value, Number least, Number most,
                std::string_view unit = "") {
    if (value >= least && value <= most) return;
    fail(path, fmt::format("{}{} is outside {}..{}", value, unit, least, most),
         fmt::format("write a number from {} to {}", least, most));
  }

  template <class Duration>
  void seconds_in_range(const std::string& path, Duration value, std::int64_t least,
                        std::int64_t most) {
    in_range<std::int64_t>(path, value.count(), least, most, " s");
  }

  void decimal_in_range(const std::string& path, Decimal value, std::int64_t least,
                        std::int64_t most) {
    if (value >= Decimal::from_integer(least) && value <= Decimal::from_integer(most)) return;
    fail(path, fmt::format("{} is outside {}..{}", value.to_string(), least, most),
         fmt::format("write a decimal from {} to {} in quotes", least, most));
  }

  [[nodiscard]] std::vector<FieldError> take() && { return std::move(errors_); }

 private:
  std::vector<FieldError> errors_;
};

void check_metadata(const ObjectMeta& metadata, Checker& check) {
  if (!is_dns_subdomain(metadata.name)) {
    check.fail("metadata.name", fmt::format("\"{}\" is not a Kubernetes name", metadata.name),
               "use lower-case letters, digits, '-' and '.', at most 253 in all");
  }
  if (!is_dns_label(metadata.name_space)) {
    check.fail("metadata.namespace",
               fmt::format("\"{}\" is not a namespace name", metadata.name_space),
               "use lower-case letters, digits and '-', at most 63 in all");
  }
}

void check_target(const TokenScalerSpec& spec, Checker& check) {
  const ScaleTargetRef& target = spec.scale_target_ref;
  if (!is_dns_subdomain(target.name)) {
    check.fail("spec.scaleTargetRef.name",
               target.name.empty() ? "is empty"
                                   : fmt::format("\"{}\" is not a Kubernetes name", target.name),
               "name the Deployment, StatefulSet or other object to scale");
  }
  if (target.kind.empty() || target.kind.size() > kMaxLabelLength) {
    check.fail("spec.scaleTargetRef.kind", fmt::format("\"{}\" is not a kind", target.kind),
               "write a kind with a scale subresource, such as Deployment");
  }
  if (target.api_version.empty() || target.api_version.size() > kMaxNameLength) {
    check.fail("spec.scaleTargetRef.apiVersion",
               fmt::format("\"{}\" is not an API version", target.api_version),
               "write group/version, such as apps/v1");
  }
}

void check_replicas(const TokenScalerSpec& spec, Checker& check) {
  check.in_range("spec.minReplicas", spec.min_replicas.value(), 1, kMaxReplicas);
  check.in_range("spec.maxReplicas", spec.max_replicas.value(), 1, kMaxReplicas);
  if (spec.min_replicas > spec.max_replicas) {
    check.fail("spec.minReplicas",
               fmt::format("{} is more than maxReplicas, {}", spec.min_replicas.value(),
                           spec.max_replicas.value()),
               "lower minReplicas or raise maxReplicas");
  }
  if (spec.gpus_per_replica) {
    check.in_range("spec.gpusPerReplica", spec.gpus_per_replica->value(), 1, kMaxGpusPerReplica);
  }
}

void check_query(const std::string& name, const std::optional<std::string>& query, Checker& check) {
  if (!query) return;
  const std::string path = "spec.metrics.queries." + name;
  if (query->find_first_not_of(" \t\r\n") == std::string::npos) {
    check.fail(path, "is empty", "write PromQL, or leave the field out to keep the engine's query");
  }
  if (query->size() > kMaxQueryLength) {
    check.fail(
        path, fmt::format("has {} characters", query->size()),
        fmt::format("keep a query under {} characters; use a recording rule", kMaxQueryLength));
  }
  if (query->find('\0') != std::string::npos) {
    check.fail(path, "holds a NUL character", "remove it");
  }
}

void check_metrics(const Metrics& metrics, Checker& check) {
  if (metrics.series_match_labels.size() > kMaxMatchLabels) {
    check.fail("spec.metrics.seriesMatchLabels",
               fmt::format("has {} labels", metrics.series_match_labels.size()),
               fmt::format("use at most {}", kMaxMatchLabels));
  }
  for (const auto& [name, value] : metrics.series_match_labels) {
    const std::string path = "spec.metrics.seriesMatchLabels." + name;
    if (!is_series_label(name) || name.starts_with("__")) {
      check.fail(path, fmt::format("\"{}\" is not a label name of a series", name),
                 "use letters, digits and '_', not starting with a digit or with \"__\"");
    }
    if (value.size() > kMaxLabelValueLength) {
      check.fail(path, fmt::format("the value has {} characters", value.size()),
                 fmt::format("use at most {}", kMaxLabelValueLength));
    }
  }
  check.seconds_in_range("spec.metrics.windowSeconds", metrics.window, 15, 3600);
  if (!is_dns_label(metrics.server_name)) {
    check.fail("spec.metrics.serverName",
               fmt::format("\"{}\" is not a server name", metrics.server_name),
               "name a Prometheus of the operator's configuration, such as default");
  }
  const MetricQueries& queries = metrics.queries;
  check_query("promptTokens", queries.prompt_tokens, check);
  check_query("generationTokens", queries.generation_tokens, check);
  check_query("cachedPromptTokens", queries.cached_prompt_tokens, check);
  check_query("finishedRequests", queries.finished_requests, check);
  check_query("runningRequests", queries.running_requests, check);
  check_query("waitingRequests", queries.waiting_requests, check);
  check_query("kvCacheUsage", queries.kv_cache_usage, check);
  if (metrics.engine == Engine::Custom && (!queries.prompt_tokens || !queries.generation_tokens)) {
    check.fail("spec.metrics.queries", "engine Custom has no queries of its own",
               "write promptTokens and generationTokens, or choose an engine");
  }
}

void check_capacity(const TokenScalerSpec& spec, Checker& check) {
  if (const auto& capacity = spec.capacity.tokens_per_second_per_gpu) {
    const std::string path = "spec.capacity.tokensPerSecondPerGPU";
    check.in_range(path + ".prompt", capacity->prompt.value(), 1.0, kMaxTokensPerSecondPerGpu,
                   " tokens/s");
    check.in_range(path + ".generation", capacity->generation.value(), 1.0,
                   kMaxTokensPerSecondPerGpu, " tokens/s");
  } else if (!spec.signals.requests_in_flight_per_replica) {
    check.fail("spec.capacity", "says nothing, and signals.requestsInFlightPerReplica is not set",
               "write capacity.tokensPerSecondPerGPU.prompt and .generation, what one GPU serves "
               "while latency is still good");
  }
}

void check_signals(const Signals& signals, Checker& check) {
  if (signals.requests_in_flight_per_replica) {
    check.in_range("spec.signals.requestsInFlightPerReplica",
                   *signals.requests_in_flight_per_replica, 1, 100'000);
  }
  if (signals.waiting_requests_per_replica) {
    check.in_range("spec.signals.waitingRequestsPerReplica", *signals.waiting_requests_per_replica,
                   1, 100'000);
  }
  if (signals.kv_cache_usage_percent) {
    check.in_range("spec.signals.kvCacheUsagePercent", *signals.kv_cache_usage_percent, 1, 100);
  }
  if (signals.time_to_first_token) {
    check.in_range<std::int64_t>("spec.signals.timeToFirstTokenMilliseconds",
                                 signals.time_to_first_token->count(), 1, 3'600'000, " ms");
  }
  if (signals.time_per_output_token) {
    check.in_range<std::int64_t>("spec.signals.timePerOutputTokenMilliseconds",
                                 signals.time_per_output_token->count(), 1, 60'000, " ms");
  }
}

void check_rules(const std::string& path, const ScalingRules& rules, Checker& check) {
  check.seconds_in_range(path + ".stabilizationWindowSeconds", rules.stabilization_window, 0, 3600);
  check.decimal_in_range(path + ".tolerance", rules.tolerance, 0, 1);
  if (rules.policies.size() > kMaxPolicies) {
    check.fail(path + ".policies", fmt::format("has {} entries", rules.policies.size()),
               fmt::format("use at most {}", kMaxPolicies));
  }
  for (std::size_t i = 0; i < rules.policies.size(); ++i) {
    const ScalingPolicy& policy = rules.policies[i];
    const std::string entry = fmt::format("{}.policies[{}]", path, i);
    check.in_range(entry + ".value", policy.value, 1, 1'000'000);
    check.seconds_in_range(entry + ".periodSeconds", policy.period, 1, 1800);
  }
}

void check_metrics_unavailable(const TokenScalerSpec& spec, Checker& check) {
  const MetricsUnavailable& policy = spec.metrics_unavailable;
  check.seconds_in_range("spec.metricsUnavailable.gracePeriodSeconds", policy.grace_period, 0,
                         86'400);
  const bool at_least = policy.policy == MetricsUnavailablePolicy::AtLeast;
  if (at_least && !policy.replicas) {
    check.fail("spec.metricsUnavailable.replicas", "is missing with policy AtLeast",
               "write the number of replicas to hold while metrics are unavailable");
  }
  if (!at_least && policy.replicas) {
    check.fail("spec.metricsUnavailable.replicas", "has no meaning with policy Hold",
               "remove it, or write policy: AtLeast");
  }
  if (policy.replicas) {
    check.in_range("spec.metricsUnavailable.replicas", policy.replicas->value(), 1, kMaxReplicas);
    if (*policy.replicas > spec.max_replicas) {
      check.fail("spec.metricsUnavailable.replicas",
                 fmt::format("{} is more than maxReplicas, {}", policy.replicas->value(),
                             spec.max_replicas.value()),
                 "lower it or raise maxReplicas");
    }
  }
}

void check_cost(const Cost& cost, Checker& check) {
  constexpr std::int64_t kMaxPrice = 1'000'000'000;
  check.decimal_in_range("spec.cost.pricePerGPUHour", cost.price_per_gpu_hour, 0, kMaxPrice);
  check.decimal_in_range("spec.cost.pricePerReplicaHour", cost.price_per_replica_hour, 0,
                         kMaxPrice);
  check.decimal_in_range("spec.cost.storagePerReplicaHour", cost.storage_per_replica_hour, 0,
                         kMaxPrice);
  check.decimal_in_range("spec.cost.networkPerReplicaHour", cost.network_per_replica_hour, 0,
                         kMaxPrice);
}

}  // namespace

std::vector<FieldError> validate(const TokenScaler& object) {
  const TokenScalerSpec& spec = object.spec;
  Checker check;
  check_metadata(object.metadata, check);
  check_target(spec, check);
  check_replicas(spec, check);
  check_metrics(spec.metrics, check);
  check_capacity(spec, check);
  check_signals(spec.signals, check);
  check.decimal_in_range("spec.demand.bufferFactor", spec.demand.buffer_factor, 1, 10);
  check.seconds_in_range("spec.demand.queueDrainSeconds", spec.demand.queue_drain, 1, 3600);
  check_rules("spec.behavior.scaleUp", spec.behavior.scale_up, check);
  check_rules("spec.behavior.scaleDown", spec.behavior.scale_down, check);
  check_metrics_unavailable(spec, check);
  if (spec.cost) check_cost(*spec.cost, check);
  return std::move(check).take();
}

}  // namespace tokenscaler::model
