#include "scaling/limit.h"

#include <limits>

#include <gtest/gtest.h>

#include "unit/scaling/fleet_builder.h"

namespace tokenscaler::scaling {
namespace {

using namespace testing;

struct Case {
  model::TokenScalerSpec spec = basic_spec();
  TargetState target = basic_snapshot(4).target;
  ReplicaCounts counts;
  std::optional<ReplicaCapacity> capacity = replica_capacity(basic_spec().capacity, kGpus);

  [[nodiscard]] Limited limit(int desired) const {
    return scaling::limit(Replicas(desired), spec, target, counts, capacity);
  }
};

TEST(Limit, NothingActsWithinRange) {
  const Limited result = Case().limit(7);
  EXPECT_EQ(result.replicas, Replicas(7));
  EXPECT_TRUE(result.applied.empty());
  EXPECT_TRUE(result.reasons.empty());
}

TEST(Limit, MaxNamesTheCapacityThatIsMissing) {
  const Limited result = Case().limit(23);
  EXPECT_EQ(result.replicas, Replicas(20));
  ASSERT_EQ(result.applied.size(), 1U);
  // 3 replicas x 4000 prompt and 400 generation tokens/s.
  EXPECT_EQ(result.applied.at(0), (AppliedLimit{.code = ReasonCode::TooManyReplicas,
                                                .wanted = Replicas(23),
                                                .allowed = Replicas(20),
                                                .prompt_shortfall = TokensPerSecond(12'000.0),
                                                .generation_shortfall = TokensPerSecond(1200.0)}));
  EXPECT_EQ(
      result.reasons.at(0).message,
      "23 replicas are wanted and maxReplicas is 20; that is 12000 prompt and 1200 generation "
      "tokens/s of capacity less");
}

TEST(Limit, MinRaisesWithoutAShortfall) {
  Case c;
  c.spec.min_replicas = Replicas(3);
  const Limited result = c.limit(1);
  EXPECT_EQ(result.replicas, Replicas(3));
  EXPECT_EQ(result.applied.at(0).code, ReasonCode::TooFewReplicas);
  EXPECT_FALSE(result.applied.at(0).prompt_shortfall);
}

TEST(Limit, WhatCannotBeScheduledIsNotAskedForAgain) {
  Case c;
  c.counts.unschedulable = Replicas(2);
  const Limited result = c.limit(9);
  EXPECT_EQ(result.replicas, Replicas(4));
  EXPECT_EQ(result.applied.at(0).code, ReasonCode::UnschedulableReplicas);
  EXPECT_EQ(result.reasons.at(0).message,
            "9 replicas are wanted and 2 of the 4 asked for cannot be scheduled: 4 GPUs are short; "
            "that is 20000 prompt and 2000 generation tokens/s of capacity less");
  EXPECT_EQ(c.limit(3).replicas, Replicas(3)) << "fewer may always be asked for";
}

TEST(Limit, AQuotaThatRefusesPodsIsNotAskedAgain) {
  Case c;
  c.target.refused_by_quota = true;
  const Limited result = c.limit(9);
  EXPECT_EQ(result.replicas, Replicas(4));
  EXPECT_EQ(result.applied.at(0).code, ReasonCode::QuotaExceeded);
}

TEST(Limit, MinHoldsEvenWhereNothingCanBeScheduled) {
  Case c;
  c.counts.unschedulable = Replicas(1);
  c.spec.min_replicas = Replicas(6);
  EXPECT_EQ(c.limit(9).replicas, Replicas(6));
}

TEST(Limit, GpusThatAreShortDoNotOverflow) {
  Case c;
  c.counts.unschedulable = Replicas(4);
  c.target.gpus_per_replica = GpuCount(std::numeric_limits<std::int32_t>::max());
  EXPECT_NE(c.limit(9).reasons.at(0).message.find("8589934588 GPUs are short"), std::string::npos);
}

TEST(Limit, WithoutCapacityTheShortfallIsNotInvented) {
  Case c;
  c.capacity.reset();
  EXPECT_EQ(c.limit(23).reasons.at(0).message, "23 replicas are wanted and maxReplicas is 20");
}

}  // namespace
}  // namespace tokenscaler::scaling
