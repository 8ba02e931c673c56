// What an engine stand-in is made of: how long an iteration takes, how much KV cache there is, and
// presets whose constants are measured or derived figures with their source.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace tokenscaler::engine {

/// What the forward pass of one iteration works on.
struct IterationLoad {
  std::int64_t prefill_tokens = 0;  ///< Prompt (or recomputed) tokens in this iteration.
  std::int64_t decode_tokens = 0;   ///< Sequences that make one token.
  std::int64_t sequences = 0;       ///< Sequences in the batch, of either kind.
  std::int64_t kv_tokens_read = 0;  ///< Context of the decoding sequences, summed.
};

/// How long one iteration of continuous batching takes on one replica:
///
///   it = max(weights, prefill / V_P + decode * d) + step + sequences * c + kv_tokens * a
///
/// The forward pass is bound by reading the weights or by arithmetic, whichever is longer
/// (roofline, as in research 2.13 and BLIS, 2.14); scheduling and KV reads come on top.
struct IterationModel {
  Seconds weights{};                     ///< Reading all weights once.
  Seconds step{};                        ///< Fixed overhead of a step.
  double prefill_tokens_per_second = 0;  ///< V_P, of the whole replica.
  Seconds decode_token{};                ///< d: arithmetic of one decoded token.
  Seconds sequence{};                    ///< c: overhead of one sequence in the batch.
  Seconds kv_token{};                    ///< a: reading one token's KV entries.

  [[nodiscard]] Seconds duration(const IterationLoad& load) const;
};

/// The knobs of the scheduler, under vLLM's names.
struct SchedulerConfig {
  std::int64_t max_num_batched_tokens = 8192;
  std::int64_t max_num_seqs = 256;
  std::int64_t num_gpu_blocks = 0;
  std::int64_t block_size = 16;
  std::int64_t max_model_len = 0;
  bool enable_prefix_caching = true;
  /// From the HTTP handler to the waiting queue (tokenizer, IPC).
  Seconds frontend{};

  /// Refuses limits that could leave a request waiting for ever.
  [[nodiscard]] Status validate() const;
};

/// A model on hardware.
struct EnginePreset {
  std::string_view name;
  std::string_view served_model_name;
  std::string_view description;
  std::int32_t gpus = 1;
  IterationModel iteration;
  SchedulerConfig scheduler;
  Seconds cold_start{};
};

/// All presets, in the order in which `--help` shows them.
[[nodiscard]] const std::vector<EnginePreset>& engine_presets();
/// The preset of that name, or an error that names all presets.
[[nodiscard]] Result<EnginePreset> find_engine_preset(std::string_view name);

}  // namespace tokenscaler::engine
