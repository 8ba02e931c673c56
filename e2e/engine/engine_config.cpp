#include "engine/engine_config.h"

#include <algorithm>

#include <fmt/format.h>

namespace tokenscaler::engine {

namespace {

// Sources: "R 2.14", "R 4.2", "R 4.3" are sections of the research notes on LLM autoscaling.
//
// BLIS (inference-sim, Apache-2.0; R 2.14): hardware_config.json gives FLOPS, memory bandwidth and
// model FLOPS utilisation of prefill and decode; the trained-physics overheads are 32.1 us a layer
// and 126 us a step, 4.4 us a request, and 15.6 ms from the HTTP handler to the queue.
constexpr double kBlisLayer = 32.1e-6;
constexpr double kBlisStep = 126e-6;
constexpr double kBlisRequest = 4.4e-6;
constexpr double kBlisFrontend = 15.6e-3;

// Share of the peak memory bandwidth that reading weights reaches. With 0.9, Llama-3.1-8B on an
// H100 takes 16.06 GB / (3.35 TB/s * 0.9) + 32 * 32.1 us + 126 us = 6.5 ms an iteration at batch 1,
// which is the time per output token measured at concurrency 1 (R 4.2, yobitel InferenceBench: 6.5
// ms).
constexpr double kBandwidthShare = 0.9;

// Bytes of weights (BF16) and of KV cache for each token: 2 (K and V) * layers * KV heads * head
// size * 2 bytes.
constexpr double k8bParameters = 8.03e9;
constexpr double k8bWeightBytes = 2 * k8bParameters;
constexpr double k8bLayers = 32;
constexpr double k8bKvBytes = 2 * k8bLayers * 8 * 128 * 2;
constexpr double k70bWeightBytes = 2 * 70.6e9;
constexpr double k70bLayers = 80;
constexpr double k70bKvBytes = 2 * k70bLayers * 8 * 128 * 2;

constexpr double kH100Flops = 989.5e12;
constexpr double kH100Bandwidth = 3.35e12;
constexpr double kH100Memory = 80e9;
constexpr double kA100Bandwidth = 2.039e12;
constexpr double kA100Memory = 80e9;
constexpr double kL40sFlops = 362e12;
constexpr double kL40sBandwidth = 0.864e12;
constexpr double kL40sMemory = 48e9;

// vLLM takes 90 % of the memory (gpu_memory_utilization); about 3 GB a GPU go to activations and
// CUDA graphs.
constexpr double kMemoryShare = 0.9;
constexpr double kActivationBytes = 3e9;
constexpr std::int64_t kBlockSize = 16;

constexpr std::int64_t kv_blocks(double gpus, double memory, double weights, double kv_bytes) {
  const double free = gpus * (memory * kMemoryShare - kActivationBytes) - weights;
  return static_cast<std::int64_t>(free / kv_bytes) / kBlockSize;
}

IterationModel derived_8b(double bandwidth, double flops, double mfu_prefill, double mfu_decode) {
  return {.weights = Seconds(k8bWeightBytes / (bandwidth * kBandwidthShare)),
          .step = Seconds(kBlisStep + k8bLayers * kBlisLayer),
          .prefill_tokens_per_second = mfu_prefill * flops / (2 * k8bParameters),
          .decode_token = Seconds(2 * k8bParameters / (mfu_decode * flops)),
          .sequence = Seconds(kBlisRequest),
          .kv_token = Seconds(k8bKvBytes / (bandwidth * kBandwidthShare))};
}

// The 70B constants are a straight line through the end points (batch 8 and 64) of the measurements
// of Splitwise and SageServe (R 4.2, perf_model.csv: Llama-2-70B FP16, TP4, tokens/s for each GPU),
// less the KV reads of an assumed context of 1,024 tokens. Their decode is slower than the roofline
// of R 2.14, so arithmetic is part of the line and `decode_token` is zero.
constexpr double kSplitwiseContext = 1024;

struct SplitwiseMeasurement {
  double bandwidth;                // of one GPU, bytes/s
  double decode_per_gpu_batch_8;   // tokens/s
  double decode_per_gpu_batch_64;  // tokens/s
  double prefill_per_gpu;          // tokens/s, middle of the measured range
};

IterationModel fitted_70b(const SplitwiseMeasurement& measured) {
  constexpr double kGpus = 4;
  const double at_8 = 8 / (kGpus * measured.decode_per_gpu_batch_8);
  const double at_64 = 64 / (kGpus * measured.decode_per_gpu_batch_64);
  const double slope = (at_64 - at_8) / (64 - 8);
  const double kv = k70bKvBytes / (kGpus * measured.bandwidth * kBandwidthShare);
  const double step = kBlisStep + k70bLayers * kBlisLayer;
  return {.weights = Seconds(at_8 - 8 * slope - step),
          .step = Seconds(step),
          .prefill_tokens_per_second = kGpus * measured.prefill_per_gpu,
          .decode_token = Seconds(0),
          .sequence = Seconds(slope - kSplitwiseContext * kv),
          .kv_token = Seconds(kv)};
}

SchedulerConfig scheduler(std::int64_t batched_tokens, std::int64_t blocks,
                          std::int64_t model_len) {
  return {.max_num_batched_tokens = batched_tokens,
          .max_num_seqs = 256,
          .num_gpu_blocks = blocks,
          .block_size = kBlockSize,
          .max_model_len = model_len,
          .enable_prefix_caching = true,
          .frontend = Seconds(kBlisFrontend)};
}

// vLLM's defaults for an API server: 8,192 batched tokens on GPUs with 70 GiB and more except the
// A100, else 2,048; 256 sequences.
constexpr std::int64_t kLargeGpuBatchedTokens = 8192;
constexpr std::int64_t kBatchedTokens = 2048;

std::vector<EnginePreset> make_presets() {
  const std::int64_t h100_8b = kv_blocks(1, kH100Memory, k8bWeightBytes, k8bKvBytes);
  const std::int64_t l40s_8b = kv_blocks(1, kL40sMemory, k8bWeightBytes, k8bKvBytes);
  const std::int64_t h100_70b = kv_blocks(4, kH100Memory, k70bWeightBytes, k70bKvBytes);
  const std::int64_t a100_70b = kv_blocks(4, kA100Memory, k70bWeightBytes, k70bKvBytes);
  return {
      // Cold starts (R 4.3): 82 s is Llama-3.1-8B on vLLM with cached weights; 155 s is SageServe's
      // spin-up of a 70B replica.
      {"llama-8b-h100", "meta-llama/Llama-3.1-8B-Instruct", "Llama-3.1-8B BF16 on one H100", 1,
       derived_8b(kH100Bandwidth, kH100Flops, 0.45, 0.30),
       scheduler(kLargeGpuBatchedTokens, h100_8b, 32768), Seconds(82)},
      // BLIS' decode MFU of 0.08 on the L40S gives 1.8k tokens/s of arithmetic (R 2.14).
      {"llama-8b-l40s", "meta-llama/Llama-3.1-8B-Instruct", "Llama-3.1-8B BF16 on one L40S", 1,
       derived_8b(kL40sBandwidth, kL40sFlops, 0.32, 0.08),
       scheduler(kBatchedTokens, l40s_8b, 32768), Seconds(82)},
      // R 4.2: decode 64 and 306 tokens/s for each GPU at batch 8 and 64, prefill 2,143-2,622.
      {"llama-70b-h100-tp4", "meta-llama/Llama-2-70b-chat-hf", "Llama-2-70B FP16 on four H100", 4,
       fitted_70b({kH100Bandwidth, 64, 306, (2143 + 2622) / 2.0}),
       scheduler(kLargeGpuBatchedTokens, h100_70b, 32768), Seconds(155)},
      // R 4.2: decode 44 and 219 tokens/s for each GPU at batch 8 and 64, prefill 1,008-1,269.
      {"llama-70b-a100-tp4", "meta-llama/Llama-2-70b-chat-hf", "Llama-2-70B FP16 on four A100", 4,
       fitted_70b({kA100Bandwidth, 44, 219, (1008 + 1269) / 2.0}),
       scheduler(kBatchedTokens, a100_70b, 32768), Seconds(155)},
  };
}

}  // namespace

Seconds IterationModel::duration(const IterationLoad& load) const {
  const double arithmetic = static_cast<double>(load.prefill_tokens) / prefill_tokens_per_second +
                            static_cast<double>(load.decode_tokens) * decode_token.count();
  return Seconds(std::max(weights.count(), arithmetic) + step.count() +
                 static_cast<double>(load.sequences) * sequence.count() +
                 static_cast<double>(load.kv_tokens_read) * kv_token.count());
}

Status SchedulerConfig::validate() const {
  const auto refuse = [](std::string message) {
    return make_error(ErrorCode::Invalid, std::move(message));
  };
  if (block_size < 1) return refuse("block size must be at least 1 token");
  if (max_num_seqs < 1) return refuse("max-num-seqs must be at least 1");
  if (max_num_batched_tokens < 1) return refuse("max-num-batched-tokens must be at least 1");
  if (max_model_len < 2) return refuse("max-model-len must be at least 2 tokens");
  if (num_gpu_blocks < (max_model_len + block_size - 1) / block_size) {
    return refuse(fmt::format("{} blocks of {} tokens cannot hold one request of max-model-len {}",
                              num_gpu_blocks, block_size, max_model_len))
        .advise("raise --num-gpu-blocks or lower --max-model-len");
  }
  return {};
}

const std::vector<EnginePreset>& engine_presets() {
  static const std::vector<EnginePreset> presets = make_presets();
  return presets;
}

Result<EnginePreset> find_engine_preset(std::string_view name) {
  std::string names;
  for (const EnginePreset& preset : engine_presets()) {
    if (preset.name == name) return preset;
    names += names.empty() ? "" : ", ";
    names += preset.name;
  }
  return make_error(ErrorCode::Invalid, fmt::format("there is no preset \"{}\"", name))
      .advise(fmt::format("presets are {}", names));
}

}  // namespace tokenscaler::engine
