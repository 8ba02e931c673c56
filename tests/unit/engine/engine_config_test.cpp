// The presets against the measurements that they claim to follow. Each bound is stated with its
// reason; a preset that drifts from its source fails here.
#include "engine/engine_config.h"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/scheduler.h"

namespace tokenscaler::engine {
namespace {

EnginePreset preset(std::string_view name) {
  auto found = find_engine_preset(name);
  EXPECT_TRUE(found) << name;
  return *found;
}

// Decode tokens/s of the whole replica with `batch` sequences held at `context` tokens each: the
// time of pure decode steps, measured through the scheduler.
double decode_rate(const EnginePreset& preset, int batch, std::int64_t context) {
  constexpr std::int64_t kOutput = 101;
  Scheduler scheduler(preset.iteration, preset.scheduler);
  for (int i = 0; i < batch; ++i) {
    EXPECT_TRUE(
        scheduler.add({.prompt_tokens = context - kOutput / 2, .max_tokens = kOutput}, SimTime(0)));
  }
  double tokens = 0;
  double seconds = 0;
  while (const auto next = scheduler.next_event()) {
    for (const IterationStats& stats : scheduler.advance(*next)) {
      if (stats.load.prefill_tokens > 0 || stats.load.decode_tokens != batch) continue;
      tokens += static_cast<double>(stats.generation_tokens);
      seconds += stats.duration.count();
    }
  }
  EXPECT_GT(seconds, 0);
  return tokens / seconds;
}

// Prompt tokens/s of one replica that does nothing but prefill.
double prefill_rate(const EnginePreset& preset) {
  constexpr std::int64_t kPrompt = 2048;
  constexpr int kRequests = 64;
  Scheduler scheduler(preset.iteration, preset.scheduler);
  for (int i = 0; i < kRequests; ++i) {
    EXPECT_TRUE(scheduler.add({.prompt_tokens = kPrompt, .max_tokens = 1}, SimTime(0)));
  }
  SimTime end{};
  while (const auto next = scheduler.next_event()) {
    for (const IterationStats& stats : scheduler.advance(*next)) end = stats.end;
  }
  return kPrompt * kRequests / (end - preset.scheduler.frontend).count();
}

double relative_error(double value, double expected) {
  return std::fabs(value / expected - 1);
}

struct DecodeMeasurement {
  int batch;
  double per_gpu;  // tokens/s
};

// Splitwise / SageServe perf_model.csv, TP4 (research 4.2). The line is exact at batch 8 and 64 by
// construction (2 % for the changing context); between them the measured curve bends, at most 12 %
// away from the line.
void expect_follows(std::string_view name, const std::vector<DecodeMeasurement>& measured,
                    double prefill_low, double prefill_high) {
  const EnginePreset engine = preset(name);
  for (const auto& [batch, per_gpu] : measured) {
    SCOPED_TRACE(std::string(name) + " batch " + std::to_string(batch));
    const double bound = batch == 8 || batch == 64 ? 0.02 : 0.12;
    EXPECT_LT(relative_error(decode_rate(engine, batch, 1024) / engine.gpus, per_gpu), bound);
  }
  const double prefill = prefill_rate(engine) / engine.gpus;
  EXPECT_GT(prefill, prefill_low);
  EXPECT_LT(prefill, prefill_high);
}

TEST(EnginePresets, Llama70bOnA100FollowsSplitwise) {
  expect_follows("llama-70b-a100-tp4", {{8, 44}, {16, 82}, {32, 153}, {64, 219}}, 1008, 1269);
}

TEST(EnginePresets, Llama70bOnH100FollowsSplitwise) {
  expect_follows("llama-70b-h100-tp4", {{8, 64}, {16, 122}, {32, 217}, {64, 306}}, 2143, 2622);
}

TEST(EnginePresets, Llama8bOnH100) {
  const EnginePreset engine = preset("llama-8b-h100");
  // Time per output token 6.5 ms at concurrency 1 and 6.6 ms at 4 (research 4.2, yobitel
  // InferenceBench; its knee at 16 is of that setup and not followed). 5 %: their context is short
  // but not given.
  EXPECT_LT(relative_error(1000 / decode_rate(engine, 1, 256), 6.5), 0.05);
  EXPECT_LT(relative_error(4000 / decode_rate(engine, 4, 256), 6.6), 0.05);
  // Peak offline about 12,500 tokens/s (research 4.2, morphllm): batch and lengths are not given;
  // a full batch of 256 with 512 tokens each is taken. 15 %.
  EXPECT_LT(relative_error(decode_rate(engine, 256, 512), 12'500), 0.15);
  // 27.8k tokens/s by BLIS' MFU (research 2.14 [calc]); step and sequence overheads come on top: 5
  // %.
  EXPECT_LT(relative_error(prefill_rate(engine), 27'800), 0.05);
}

TEST(EnginePresets, Llama8bOnL40s) {
  const EnginePreset engine = preset("llama-8b-l40s");
  EXPECT_LT(relative_error(prefill_rate(engine), 7'200), 0.05);  // research 2.14 [calc]
  // No measurement on an L40S is at hand. An A40 gives 1,017 tokens/s with 50 clients of 100/600
  // tokens (research 4.2, databasemart); an L40S reads memory 864/696 as fast. 30 %: another GPU,
  // and the A40's figure includes prefill and queueing.
  EXPECT_LT(relative_error(decode_rate(engine, 50, 400), 1'017 * 864.0 / 696.0), 0.30);
}

TEST(EnginePresets, FaultlessConfigurationsWithPlausibleKvCaches) {
  for (const EnginePreset& engine : engine_presets()) {
    SCOPED_TRACE(engine.name);
    EXPECT_TRUE(engine.scheduler.validate());
    // Nobody runs these models with room for less than 100k or more than 1M tokens on these GPUs.
    const std::int64_t tokens = engine.scheduler.num_gpu_blocks * engine.scheduler.block_size;
    EXPECT_GT(tokens, 100'000);
    EXPECT_LT(tokens, 1'000'000);
    EXPECT_GT(engine.cold_start.count(), 0);
  }
}

TEST(EnginePresets, AnUnknownNameListsTheKnownOnes) {
  const auto error = find_engine_preset("gpt-5").error();
  EXPECT_THAT(error.to_string(), testing::HasSubstr("llama-70b-h100-tp4"));
}

TEST(IterationModel, IsBoundByWeightsOrByArithmetic) {
  const IterationModel model = {.weights = Seconds(0.02),
                                .step = Seconds(0.001),
                                .prefill_tokens_per_second = 10'000,
                                .decode_token = Seconds(0.0001),
                                .sequence = Seconds(0.0002),
                                .kv_token = Seconds(1e-6)};
  // 10 decodes are 1 ms of arithmetic: weights rule. 20 + 1 + 10 * 0.2 + 10,000 * 0.001 = 33 ms.
  EXPECT_NEAR(
      model.duration({.decode_tokens = 10, .sequences = 10, .kv_tokens_read = 10'000}).count(),
      0.033, 1e-12);
  // 1,000 prompt tokens are 100 ms: arithmetic rules. 100 + 1 + 0.2 = 101.2 ms.
  EXPECT_NEAR(model.duration({.prefill_tokens = 1000, .sequences = 1}).count(), 0.1012, 1e-12);
}

TEST(SchedulerConfig, RefusesAKvCacheTooSmallForOneRequest) {
  SchedulerConfig config = preset("llama-8b-h100").scheduler;
  config.num_gpu_blocks = config.max_model_len / config.block_size - 1;
  const auto status = config.validate();
  ASSERT_FALSE(status);
  EXPECT_THAT(status.error().to_string(), testing::HasSubstr("--num-gpu-blocks"));
}

}  // namespace
}  // namespace tokenscaler::engine
