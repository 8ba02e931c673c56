#include "json/token_scaler_codec.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "json/object_reader.h"
#include "json/utf8.h"

namespace tokenscaler::json {

namespace {

// Sizes beyond which a list or a map is not read; model::validate has the real bounds.
constexpr std::size_t kMaxLabels = 256;
constexpr std::size_t kMaxPolicies = 100;
// An error repeats what is wrong, but not a megabyte of it.
constexpr std::size_t kErrorLengthMax = 500;

using Errors = std::vector<model::FieldError>;

template <class Target, class Source>
void assign(Target& target, const std::optional<Source>& source) {
  if (source) target = Target(*source);
}

std::optional<std::int32_t> int32(ObjectReader& reader, std::string_view key,
                                  Presence presence = Presence::Optional) {
  const auto value = reader.integer(key, presence, kInt32Range);
  if (!value) return std::nullopt;
  return static_cast<std::int32_t>(*value);
}

void assign_int32(std::optional<std::int32_t>& target, ObjectReader& reader, std::string_view key) {
  if (const auto value = int32(reader, key)) target = *value;
}

void assign_seconds(std::chrono::seconds& target, ObjectReader& reader, std::string_view key) {
  if (const auto value = int32(reader, key)) target = std::chrono::seconds(*value);
}

void assign_milliseconds(std::optional<std::chrono::milliseconds>& target, ObjectReader& reader,
                         std::string_view key) {
  if (const auto value = int32(reader, key)) target = std::chrono::milliseconds(*value);
}

void decode_metadata(ObjectReader& root, model::ObjectMeta& metadata) {
  auto reader = root.object("metadata", Presence::Required);
  if (!reader) return;
  assign(metadata.name, reader->string("name", Presence::Required));
  assign(metadata.name_space, reader->string("namespace"));
  assign(metadata.labels, reader->string_map("labels", kMaxLabels));
  assign(metadata.annotations, reader->string_map("annotations", kMaxLabels));
  // What the API server adds to an object that is read back from it.
  for (const char* const key :
       {"creationTimestamp", "deletionGracePeriodSeconds", "deletionTimestamp", "finalizers",
        "generateName", "generation", "managedFields", "ownerReferences", "resourceVersion",
        "selfLink", "uid"}) {
    reader->ignore(key);
  }
  reader->finish();
}

void decode_target(ObjectReader& spec, model::ScaleTargetRef& target) {
  auto reader = spec.object("scaleTargetRef", Presence::Required);
  if (!reader) return;
  assign(target.api_version, reader->string("apiVersion"));
  assign(target.kind, reader->string("kind"));
  assign(target.name, reader->string("name", Presence::Required));
  reader->finish();
}

void decode_metrics(ObjectReader& spec, model::Metrics& metrics) {
  auto reader = spec.object("metrics");
  if (!reader) return;
  assign(metrics.engine, reader->choice("engine", model::all_values<model::Engine>()));
  assign(metrics.series_match_labels, reader->string_map("seriesMatchLabels", kMaxLabels));
  assign_seconds(metrics.window, *reader, "windowSeconds");
  assign(metrics.server_name, reader->string("serverName"));
  if (auto queries = reader->object("queries")) {
    model::MetricQueries& into = metrics.queries;
    into.prompt_tokens = queries->string("promptTokens");
    into.generation_tokens = queries->string("generationTokens");
    into.cached_prompt_tokens = queries->string("cachedPromptTokens");
    into.finished_requests = queries->string("finishedRequests");
    into.running_requests = queries->string("runningRequests");
    into.waiting_requests = queries->string("waitingRequests");
    into.kv_cache_usage = queries->string("kvCacheUsage");
    queries->finish();
  }
  reader->finish();
}

/// Tokens/s as a Quantity: a string or a whole number.
TokensPerSecond tokens_per_second(const std::optional<Decimal>& value) {
  return TokensPerSecond(value ? value->to_double() : 0.0);
}

void decode_capacity(ObjectReader& spec, model::Capacity& capacity) {
  auto reader = spec.object("capacity");
  if (!reader) return;
  if (auto rates = reader->object("tokensPerSecondPerGPU")) {
    const auto prompt = rates->decimal("prompt", Presence::Required);
    const auto generation = rates->decimal("generation", Presence::Required);
    rates->finish();
    capacity.tokens_per_second_per_gpu = model::TokensPerSecondPerGpu{
        .prompt = tokens_per_second(prompt), .generation = tokens_per_second(generation)};
  }
  reader->finish();
}

void decode_signals(ObjectReader& spec, model::Signals& signals) {
  auto reader = spec.object("signals");
  if (!reader) return;
  assign_int32(signals.requests_in_flight_per_replica, *reader, "requestsInFlightPerReplica");
  assign_int32(signals.waiting_requests_per_replica, *reader, "waitingRequestsPerReplica");
  assign_int32(signals.kv_cache_usage_percent, *reader, "kvCacheUsagePercent");
  assign_milliseconds(signals.time_to_first_token, *reader, "timeToFirstTokenMilliseconds");
  assign_milliseconds(signals.time_per_output_token, *reader, "timePerOutputTokenMilliseconds");
  reader->finish();
}

void decode_demand(ObjectReader& spec, model::DemandPolicy& demand) {
  auto reader = spec.object("demand");
  if (!reader) return;
  assign(demand.buffer_factor, reader->decimal("bufferFactor"));
  assign_seconds(demand.queue_drain, *reader, "queueDrainSeconds");
  reader->finish();
}

void decode_rules(ObjectReader& behavior, std::string_view key, model::ScalingRules& rules) {
  auto reader = behavior.object(key);
  if (!reader) return;
  assign_seconds(rules.stabilization_window, *reader, "stabilizationWindowSeconds");
  assign(rules.select_policy,
         reader->choice("selectPolicy", model::all_values<model::SelectPolicy>()));
  assign(rules.tolerance, reader->decimal("tolerance"));
  if (auto policies = reader->objects("policies", kMaxPolicies)) {
    rules.policies.clear();
    for (ObjectReader& each : *policies) {
      model::ScalingPolicy policy;
      assign(policy.type, each.choice("type", model::all_values<model::ScalingPolicyType>(),
                                      Presence::Required));
      assign(policy.value, int32(each, "value", Presence::Required));
      const auto period = int32(each, "periodSeconds", Presence::Required);
      if (period) policy.period = std::chrono::seconds(*period);
      each.finish();
      rules.policies.push_back(policy);
    }
    // As in the HPA: no policy at all would be a second way to say Disabled.
    if (policies->empty()) {
      reader->complain("policies", "is an empty list",
                       "leave it out for the defaults, or write selectPolicy: Disabled");
    }
  }
  reader->finish();
}

void decode_behavior(ObjectReader& spec, model::Behavior& behavior) {
  auto reader = spec.object("behavior");
  if (!reader) return;
  decode_rules(*reader, "scaleUp", behavior.scale_up);
  decode_rules(*reader, "scaleDown", behavior.scale_down);
  reader->finish();
}

void decode_metrics_unavailable(ObjectReader& spec, model::MetricsUnavailable& unavailable) {
  auto reader = spec.object("metricsUnavailable");
  if (!reader) return;
  assign(unavailable.policy,
         reader->choice("policy", model::all_values<model::MetricsUnavailablePolicy>()));
  if (const auto replicas = int32(*reader, "replicas")) unavailable.replicas = Replicas(*replicas);
  assign_seconds(unavailable.grace_period, *reader, "gracePeriodSeconds");
  reader->finish();
}

void decode_cost(ObjectReader& spec, std::optional<model::Cost>& cost) {
  auto reader = spec.object("cost");
  if (!reader) return;
  cost.emplace();
  if (const auto code = reader->string("currency")) {
    const auto currency = Currency::parse(*code);
    if (currency) {
      cost->currency = *currency;
    } else {
      reader->complain("currency", fmt::format("\"{}\" is not a currency code", printable(*code)),
                       currency.error().advice);
    }
  }
  assign(cost->price_per_gpu_hour, reader->decimal("pricePerGPUHour"));
  assign(cost->price_per_replica_hour, reader->decimal("pricePerReplicaHour"));
  assign(cost->storage_per_replica_hour, reader->decimal("storagePerReplicaHour"));
  assign(cost->network_per_replica_hour, reader->decimal("networkPerReplicaHour"));
  reader->finish();
}

void decode_spec(ObjectReader& root, model::TokenScalerSpec& spec) {
  auto reader = root.object("spec", Presence::Required);
  if (!reader) return;
  decode_target(*reader, spec.scale_target_ref);
  assign(spec.mode, reader->choice("mode", model::all_values<model::Mode>()));
  assign(spec.paused, reader->boolean("paused"));
  assign(spec.min_replicas, int32(*reader, "minReplicas"));
  assign(spec.max_replicas, int32(*reader, "maxReplicas", Presence::Required));
  if (const auto gpus = int32(*reader, "gpusPerReplica")) spec.gpus_per_replica = GpuCount(*gpus);
  decode_metrics(*reader, spec.metrics);
  decode_capacity(*reader, spec.capacity);
  decode_signals(*reader, spec.signals);
  decode_demand(*reader, spec.demand);
  decode_behavior(*reader, spec.behavior);
  decode_metrics_unavailable(*reader, spec.metrics_unavailable);
  decode_cost(*reader, spec.cost);
  reader->finish();
}

void expect_word(ObjectReader& root, std::string_view key, std::string_view word) {
  const auto value = root.string(key, Presence::Required);
  if (!value || *value == word) return;
  root.complain(key, fmt::format("must be {}, is \"{}\"", word, printable(*value)),
                fmt::format("write {}: {}", key, word));
}

// Encoding.

template <class Amount>
void set_if(Object& object, std::string_view key, const std::optional<Amount>& value) {
  if (value) object.set(std::string(key), *value);
}

void set_if(Object& object, std::string_view key,
            const std::optional<std::chrono::milliseconds>& value) {
  if (value) object.set(std::string(key), std::int64_t{value->count()});
}

Value encode_map(const std::map<std::string, std::string>& map) {
  Object object;
  for (const auto& [key, value] : map) object.set(key, value);
  return object;
}

Value encode_quantity(Decimal value) {
  return Quantity(value, Quantity::Format::DecimalSi).to_string();
}

Value encode_rate(TokensPerSecond rate) {
  return encode_quantity(Decimal::from_double(rate.value()).value_or(Decimal()));
}

Value encode_metrics(const model::Metrics& metrics) {
  Object queries;
  set_if(queries, "promptTokens", metrics.queries.prompt_tokens);
  set_if(queries, "generationTokens", metrics.queries.generation_tokens);
  set_if(queries, "cachedPromptTokens", metrics.queries.cached_prompt_tokens);
  set_if(queries, "finishedRequests", metrics.queries.finished_requests);
  set_if(queries, "runningRequests", metrics.queries.running_requests);
  set_if(queries, "waitingRequests", metrics.queries.waiting_requests);
  set_if(queries, "kvCacheUsage", metrics.queries.kv_cache_usage);
  Object object{{"engine", to_string(metrics.engine)},
                {"windowSeconds", std::int64_t{metrics.window.count()}},
                {"serverName", metrics.server_name}};
  if (!metrics.series_match_labels.empty()) {
    object.set("seriesMatchLabels", encode_map(metrics.series_match_labels));
  }
  if (!queries.empty()) object.set("queries", std::move(queries));
  return object;
}

Value encode_signals(const model::Signals& signals) {
  Object object;
  set_if(object, "requestsInFlightPerReplica", signals.requests_in_flight_per_replica);
  set_if(object, "waitingRequestsPerReplica", signals.waiting_requests_per_replica);
  set_if(object, "kvCacheUsagePercent", signals.kv_cache_usage_percent);
  set_if(object, "timeToFirstTokenMilliseconds", signals.time_to_first_token);
  set_if(object, "timePerOutputTokenMilliseconds", signals.time_per_output_token);
  return object;
}

Value encode_rules(const model::ScalingRules& rules) {
  Array policies;
  for (const model::ScalingPolicy& policy : rules.policies) {
    policies.push_back(Object{{"type", to_string(policy.type)},
                              {"value", policy.value},
                              {"periodSeconds", std::int64_t{policy.period.count()}}});
  }
  return Object{{"stabilizationWindowSeconds", std::int64_t{rules.stabilization_window.count()}},
                {"policies", std::move(policies)},
                {"selectPolicy", to_string(rules.select_policy)},
                {"tolerance", encode_quantity(rules.tolerance)}};
}

Value encode_cost(const model::Cost& cost) {
  return Object{{"currency", cost.currency.code()},
                {"pricePerGPUHour", encode_quantity(cost.price_per_gpu_hour)},
                {"pricePerReplicaHour", encode_quantity(cost.price_per_replica_hour)},
                {"storagePerReplicaHour", encode_quantity(cost.storage_per_replica_hour)},
                {"networkPerReplicaHour", encode_quantity(cost.network_per_replica_hour)}};
}

Value encode_metrics_unavailable(const model::MetricsUnavailable& unavailable) {
  Object object{{"policy", to_string(unavailable.policy)},
                {"gracePeriodSeconds", std::int64_t{unavailable.grace_period.count()}}};
  if (unavailable.replicas) object.set("replicas", unavailable.replicas->value());
  return object;
}

Value encode_spec(const model::TokenScalerSpec& spec) {
  const model::ScaleTargetRef& target = spec.scale_target_ref;
  Object object{
      {"scaleTargetRef",
       Object{{"apiVersion", target.api_version}, {"kind", target.kind}, {"name", target.name}}},
      {"mode", to_string(spec.mode)},
      {"paused", spec.paused},
      {"minReplicas", spec.min_replicas.value()},
      {"maxReplicas", spec.max_replicas.value()},
      {"metrics", encode_metrics(spec.metrics)},
      {"signals", encode_signals(spec.signals)},
      {"demand", Object{{"bufferFactor", encode_quantity(spec.demand.buffer_factor)},
                        {"queueDrainSeconds", std::int64_t{spec.demand.queue_drain.count()}}}},
      {"behavior", Object{{"scaleUp", encode_rules(spec.behavior.scale_up)},
                          {"scaleDown", encode_rules(spec.behavior.scale_down)}}},
      {"metricsUnavailable", encode_metrics_unavailable(spec.metrics_unavailable)}};
  if (spec.gpus_per_replica) object.set("gpusPerReplica", spec.gpus_per_replica->value());
  if (const auto& rates = spec.capacity.tokens_per_second_per_gpu) {
    object.set("capacity", Object{{"tokensPerSecondPerGPU",
                                   Object{{"prompt", encode_rate(rates->prompt)},
                                          {"generation", encode_rate(rates->generation)}}}});
  }
  if (spec.cost) object.set("cost", encode_cost(*spec.cost));
  return object;
}

}  // namespace

model::TokenScaler decode_token_scaler(const Value& value, Errors& errors) {
  model::TokenScaler object;
  const std::size_t errors_before = errors.size();
  ObjectReader root(value, "", errors);
  expect_word(root, "apiVersion", model::kApiVersion);
  expect_word(root, "kind", model::kKind);
  decode_metadata(root, object.metadata);
  decode_spec(root, object.spec);
  root.ignore("status");
  root.finish();
  // A field that could not be read has its default by now; rules about it would mislead.
  if (errors.size() == errors_before) {
    for (const model::FieldError& error : model::validate(object)) {
      // Names and values from the object stand in them, which must not steer a terminal.
      errors.push_back({.path = printable(error.path, kErrorLengthMax),
                        .message = printable(error.message, kErrorLengthMax),
                        .advice = error.advice});
    }
  }
  return object;
}

Value encode(const model::TokenScaler& object) {
  Object metadata{{"name", object.metadata.name}, {"namespace", object.metadata.name_space}};
  if (!object.metadata.labels.empty()) metadata.set("labels", encode_map(object.metadata.labels));
  if (!object.metadata.annotations.empty()) {
    metadata.set("annotations", encode_map(object.metadata.annotations));
  }
  return Object{{"apiVersion", model::kApiVersion},
                {"kind", model::kKind},
                {"metadata", std::move(metadata)},
                {"spec", encode_spec(object.spec)}};
}

}  // namespace tokenscaler::json
