// The TokenScaler resource, tokenscaler.io/v1alpha1: what the user asks for.
//
// Field names, defaults and bounds are the CRD's. Decoding is in lib/json, checking in validate.h.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/decimal.h"
#include "base/money.h"
#include "base/units.h"

namespace tokenscaler::model {

inline constexpr std::string_view kApiVersion = "tokenscaler.io/v1alpha1";
inline constexpr std::string_view kKind = "TokenScaler";

/// `spec.mode`: how a decision reaches the target.
enum class Mode {
  Scale,      ///< The operator writes the target's /scale.
  Hpa,        ///< The metrics adapter serves it, an HPA writes /scale. Spelled `HPA`.
  Recommend,  ///< Nothing is written but status.
};

/// `spec.metrics.engine`: whose metric names are read.
enum class Engine {
  Auto,  ///< Told from the series that exist.
  Vllm,
  Sglang,
  Tgi,
  TensorRtLlm,
  Nim,
  LlamaCpp,
  LiteLlm,             ///< Gateway: demand only.
  EnvoyAiGateway,      ///< Gateway with OpenTelemetry GenAI names: demand only.
  InferenceExtension,  ///< Gateway API Inference Extension's endpoint picker: demand and its queue.
  Custom,              ///< Only spec.metrics.queries.
};

/// The object whose /scale subresource is the target. It is in the TokenScaler's own namespace.
struct ScaleTargetRef {
  std::string api_version = "apps/v1";
  std::string kind = "Deployment";
  std::string name;

  bool operator==(const ScaleTargetRef&) const = default;
};

/// PromQL in place of a preset's query. A query gives one series for each pod (labels of the
/// namespace and the pod), or one series in all for Custom without pod labels; unset members keep
/// the preset's query. Rates are tokens/s, gauges are counts, KV-cache use is 0..1.
struct MetricQueries {
  std::optional<std::string> prompt_tokens;
  std::optional<std::string> generation_tokens;
  std::optional<std::string> cached_prompt_tokens;
  std::optional<std::string> finished_requests;
  std::optional<std::string> running_requests;
  std::optional<std::string> waiting_requests;
  std::optional<std::string> kv_cache_usage;

  bool operator==(const MetricQueries&) const = default;
};

/// `spec.metrics`: where the tokens are counted.
struct Metrics {
  Engine engine = Engine::Auto;
  /// Equality matchers that every query gets, besides namespace and pods. At most 16.
  std::map<std::string, std::string> series_match_labels;
  /// Range of rate(): 15..3600 s. The effective window is at least four scrape intervals.
  std::chrono::seconds window{60};
  /// Which Prometheus of the owner's configuration is asked.
  std::string server_name = "default";
  MetricQueries queries;

  bool operator==(const Metrics&) const = default;
};

/// Tokens/s that one GPU serves while latency is still good.
struct TokensPerSecondPerGpu {
  TokensPerSecond prompt;      ///< Uncached prompt tokens (prefill). Greater than 0.
  TokensPerSecond generation;  ///< Generated tokens (decode). Greater than 0.

  bool operator==(const TokensPerSecondPerGpu&) const = default;
};

/// `spec.capacity`.
struct Capacity {
  std::optional<TokensPerSecondPerGpu> tokens_per_second_per_gpu;

  bool operator==(const Capacity&) const = default;
};

/// `spec.signals`: further reasons to ask for replicas besides tokens/s. Each member that is set
/// can scale up, and has to agree before a scale-down.
struct Signals {
  /// Requests in flight (running and waiting) that one replica should hold. 1..100000.
  std::optional<std::int32_t> requests_in_flight_per_replica;
  /// Waiting requests that one replica may have before more replicas are asked for. 1..100000.
  std::optional<std::int32_t> waiting_requests_per_replica;
  /// Mean use of the KV cache, in percent. 1..100.
  std::optional<std::int32_t> kv_cache_usage_percent = 90;
  /// Mean time to first token over the window. 1..3600000 ms.
  std::optional<std::chrono::milliseconds> time_to_first_token;
  /// Mean time per output token over the window. 1..60000 ms.
  std::optional<std::chrono::milliseconds> time_per_output_token;

  bool operator==(const Signals&) const = default;
};

/// `spec.demand`.
struct DemandPolicy {
  /// Head room: the load is multiplied by it. 1..10. Decimal written as a Quantity.
  Decimal buffer_factor = Decimal::from_nanos(1'300'000'000);
  /// A queue that exists now has to be gone after this time, or after a cold start if that is
  /// longer: replicas asked for now cannot help sooner. 1..3600 s.
  std::chrono::seconds queue_drain{10};

  bool operator==(const DemandPolicy&) const = default;
};

enum class ScalingPolicyType { Pods, Percent };
enum class SelectPolicy { Max, Min, Disabled };

/// One limit on the speed of scaling, as in autoscaling/v2.
struct ScalingPolicy {
  ScalingPolicyType type = ScalingPolicyType::Pods;
  std::int32_t value = 0;          ///< Pods or percent, greater than 0.
  std::chrono::seconds period{0};  ///< 1..1800 s.

