#include "engine/scheduler.h"

#include <numeric>
#include <random>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tokenscaler::engine {
namespace {

// Round numbers, so that a test can be followed by hand: 10 ms a step, 1 ms for 100 prompt tokens
// beyond that, nothing else.
constexpr IterationModel kSimple = {.weights = Seconds(0.010),
                                    .step = Seconds(0),
                                    .prefill_tokens_per_second = 100'000,
                                    .decode_token = Seconds(0),
                                    .sequence = Seconds(0),
                                    .kv_token = Seconds(0)};

SchedulerConfig config() {
  return {.max_num_batched_tokens = 1000,
          .max_num_seqs = 4,
          .num_gpu_blocks = 1000,
          .block_size = 10,
          .max_model_len = 5000,
          .enable_prefix_caching = true,
          .frontend = Seconds(0)};
}

std::vector<IterationStats> run_to_end(Scheduler& scheduler) {
  std::vector<IterationStats> all;
  while (const auto next = scheduler.next_event()) {
    for (IterationStats& stats : scheduler.advance(*next)) all.push_back(std::move(stats));
  }
  return all;
}

std::vector<FinishedRequest> finished(const std::vector<IterationStats>& iterations) {
  std::vector<FinishedRequest> out;
  for (const auto& stats : iterations) {
    out.insert(out.end(), stats.finished.begin(), stats.finished.end());
  }
  return out;
}

TEST(Scheduler, IsIdleWithoutRequests) {
  Scheduler scheduler(kSimple, config());
  EXPECT_EQ(scheduler.next_event(), std::nullopt);
  EXPECT_TRUE(scheduler.advance(SimTime(1000)).empty());
}

TEST(Scheduler, MakesOneTokenAnIterationAndTheFirstAtTheEndOfPrefill) {
  Scheduler scheduler(kSimple, config());
  ASSERT_TRUE(scheduler.add({.prompt_tokens = 100, .max_tokens = 3}, SimTime(1)));
  const auto iterations = run_to_end(scheduler);
  ASSERT_EQ(iterations.size(), 3U);
  EXPECT_EQ(iterations[0].prompt_tokens, 100);
  EXPECT_EQ(iterations[1].prompt_tokens, 0);
  const auto done = finished(iterations);
  ASSERT_EQ(done.size(), 1U);
  EXPECT_EQ(done[0].reason, FinishReason::Length);
  EXPECT_EQ(done[0].generated_tokens, 3);
  EXPECT_NEAR(done[0].time_to_first_token.count(), 0.010, 1e-9);
  EXPECT_NEAR(done[0].decode.count(), 0.020, 1e-9);
  EXPECT_NEAR(done[0].e2e.count(), 0.030, 1e-9);
  EXPECT_EQ(scheduler.state().used_blocks, 0);
}

TEST(Scheduler, SplitsALongPromptIntoChunksAndCountsItWhenTheLastChunkEnds) {
  Scheduler scheduler(kSimple, config());
  ASSERT_TRUE(scheduler.add({.prompt_tokens = 2500, .max_tokens = 1}, SimTime(0)));
  const auto iterations = run_to_end(scheduler);
  ASSERT_EQ(iterations.size(), 3U);  // 1000 + 1000 + 500
  EXPECT_EQ(iterations[0].load.prefill_tokens, 1000);
  EXPECT_EQ(iterations[2].load.prefill_tokens, 500);
  EXPECT_EQ(iterations[0].prompt_tokens + iterations[1].prompt_tokens, 0);
  EXPECT_EQ(iterations[2].prompt_tokens, 2500);
}

TEST(Scheduler, KeepsDecodingWhileAnotherPromptIsPrefilledInChunks) {
  Scheduler scheduler(kSimple, config());
  ASSERT_TRUE(scheduler.add({.prompt_tokens = 10, .max_tokens = 100}, SimTime(0)));
  static_cast<void>(scheduler.advance(SimTime(0.010)));
  ASSERT_TRUE(scheduler.add({.prompt_tokens = 3000, .max_tokens = 1}, SimTime(0.010)));
  const auto next = scheduler.advance(SimTime(0.050));
  ASSERT_GE(next.size(), 3U);
  // The second step has started at 10 ms without the newcomer or with it; from then on both share.
  const auto mixed = std::find_if(next.begin(), next.end(),
                                  [](const auto& s) { return s.load.prefill_tokens > 0; });
  ASSERT_NE(mixed, next.end());
  EXPECT_EQ(mixed->load.prefill_tokens, 999);  // one token of the budget belongs to the decode
  EXPECT_EQ(mixed->load.decode_tokens, 1);
  EXPECT_EQ(mixed->generation_tokens, 1);
}

TEST(Scheduler, RunsAtMostMaxNumSeqsInOrderOfArrival) {
  Scheduler scheduler(kSimple, config());
  for (int i = 0; i < 6; ++i) {
    ASSERT_TRUE(scheduler.add({.prompt_tokens = 10, .max_tokens = 5}, SimTime(0)));
  }
  static_cast<void>(scheduler.advance(SimTime(0.010)));
  EXPECT_EQ(scheduler.state().running, 4);
  EXPECT_EQ(scheduler.state().waiting, 2);
  const auto done = finished(run_to_end(scheduler));
  ASSERT_EQ(done.size(), 6U);
  for (std::size_t i = 0; i < done.size(); ++i) EXPECT_EQ(done[i].id, i + 1);
  EXPECT_NEAR(done[4].queued.count(), 0.050, 1e-9);
}

TEST(Scheduler, PreemptsTheYoungestByRecomputeWhenBlocksRunOut) {
  SchedulerConfig small = config();
  small.num_gpu_blocks = 20;  // 200 tokens
  small.max_model_len = 200;
  Scheduler scheduler(kSimple, small);
  ASSERT_TRUE(scheduler.add({.prompt_tokens = 90, .max_tokens = 100}, SimTime(0)));
  ASSERT_TRUE(scheduler.add({.prompt_tokens = 90, .max_tokens = 100}, SimTime(0)));
  const auto iterations = run_to_end(scheduler);
  std::int64_t preemptions = 0;
  std::int64_t prompt_tokens = 0;
  std::int64_t generated = 0;
  std::int64_t prefilled = 0;
  for (const auto& stats : iterations) {
    preemptions += stats.preemptions;
    prompt_tokens += stats.prompt_tokens;
    generated += stats.generation_tokens;
    prefilled += stats.load.prefill_tokens;
  }
  // Both fit with 100 computed tokens each (10 blocks); at the 101st the second goes.
  EXPECT_EQ(preemptions, 1);
  EXPECT_EQ(prompt_tokens, 180);  // counted once, however often it is computed
  EXPECT_EQ(generated, 200);
  EXPECT_EQ(prefilled, 90 + 90 + 101);  // the victim recomputes 90 + 11 generated tokens
  const auto done = finished(iterations);
  ASSERT_EQ(done.size(), 2U);
  EXPECT_EQ(done[0].id, 1U);
  EXPECT_EQ(done[1].preemptions, 1);
  EXPECT_EQ(scheduler.state().used_blocks, 0);
}

TEST(Scheduler, SkipsCachedPrefixButAlwaysComputesSomething) {
  Scheduler scheduler(kSimple, config());
  ASSERT_TRUE(
      scheduler.add({.prompt_tokens = 500, .cached_tokens = 500, .max_tokens = 1}, SimTime(0)));
  const auto iterations = run_to_end(scheduler);
  ASSERT_EQ(iterations.size(), 1U);
  EXPECT_EQ(iterations[0].load.prefill_tokens, 10);  // 499 rounded down to blocks of 10
  EXPECT_EQ(iterations[0].prompt_tokens, 500);
  EXPECT_EQ(iterations[0].cached_prompt_tokens, 490);
  EXPECT_EQ(iterations[0].prefix_cache_queries, 500);
  EXPECT_EQ(iterations[0].prefix_cache_hits, 490);
}

TEST(Scheduler, IgnoresTheHintWithoutPrefixCaching) {
  SchedulerConfig off = config();
  off.enable_prefix_caching = false;
  Scheduler scheduler(kSimple, off);
  ASSERT_TRUE(
      scheduler.add({.prompt_tokens = 500, .cached_tokens = 500, .max_tokens = 1}, SimTime(0)));
  const auto iterations = run_to_end(scheduler);
  EXPECT_EQ(iterations.at(0).load.prefill_tokens, 500);
  EXPECT_EQ(iterations.at(0).prefix_cache_queries, 0);
}

TEST(Scheduler, StopsWhereTheModelStops) {
  Scheduler scheduler(kSimple, config());
  ASSERT_TRUE(scheduler.add({.prompt_tokens = 10, .max_tokens = 50, .stop_after = 7}, SimTime(0)));
  const auto done = finished(run_to_end(scheduler));
  EXPECT_EQ(done.at(0).reason, FinishReason::Stop);
  EXPECT_EQ(done.at(0).generated_tokens, 7);
}

TEST(Scheduler, HoldsARequestInTheFrontEndBeforeItsQueue) {
  SchedulerConfig slow = config();
  slow.frontend = Seconds(0.015);
  Scheduler scheduler(kSimple, slow);
  ASSERT_TRUE(scheduler.add({.prompt_tokens = 10, .max_tokens = 1}, SimTime(2)));
  EXPECT_NEAR(scheduler.next_event()->count(), 2.015, 1e-9);
  const auto done = finished(run_to_end(scheduler));
  EXPECT_NEAR(done.at(0).time_to_first_token.count(), 0.025, 1e-9);
  EXPECT_NEAR(done.at(0).queued.count(), 0, 1e-9);
}

TEST(Scheduler, RefusesWhatCanNeverBeServed) {
  Scheduler scheduler(kSimple, config());
  EXPECT_FALSE(scheduler.add({.prompt_tokens = 0, .max_tokens = 1}, SimTime(0)));
  EXPECT_FALSE(scheduler.add({.prompt_tokens = 1, .max_tokens = 0}, SimTime(0)));
  EXPECT_FALSE(scheduler.add({.prompt_tokens = 4999, .max_tokens = 2}, SimTime(0)));
  EXPECT_FALSE(scheduler.add({.prompt_tokens = 1, .max_tokens = INT64_MAX}, SimTime(0)));
  const auto error = scheduler.add({.prompt_tokens = 5001, .max_tokens = 1}, SimTime(0)).error();
  EXPECT_EQ(error.code, ErrorCode::Invalid);
  EXPECT_THAT(error.message, testing::HasSubstr("maximum context length is 5000 tokens"));
  EXPECT_EQ(scheduler.next_event(), std::nullopt);
}

TEST(Scheduler, ForgetsAnAbortedRequestInEveryState) {
  Scheduler scheduler(kSimple, config());
  const RequestId running = *scheduler.add({.prompt_tokens = 10, .max_tokens = 50}, SimTime(0));
  static_cast<void>(scheduler.advance(SimTime(0.015)));  // inside the second step
  const RequestId waiting = *scheduler.add({.prompt_tokens = 10, .max_tokens = 50}, SimTime(0.015));
  EXPECT_TRUE(scheduler.abort(waiting));
  EXPECT_TRUE(scheduler.abort(running));
  EXPECT_FALSE(scheduler.abort(running));
  EXPECT_TRUE(finished(run_to_end(scheduler)).empty());
  EXPECT_EQ(scheduler.state().used_blocks, 0);
  EXPECT_EQ(scheduler.state().running + scheduler.state().waiting, 0);
}

// Whatever comes, nothing is lost, blocks never leak or go negative, limits hold, and a second run
// is the same to the last bit.
TEST(SchedulerProperty, ConservesRequestsTokensAndBlocks) {
  for (std::uint32_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const auto run = [seed] {
      std::mt19937 random(seed);
      const auto draw = [&](int low, int high) {
        return std::uniform_int_distribution<int>(low, high)(random);
      };
      SchedulerConfig limits = config();
      limits.max_num_seqs = draw(1, 20);
      limits.max_num_batched_tokens = draw(16, 600);
      limits.max_model_len = 400;
      limits.num_gpu_blocks = draw(40, 120);  // 400 tokens and up: preemption is common
      Scheduler scheduler(kSimple, limits);
      std::vector<IterationStats> all;
      std::int64_t prompts = 0;
      std::int64_t outputs = 0;
      std::set<RequestId> open;
      double now = 0;
      for (int i = 0; i < 150; ++i) {
        now += draw(0, 40) / 1000.0;
        for (auto& stats : scheduler.advance(SimTime(now))) all.push_back(std::move(stats));
        const RequestSpec spec = {.prompt_tokens = draw(1, 300),
                                  .cached_tokens = draw(0, 300),
                                  .max_tokens = draw(1, 100)};
        open.insert(*scheduler.add(spec, SimTime(now)));
        prompts += spec.prompt_tokens;
        outputs += spec.max_tokens;
        const SchedulerState state = scheduler.state();
        EXPECT_GE(state.used_blocks, 0);
        EXPECT_LE(state.used_blocks, limits.num_gpu_blocks);
        EXPECT_LE(state.running, limits.max_num_seqs);
      }
      for (auto& stats : run_to_end(scheduler)) all.push_back(std::move(stats));
      std::int64_t counted_prompts = 0;
      std::int64_t counted_outputs = 0;
      double checksum = 0;
      SimTime last{};
      for (const auto& stats : all) {
        EXPECT_LE(stats.load.prefill_tokens + stats.load.decode_tokens,
                  limits.max_num_batched_tokens);
        EXPECT_GE(stats.end, last);
        last = stats.end;
        counted_prompts += stats.prompt_tokens;
        counted_outputs += stats.generation_tokens;
        for (const auto& done : stats.finished) {
          EXPECT_EQ(open.erase(done.id), 1U);
          checksum += done.e2e.count() * static_cast<double>(done.id);
        }
      }
      EXPECT_TRUE(open.empty());
      EXPECT_EQ(counted_prompts, prompts);
      EXPECT_EQ(counted_outputs, outputs);
      EXPECT_EQ(scheduler.state().used_blocks, 0);
      return checksum;
    };
    EXPECT_EQ(run(), run());
  }
}

}  // namespace
}  // namespace tokenscaler::engine
