// Sources of the names: research/llm-autoscaling.md 3.1 to 3.3 (engines' own sources and docs,
// 2026).
#include "prom/preset.h"

#include <array>

namespace tokenscaler::prom {

namespace {

using enum Signal;
using enum SourceKind;
using std::string_view;

// vLLM. V1 says kv_cache_usage_perc and prefix_cache_*, V0 gpu_cache_usage_perc and
// gpu_prefix_cache_*; releases in between said both. Where tokens came from is exact since 0.18;
// the hit counters before counted waiting requests again and again, hence only their ratio.
constexpr Source kVllm[] = {
    {.signal = PromptTokens, .kind = CounterRate, .series = "vllm:prompt_tokens_total"},
    {.signal = CachedPromptTokens,
     .kind = CounterRate,
     .series = "vllm:prompt_tokens_by_source_total",
     .matchers = R"(source!="local_compute")"},
    {.signal = CachedPromptTokens,
     .kind = CounterRate,
     .series = "vllm:prompt_tokens_cached_total"},
    {.signal = CachedPromptTokens,
     .kind = ShareOfRates,
     .series = "vllm:prefix_cache_hits_total",
     .divisor = "vllm:prefix_cache_queries_total"},
    {.signal = CachedPromptTokens,
     .kind = ShareOfRates,
     .series = "vllm:gpu_prefix_cache_hits_total",
     .divisor = "vllm:gpu_prefix_cache_queries_total"},
    {.signal = CachedPromptTokens, .kind = GaugeShare, .series = "vllm:gpu_prefix_cache_hit_rate"},
    {.signal = GenerationTokens, .kind = CounterRate, .series = "vllm:generation_tokens_total"},
    {.signal = FinishedRequests, .kind = CounterRate, .series = "vllm:request_success_total"},
    {.signal = RunningRequests, .kind = GaugeSum, .series = "vllm:num_requests_running"},
    {.signal = WaitingRequests, .kind = GaugeSum, .series = "vllm:num_requests_waiting"},
    {.signal = WaitingRequests, .kind = GaugeSum, .series = "vllm:num_requests_waiting_by_reason"},
    {.signal = KvCacheUsage, .kind = GaugeMean, .series = "vllm:kv_cache_usage_perc"},
    {.signal = KvCacheUsage, .kind = GaugeMean, .series = "vllm:gpu_cache_usage_perc"},
    {.signal = MeanPromptTokens,
     .kind = MeanOfRates,
     .series = "vllm:request_prompt_tokens_sum",
     .divisor = "vllm:request_prompt_tokens_count"},
    {.signal = MeanGenerationTokens,
     .kind = MeanOfRates,
     .series = "vllm:request_generation_tokens_sum",
     .divisor = "vllm:request_generation_tokens_count"},
    {.signal = TimeToFirstToken,
     .kind = MeanOfRates,
     .series = "vllm:time_to_first_token_seconds_sum",
     .divisor = "vllm:time_to_first_token_seconds_count"},
    {.signal = TimePerOutputToken,
     .kind = MeanOfRates,
     .series = "vllm:inter_token_latency_seconds_sum",
     .divisor = "vllm:inter_token_latency_seconds_count"},
    {.signal = TimePerOutputToken,
     .kind = MeanOfRates,
     .series = "vllm:time_per_output_token_seconds_sum",
     .divisor = "vllm:time_per_output_token_seconds_count"},
    {.signal = TimePerOutputToken,
     .kind = MeanOfRates,
     .series = "vllm:request_time_per_output_token_seconds_sum",
     .divisor = "vllm:request_time_per_output_token_seconds_count"},
    {.signal = Asleep,
     .kind = GaugeMax,
     .series = "vllm:engine_sleep_state",
     .matchers = R"(sleep_state=~"weights_offloaded|discard_all")"},
};
constexpr string_view kVllmHeartbeats[] = {"vllm:num_requests_running"};
constexpr Fingerprint kVllmFingerprints[] = {
    {.series = "vllm:num_requests_running"},
    {.series = "vllm:kv_cache_usage_perc", .version = "V1"},
    {.series = "vllm:gpu_cache_usage_perc", .version = "V0"},
};

// SGLang counts tokens when a request finishes. Every tensor-parallel rank may report the gauges
// of the same scheduler (--enable-metrics-for-all-schedulers); data-parallel ranks have their own.
constexpr Source kSglang[] = {
    {.signal = PromptTokens, .kind = CounterRate, .series = "sglang:prompt_tokens_total"},
    {.signal = CachedPromptTokens, .kind = CounterRate, .series = "sglang:cached_tokens_total"},
    {.signal = CachedPromptTokens, .kind = GaugeShare, .series = "sglang:cache_hit_rate"},
    {.signal = GenerationTokens, .kind = CounterRate, .series = "sglang:generation_tokens_total"},
    {.signal = FinishedRequests, .kind = CounterRate, .series = "sglang:num_requests_total"},
    {.signal = RunningRequests, .kind = GaugeSum, .series = "sglang:num_running_reqs"},
    {.signal = WaitingRequests, .kind = GaugeSum, .series = "sglang:num_queue_reqs"},
    {.signal = KvCacheUsage, .kind = GaugeMean, .series = "sglang:token_usage"},
    {.signal = MeanPromptTokens,
     .kind = MeanOfRates,
     .series = "sglang:prompt_tokens_histogram_sum",
     .divisor = "sglang:prompt_tokens_histogram_count"},
    {.signal = MeanGenerationTokens,
     .kind = MeanOfRates,
     .series = "sglang:generation_tokens_histogram_sum",
     .divisor = "sglang:generation_tokens_histogram_count"},
    {.signal = TimeToFirstToken,
     .kind = MeanOfRates,
     .series = "sglang:time_to_first_token_seconds_sum",
     .divisor = "sglang:time_to_first_token_seconds_count"},
    {.signal = TimePerOutputToken,
     .kind = MeanOfRates,
     .series = "sglang:inter_token_latency_seconds_sum",
     .divisor = "sglang:inter_token_latency_seconds_count"},
    {.signal = TimePerOutputToken,
     .kind = MeanOfRates,
     .series = "sglang:time_per_output_token_seconds_sum",
     .divisor = "sglang:time_per_output_token_seconds_count"},
};
constexpr string_view kSglangHeartbeats[] = {"sglang:num_running_reqs"};
constexpr string_view kSglangSameNumber[] = {"tp_rank", "pp_rank", "moe_ep_rank"};
constexpr Fingerprint kSglangFingerprints[] = {
    {.series = "sglang:num_running_reqs"},
    {.series = "sglang:inter_token_latency_seconds_count", .version = "0.5"},
    {.series = "sglang:time_per_output_token_seconds_count", .version = "0.4"},
};

// TGI counts in histograms, and has no series at all before the first request.
constexpr Source kTgi[] = {
    {.signal = PromptTokens, .kind = CounterRate, .series = "tgi_request_input_length_sum"},
    {.signal = GenerationTokens, .kind = CounterRate, .series = "tgi_request_generated_tokens_sum"},
    {.signal = FinishedRequests, .kind = CounterRate, .series = "tgi_request_success"},
    {.signal = FinishedRequests, .kind = CounterRate, .series = "tgi_request_success_total"},
    {.signal = FinishedRequests,
     .kind = CounterRate,
     .series = "tgi_request_generated_tokens_count"},
    {.signal = RunningRequests, .kind = GaugeSum, .series = "tgi_batch_current_size"},
    {.signal = WaitingRequests, .kind = GaugeSum, .series = "tgi_queue_size"},
    {.signal = MeanPromptTokens,
     .kind = MeanOfRates,
     .series = "tgi_request_input_length_sum",
     .divisor = "tgi_request_input_length_count"},
    {.signal = MeanGenerationTokens,
     .kind = MeanOfRates,
     .series = "tgi_request_generated_tokens_sum",
     .divisor = "tgi_request_generated_tokens_count"},
    {.signal = TimePerOutputToken,
     .kind = MeanOfRates,
     .series = "tgi_request_mean_time_per_token_duration_sum",
     .divisor = "tgi_request_mean_time_per_token_duration_count"},
};
constexpr string_view kTgiHeartbeats[] = {"tgi_queue_size", "tgi_batch_current_size"};
constexpr Fingerprint kTgiFingerprints[] = {
    {.series = "tgi_queue_size"},
    {.series = "tgi_batch_current_size"},
    {.series = "tgi_request_input_length_count"},
};

// TensorRT-LLM: trtllm-serve first; then the Triton backend, which has no cumulative token counter
// (its token gauges are of one iteration), so there only requests, queue and KV cache are known.
constexpr Source kTensorRtLlm[] = {
    {.signal = PromptTokens, .kind = CounterRate, .series = "trtllm_prompt_tokens_total"},
    {.signal = CachedPromptTokens,
     .kind = CounterRate,
     .series = "trtllm_prompt_cached_tokens_total"},
    {.signal = CachedPromptTokens, .kind = GaugeShare, .series = "trtllm_kv_cache_hit_rate"},
    {.signal = GenerationTokens, .kind = CounterRate, .series = "trtllm_generation_tokens_total"},
    {.signal = FinishedRequests, .kind = CounterRate, .series = "trtllm_request_success_total"},
    {.signal = FinishedRequests, .kind = CounterRate, .series = "nv_inference_request_success"},
    {.signal = RunningRequests, .kind = GaugeSum, .series = "trtllm_num_requests_running"},
    {.signal = RunningRequests,
     .kind = GaugeSum,
     .series = "nv_trt_llm_request_metrics",
     .matchers = R"(request_type="scheduled")"},
    {.signal = WaitingRequests, .kind = GaugeSum, .series = "trtllm_num_requests_waiting"},
    {.signal = WaitingRequests,
     .kind = GaugeSum,
     .series = "nv_trt_llm_request_metrics",
     .matchers = R"(request_type="waiting")"},
    {.signal = KvCacheUsage, .kind = GaugeMean, .series = "trtllm_kv_cache_utilization"},
    {.signal = KvCacheUsage,
     .kind = GaugeMean,
     .series = "nv_trt_llm_kv_cache_block_metrics",
     .matchers = R"(kv_cache_block_type="fraction")"},
    {.signal = TimeToFirstToken,
     .kind = MeanOfRates,
     .series = "trtllm_time_to_first_token_seconds_sum",
     .divisor = "trtllm_time_to_first_token_seconds_count"},
    {.signal = TimeToFirstToken,
     .kind = MeanOfRates,
     .series = "nv_inference_first_response_histogram_ms_sum",
     .divisor = "nv_inference_first_response_histogram_ms_count",
     .scale = 0.001},
    {.signal = TimePerOutputToken,
     .kind = MeanOfRates,
     .series = "trtllm_time_per_output_token_seconds_sum",
     .divisor = "trtllm_time_per_output_token_seconds_count"},
};
constexpr string_view kTensorRtLlmHeartbeats[] = {"trtllm_num_requests_running",
                                                  "nv_trt_llm_request_metrics"};
// A request passes through every model of a Triton ensemble, and each counts it.
constexpr string_view kTensorRtLlmSameNumber[] = {"model", "version"};
constexpr Fingerprint kTensorRtLlmFingerprints[] = {
    {.series = "trtllm_num_requests_running", .version = "trtllm-serve"},
    {.series = "nv_trt_llm_request_metrics", .version = "Triton backend"},
};

// NIM's names have no prefix, so other programs may have one of them: several are needed.
constexpr Source kNim[] = {
    {.signal = PromptTokens, .kind = CounterRate, .series = "prompt_tokens_total"},
    {.signal = GenerationTokens, .kind = CounterRate, .series = "generation_tokens_total"},
    {.signal = FinishedRequests, .kind = CounterRate, .series = "request_success_total"},
    {.signal = FinishedRequests,
     .kind = CounterRate,
     .series = "e2e_request_latency_seconds_count"},
    {.signal = RunningRequests, .kind = GaugeSum, .series = "num_requests_running"},
    {.signal = WaitingRequests, .kind = GaugeSum, .series = "num_requests_waiting"},
    {.signal = KvCacheUsage, .kind = GaugeMean, .series = "gpu_cache_usage_perc"},
    {.signal = MeanPromptTokens,
     .kind = MeanOfRates,
     .series = "request_prompt_tokens_sum",
     .divisor = "request_prompt_tokens_count"},
    {.signal = MeanGenerationTokens,
     .kind = MeanOfRates,
     .series = "request_generation_tokens_sum",
     .divisor = "request_generation_tokens_count"},
    {.signal = TimeToFirstToken,
     .kind = MeanOfRates,
     .series = "time_to_first_token_seconds_sum",
     .divisor = "time_to_first_token_seconds_count"},
    {.signal = TimePerOutputToken,
     .kind = MeanOfRates,
     .series = "time_per_output_token_seconds_sum",
     .divisor = "time_per_output_token_seconds_count"},
};
constexpr string_view kNimHeartbeats[] = {"num_requests_running"};
constexpr Fingerprint kNimFingerprints[] = {
    {.series = "num_requests_running"},
    {.series = "num_requests_waiting"},
    {.series = "num_request_max"},
    {.series = "gpu_cache_usage_perc"},
};

// llama.cpp counts only the prompt tokens that it computed: none of them were cached.
constexpr Source kLlamaCpp[] = {
    {.signal = PromptTokens, .kind = CounterRate, .series = "llamacpp:prompt_tokens_total"},
    {.signal = CachedPromptTokens, .kind = Zero},
    {.signal = GenerationTokens, .kind = CounterRate, .series = "llamacpp:tokens_predicted_total"},
    {.signal = RunningRequests, .kind = GaugeSum, .series = "llamacpp:requests_processing"},
    {.signal = WaitingRequests, .kind = GaugeSum, .series = "llamacpp:requests_deferred"},
    {.signal = KvCacheUsage, .kind = GaugeMean, .series = "llamacpp:kv_cache_usage_ratio"},
    {.signal = TimePerOutputToken,
     .kind = MeanOfRates,
     .series = "llamacpp:tokens_predicted_seconds_total",
     .divisor = "llamacpp:tokens_predicted_total"},
};
constexpr string_view kLlamaCppHeartbeats[] = {"llamacpp:requests_processing"};
constexpr Fingerprint kLlamaCppFingerprints[] = {
    {.series = "llamacpp:requests_processing"},
    {.series = "llamacpp:kv_cache_usage_ratio", .version = "before the removal of KV metrics"},
};

constexpr Source kInferenceExtension[] = {
    {.signal = PromptTokens, .kind = CounterRate, .series = "llm_d_epp_request_input_tokens_sum"},
    {.signal = PromptTokens, .kind = CounterRate, .series = "inference_objective_input_tokens_sum"},
    {.signal = PromptTokens, .kind = CounterRate, .series = "inference_model_input_tokens_sum"},
    {.signal = CachedPromptTokens,
     .kind = CounterRate,
     .series = "llm_d_epp_request_cached_tokens_sum"},
    {.signal = CachedPromptTokens,
     .kind = CounterRate,
     .series = "inference_objective_prompt_cached_tokens_sum"},
    {.signal = GenerationTokens,
     .kind = CounterRate,
     .series = "llm_d_epp_request_output_tokens_sum"},
    {.signal = GenerationTokens,
     .kind = CounterRate,
     .series = "inference_objective_output_tokens_sum"},
    {.signal = GenerationTokens,
     .kind = CounterRate,
     .series = "inference_model_output_tokens_sum"},
    {.signal = FinishedRequests, .kind = CounterRate, .series = "llm_d_epp_request_total"},
    {.signal = FinishedRequests,
     .kind = CounterRate,
     .series = "inference_objective_request_total"},
    {.signal = FinishedRequests, .kind = CounterRate, .series = "inference_model_request_total"},
    {.signal = QueuedRequests, .kind = GaugeSum, .series = "llm_d_epp_flow_control_queue_size"},
    {.signal = QueuedRequests,
     .kind = GaugeSum,
     .series = "inference_extension_flow_control_queue_size"},
};
constexpr Fingerprint kInferenceExtensionFingerprints[] = {
    {.series = "llm_d_epp_request_total", .version = "llm_d_epp"},
    {.series = "inference_objective_request_total", .version = "inference_objective"},
    {.series = "inference_model_request_total", .version = "inference_model"},
};

constexpr Source kEnvoyAiGateway[] = {
    {.signal = PromptTokens,
     .kind = CounterRate,
     .series = "gen_ai_client_token_usage_sum",
     .matchers = R"(gen_ai_token_type="input")"},
    {.signal = PromptTokens,
     .kind = CounterRate,
     .series = "gen_ai_client_token_usage_token_sum",
     .matchers = R"(gen_ai_token_type="input")"},
    {.signal = CachedPromptTokens,
     .kind = CounterRate,
     .series = "gen_ai_client_token_usage_sum",
     .matchers = R"(gen_ai_token_type="cached_input")"},
    {.signal = CachedPromptTokens,
     .kind = CounterRate,
     .series = "gen_ai_client_token_usage_token_sum",
     .matchers = R"(gen_ai_token_type="cached_input")"},
    {.signal = GenerationTokens,
     .kind = CounterRate,
     .series = "gen_ai_client_token_usage_sum",
     .matchers = R"(gen_ai_token_type="output")"},
    {.signal = GenerationTokens,
     .kind = CounterRate,
     .series = "gen_ai_client_token_usage_token_sum",
     .matchers = R"(gen_ai_token_type="output")"},
    // Before semantic conventions 1.27 the output was called completion.
    {.signal = GenerationTokens,
     .kind = CounterRate,
     .series = "gen_ai_client_token_usage_sum",
     .matchers = R"(gen_ai_token_type="completion")"},
    {.signal = FinishedRequests,
     .kind = CounterRate,
     .series = "gen_ai_server_request_duration_seconds_count"},
    {.signal = FinishedRequests,
     .kind = CounterRate,
     .series = "gen_ai_server_request_duration_count"},
};
constexpr Fingerprint kEnvoyAiGatewayFingerprints[] = {
    {.series = "gen_ai_client_token_usage_count"},
    {.series = "gen_ai_client_token_usage_token_count", .version = "with units in names"},
};

constexpr Source kLiteLlm[] = {
    {.signal = PromptTokens, .kind = CounterRate, .series = "litellm_input_tokens_metric_total"},
    {.signal = PromptTokens, .kind = CounterRate, .series = "litellm_input_tokens_total"},
    {.signal = GenerationTokens,
     .kind = CounterRate,
     .series = "litellm_output_tokens_metric_total"},
    {.signal = GenerationTokens, .kind = CounterRate, .series = "litellm_output_tokens_total"},
    {.signal = FinishedRequests,
     .kind = CounterRate,
     .series = "litellm_proxy_total_requests_metric_total"},
    {.signal = FinishedRequests, .kind = CounterRate, .series = "litellm_requests_metric_total"},
};
constexpr Fingerprint kLiteLlmFingerprints[] = {
    {.series = "litellm_input_tokens_metric_total"},
    {.series = "litellm_input_tokens_total", .version = "names without _metric"},
};

constexpr string_view kCustomHeartbeats[] = {"up"};

constexpr Preset kPresets[] = {
    {.engine = model::Engine::Vllm,
     .title = "vLLM",
     .sources = kVllm,
     .heartbeats = kVllmHeartbeats,
     .same_number_labels = {},
     .fingerprints = kVllmFingerprints},
    {.engine = model::Engine::Sglang,
     .title = "SGLang",
     .sources = kSglang,
     .heartbeats = kSglangHeartbeats,
     .same_number_labels = kSglangSameNumber,
     .fingerprints = kSglangFingerprints,
     .born_late = true},
    {.engine = model::Engine::Tgi,
     .title = "TGI",
     .sources = kTgi,
     .heartbeats = kTgiHeartbeats,
     .same_number_labels = {},
     .fingerprints = kTgiFingerprints,
     .born_late = true},
    {.engine = model::Engine::TensorRtLlm,
     .title = "TensorRT-LLM",
     .sources = kTensorRtLlm,
     .heartbeats = kTensorRtLlmHeartbeats,
     .same_number_labels = kTensorRtLlmSameNumber,
     .fingerprints = kTensorRtLlmFingerprints},
    {.engine = model::Engine::LlamaCpp,
     .title = "llama.cpp",
     .sources = kLlamaCpp,
     .heartbeats = kLlamaCppHeartbeats,
     .same_number_labels = {},
     .fingerprints = kLlamaCppFingerprints},
    {.engine = model::Engine::Nim,
     .title = "NIM",
     .sources = kNim,
     .heartbeats = kNimHeartbeats,
     .same_number_labels = {},
     .fingerprints = kNimFingerprints,
     .fingerprints_needed = 3},
    {.engine = model::Engine::InferenceExtension,
     .title = "Gateway API Inference Extension",
     .gateway = true,
     .sources = kInferenceExtension,
     .heartbeats = {},
     .same_number_labels = {},
     .fingerprints = kInferenceExtensionFingerprints,
     .model_label = "model_name"},
    {.engine = model::Engine::EnvoyAiGateway,
     .title = "Envoy AI Gateway (OpenTelemetry GenAI)",
     .gateway = true,
     .sources = kEnvoyAiGateway,
     .heartbeats = {},
     .same_number_labels = {},
     .fingerprints = kEnvoyAiGatewayFingerprints,
     .model_label = "gen_ai_request_model"},
    {.engine = model::Engine::LiteLlm,
     .title = "LiteLLM",
     .gateway = true,
     .sources = kLiteLlm,
     .heartbeats = {},
     .same_number_labels = {},
     .fingerprints = kLiteLlmFingerprints,
     .model_label = "requested_model"},
    {.engine = model::Engine::Custom,
     .title = "custom queries",
     .sources = {},
     .heartbeats = kCustomHeartbeats,
     .same_number_labels = {},
     .fingerprints = {}},
};

}  // namespace

std::span<const Preset> presets() {
  return kPresets;
}

const Preset* find_preset(model::Engine engine) {
  for (const Preset& preset : kPresets) {
    if (preset.engine == engine) return &preset;
  }
  return nullptr;
}

std::string_view to_string(Signal signal) {
  switch (signal) {
    case PromptTokens:
      return "prompt_tokens";
    case CachedPromptTokens:
      return "cached_prompt_tokens";
    case GenerationTokens:
      return "generation_tokens";
    case FinishedRequests:
      return "finished_requests";
    case RunningRequests:
      return "running_requests";
    case WaitingRequests:
      return "waiting_requests";
    case KvCacheUsage:
      return "kv_cache_usage";
    case MeanPromptTokens:
      return "mean_prompt_tokens";
    case MeanGenerationTokens:
      return "mean_generation_tokens";
    case TimeToFirstToken:
      return "time_to_first_token";
    case TimePerOutputToken:
      return "time_per_output_token";
    case Asleep:
      return "asleep";
    case QueuedRequests:
      return "queued_requests";
  }
  return "unknown";
}

}  // namespace tokenscaler::prom