  bool operator==(const ScalingPolicy&) const = default;
};

/// One direction of `spec.behavior`, with the words and meaning of autoscaling/v2.
struct ScalingRules {
  std::chrono::seconds stabilization_window{0};  ///< 0..3600 s.
  std::vector<ScalingPolicy> policies;           ///< At most 20.
  SelectPolicy select_policy = SelectPolicy::Max;
  Decimal tolerance = Decimal::from_nanos(100'000'000);  ///< 0..1; 0.1 as in the HPA.

  bool operator==(const ScalingRules&) const = default;
};

/// HPA's default for scaling up: the larger of 4 pods and 100 % each 15 s, no window.
[[nodiscard]] ScalingRules default_scale_up_rules();
/// HPA's default for scaling down (100 % each 15 s, 300 s window).
[[nodiscard]] ScalingRules default_scale_down_rules();

/// `spec.behavior`.
struct Behavior {
  ScalingRules scale_up = default_scale_up_rules();
  ScalingRules scale_down = default_scale_down_rules();

  bool operator==(const Behavior&) const = default;
};

enum class MetricsUnavailablePolicy {
  Hold,     ///< Keep the replicas that are there.
  AtLeast,  ///< After the grace period raise to `replicas`, if there are fewer.
};

/// `spec.metricsUnavailable`: what to do while metrics cannot be had. It may only raise.
struct MetricsUnavailable {
  MetricsUnavailablePolicy policy = MetricsUnavailablePolicy::Hold;
  std::optional<Replicas> replicas;        ///< Required with AtLeast. 1..100000.
  std::chrono::seconds grace_period{300};  ///< 0..86400 s.

  bool operator==(const MetricsUnavailable&) const = default;
};

/// `spec.cost`: what a replica costs for each hour. Prices are 0 or more.
struct Cost {
  Currency currency;
  Decimal price_per_gpu_hour;
  Decimal price_per_replica_hour;  ///< An instance price instead of, or beside, the GPU price.
  Decimal storage_per_replica_hour;
  Decimal network_per_replica_hour;

  bool operator==(const Cost&) const = default;
};

struct TokenScalerSpec {
  ScaleTargetRef scale_target_ref;
  Mode mode = Mode::Scale;
  /// Decisions go on and are reported; nothing is written.
  bool paused = false;
  Replicas min_replicas{1};  ///< 1..max_replicas.
  Replicas max_replicas{1};  ///< Up to 100000. Required in a manifest.
  /// Unset: told from the pod template by the operator.
  std::optional<GpuCount> gpus_per_replica;
  Metrics metrics;
  Capacity capacity;
  Signals signals;
  DemandPolicy demand;
  Behavior behavior;
  MetricsUnavailable metrics_unavailable;
  std::optional<Cost> cost;

  bool operator==(const TokenScalerSpec&) const = default;
};

struct ObjectMeta {
  std::string name;
  std::string name_space = "default";
  std::map<std::string, std::string> labels;
  std::map<std::string, std::string> annotations;

  bool operator==(const ObjectMeta&) const = default;
};

struct TokenScaler {
  ObjectMeta metadata;
  TokenScalerSpec spec;

  bool operator==(const TokenScaler&) const = default;
};

/// The words of the manifest. The parse functions return no value for an unknown word.
[[nodiscard]] std::string_view to_string(Mode mode);
[[nodiscard]] std::string_view to_string(Engine engine);
[[nodiscard]] std::string_view to_string(ScalingPolicyType type);
[[nodiscard]] std::string_view to_string(SelectPolicy policy);
[[nodiscard]] std::string_view to_string(MetricsUnavailablePolicy policy);

/// All words of an enum in the order of its declaration, for parsing and for error messages.
template <class Enum>
[[nodiscard]] const std::vector<Enum>& all_values();
template <>
const std::vector<Mode>& all_values<Mode>();
template <>
const std::vector<Engine>& all_values<Engine>();
template <>
const std::vector<ScalingPolicyType>& all_values<ScalingPolicyType>();
template <>
const std::vector<SelectPolicy>& all_values<SelectPolicy>();
template <>
const std::vector<MetricsUnavailablePolicy>& all_values<MetricsUnavailablePolicy>();

}  // namespace tokenscaler::model
