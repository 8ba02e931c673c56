#include "scaling/cost.h"

#include <gtest/gtest.h>

#include "unit/scaling/fleet_builder.h"

namespace tokenscaler::scaling {
namespace {

using namespace testing;

Decimal decimal(std::string_view text) {
  return *Decimal::parse(text);
}

TEST(Cost, OneReplicaIsGpusInstanceStorageAndNetwork) {
  model::Cost cost;
  cost.price_per_gpu_hour = decimal("2.95");
  cost.price_per_replica_hour = decimal("1");
  cost.storage_per_replica_hour = decimal("0.10");
  cost.network_per_replica_hour = decimal("0.05");
  // 4 x 2.95 + 1 + 0.10 + 0.05
  EXPECT_EQ(replica_cost(cost, GpuCount(4)).amount, decimal("12.95"));
}

TEST(Cost, ALlama70bOnAnH100CostsThirtyEightCentsForEachMillionTokens) {
  // Llama 3.3 70B, 1000/1000, H100: 2,209 generated tokens/s for each GPU (TensorRT-LLM performance
  // overview), at $3.00 for each GPU hour: 3 / (2209 x 3600) x 1,000,000 = 0.377244605...
  model::Cost cost;
  cost.price_per_gpu_hour = decimal("3");
  const ReplicaCapacity capacity{.prompt = TokensPerSecond(2 * 8000.0),
                                 .generation = TokensPerSecond(2 * 2209.0),
                                 .gpus = GpuCount(2)};
  const CostReport report =
      report_cost(cost, GpuCount(2), capacity, std::nullopt, Replicas(5), Replicas(7));
  ASSERT_TRUE(report.generation_at_capacity);
  EXPECT_EQ(report.generation_at_capacity->amount.to_fixed(2), "0.38");
  EXPECT_EQ(report.generation_at_capacity->amount.to_fixed(6), "0.377245");
  EXPECT_EQ(report.generation_at_capacity->per_thousand_tokens().amount.to_fixed(6), "0.000377");
  // 3 / (8000 x 3600) x 1,000,000 = 0.104166...
  EXPECT_EQ(report.prompt_at_capacity->amount.to_fixed(4), "0.1042");
  EXPECT_EQ(report.current.amount, decimal("30"));  // 5 x 2 x 3
  EXPECT_EQ(report.desired.amount, decimal("42"));  // 7 x 2 x 3
  EXPECT_FALSE(report.observed);
}

TEST(Cost, ObservedIsTheFleetOverWhatItServes) {
  model::Cost cost;
  cost.price_per_gpu_hour = decimal("3");
  Measurement m;
  m.prompt = TokensPerSecond(4000.0);
  m.generation = TokensPerSecond(1000.0);
  const CostReport report =
      report_cost(cost, GpuCount(1), std::nullopt, m, Replicas(6), Replicas(6));
  // 18 / (5000 x 3600) x 1,000,000 = 1; over the 1000 generated alone 5.
  EXPECT_EQ(report.observed->amount, decimal("1"));
  EXPECT_EQ(report.observed_generation->amount, decimal("5"));
  EXPECT_FALSE(report.prompt_at_capacity);
}

TEST(Cost, NoTokensHaveNoPriceEach) {
  const CostReport report = report_cost(model::Cost{}, GpuCount(1), std::nullopt, Measurement{},
                                        Replicas(6), Replicas(6));
  EXPECT_FALSE(report.observed);
  EXPECT_FALSE(report.observed_generation);
}

TEST(Cost, HugeFleetsSaturate) {
  model::Cost cost;
  cost.price_per_gpu_hour = Decimal::from_integer(1'000'000'000);
  const Replicas most(std::numeric_limits<std::int32_t>::max());
  const CostReport report =
      report_cost(cost, GpuCount(1'000'000), std::nullopt, std::nullopt, most, most);
  EXPECT_EQ(report.current.amount, Decimal::from_integer(std::numeric_limits<std::int64_t>::max()));
}

}  // namespace
}  // namespace tokenscaler::scaling
