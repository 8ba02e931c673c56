#include "scaling/recommend.h"

#include <functional>

#include <gtest/gtest.h>

#include "unit/scaling/fleet_builder.h"

namespace tokenscaler::scaling {
namespace {

using namespace testing;
using std::chrono::milliseconds;

/// One fleet with round figures, each test changes what it is about.
struct Case {
  model::TokenScalerSpec spec = basic_spec();
  Measurement m;
  Demand demand;
  std::optional<ReplicaCapacity> capacity = replica_capacity(basic_spec().capacity, kGpus);
  Replicas current{10};
  bool partial = false;

  Case() {
    spec.demand.buffer_factor = Decimal::from_integer(1);
    spec.signals.kv_cache_usage_percent.reset();
    m.window = Seconds(60);
    m.replicas.measured = Replicas(10);
    m.known = Replicas(10);
    m.in_flight_known = m.finished_known = true;
  }
  [[nodiscard]] Recommendation recommend() const {
    return scaling::recommend({.spec = spec,
                               .measurement = m,
                               .demand = demand,
                               .capacity = capacity,
                               .current = current,
                               .partial_answer = partial});
  }
};

TEST(ReplicaCapacity, IsGpusTimesTokens) {
  const auto capacity = replica_capacity(basic_spec().capacity, kGpus);
  ASSERT_TRUE(capacity);
  EXPECT_EQ(capacity->prompt, TokensPerSecond(4000.0));
  EXPECT_EQ(capacity->generation, TokensPerSecond(400.0));
  EXPECT_FALSE(replica_capacity({}, kGpus));
}

TEST(Recommend, TheLargestSignalBinds) {
  struct Row {
    Signal signal;
    double needed;
    std::function<void(Case&)> raise;
  };
  const std::vector<Row> rows{
      {Signal::PromptTokens, 15.0,
       [](Case& c) { c.demand.prompt.offered = TokensPerSecond(60'000.0); }},
      {Signal::GenerationTokens, 15.0,
       [](Case& c) { c.demand.generation.offered = TokensPerSecond(6000.0); }},
      {Signal::RequestsInFlight, 20.0,
       [](Case& c) {
         c.spec.signals.requests_in_flight_per_replica = 5;
         c.demand.in_flight = Requests(100.0);
       }},
      {Signal::WaitingRequests, 25.0,
       [](Case& c) {
         c.spec.signals.waiting_requests_per_replica = 4;
         c.demand.waiting = Requests(100.0);
       }},
      {Signal::KvCache, 12.0,
       [](Case& c) {
         c.spec.signals.kv_cache_usage_percent = 80;
         c.m.kv_cache_usage_sum = 9.6;
       }},
      {Signal::TimeToFirstToken, 15.0,
       [](Case& c) {
         c.spec.signals.time_to_first_token = milliseconds(1000);
         c.m.mean_time_to_first_token = Seconds(1.5);
       }},
      {Signal::TimePerOutputToken, 20.0,
       [](Case& c) {
         c.spec.signals.time_per_output_token = milliseconds(50);
         c.m.mean_time_per_output_token = Seconds(5.0);  // one step at most doubles
       }},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(to_string(row.signal));
    Case c;
    row.raise(c);
    const Recommendation r = c.recommend();
    EXPECT_EQ(r.bound_by, row.signal);
    EXPECT_NEAR(r.needed, row.needed, 1e-9);
    EXPECT_EQ(r.replicas, Replicas(static_cast<int>(row.needed)));
  }
}

TEST(Recommend, PromptAndGenerationAreNotAdded) {
  Case c;
  c.demand.prompt.offered = TokensPerSecond(60'000.0);    // 15 replicas
  c.demand.generation.offered = TokensPerSecond(5600.0);  // 14 replicas
  EXPECT_EQ(c.recommend().replicas, Replicas(15));
}

TEST(Recommend, BufferAndBacklogAreInTheFormula) {
  Case c;
  c.spec.demand.buffer_factor = Decimal::from_nanos(1'300'000'000);
  c.demand.prompt.offered = TokensPerSecond(40'000.0);
  c.demand.prompt.backlog = TokensPerSecond(8000.0);
  const Recommendation r = c.recommend();
  EXPECT_NEAR(r.needed, 15.6, 1e-9);  // (40000 + 8000) x 1.3 / 4000
  EXPECT_EQ(r.replicas, Replicas(16));
  EXPECT_EQ(r.proposals[0].formula,
            "(40000 offered + 8000 backlog) x 1.3 / 4000 tokens/s per replica");
}

TEST(Recommend, DarkReplicasAreTakenAsFullyUsedAndHold) {
  Case c;
  c.m.replicas = counts_of({{&ReplicaCounts::measured, 7}, {&ReplicaCounts::dark, 3}});
  c.m.known = Replicas(7);
  c.m.dark_details = {"pod-3: no series at all"};
  c.demand.prompt.offered = TokensPerSecond(8000.0);
  const Recommendation r = c.recommend();
  EXPECT_NEAR(r.needed, 5.0, 1e-9);  // 8000 / 4000 + 3
  EXPECT_FALSE(r.may_scale_down);
  EXPECT_EQ(message_of(r.reasons, ReasonCode::DarkReplicas),
            "3 ready replicas give no usable metrics: pod-3: no series at all");
  EXPECT_EQ(r.proposals[0].formula,
            "(8000 offered + 0 backlog) x 1 / 4000 tokens/s per replica + 3 dark");
}

TEST(Recommend, AGatewayCountsTheLoadOfDarkReplicasAlready) {
  // Ten dark replicas and 8000 tokens/s through the gateway are not twelve replicas: that would ask
  // for two more each cycle, for ever.
  Case c;
  c.m.replicas = counts_of({{&ReplicaCounts::dark, 10}});
  c.m.known = Replicas(0);
  c.m.gateway_known = true;
  c.demand.prompt.through_gateway = TokensPerSecond(8000.0);
  EXPECT_EQ(c.recommend().replicas, Replicas(10));
  c.demand.prompt.through_gateway = TokensPerSecond(48'000.0);
  EXPECT_EQ(c.recommend().replicas, Replicas(12));
  EXPECT_EQ(c.recommend().proposals[0].formula,
            "(48000 through the gateway + 0 backlog) x 1 / 4000 tokens/s per replica");
}

TEST(Recommend, ServedTokensHoldButDoNotAsk) {
  Case c;
  c.demand.prompt.offered = TokensPerSecond(4000.0);
  c.demand.prompt.served = TokensPerSecond(32'000.0);
  EXPECT_NEAR(c.recommend().needed, 8.0, 1e-9);
  EXPECT_EQ(c.recommend().proposals[0].formula, "32000 served x 1 / 4000 tokens/s per replica");
  // They hold with the same margin as what is offered.
  c.demand.prompt.served = TokensPerSecond(28'000.0);
  c.spec.demand.buffer_factor = Decimal::from_integer(2);
  EXPECT_EQ(c.recommend().replicas, Replicas(10));
  c.spec.demand.buffer_factor = Decimal::from_integer(1);
  // A queue is drained at 1.5 times the stated capacity: no reason to add replicas.
  c.demand.prompt.served = TokensPerSecond(60'000.0);
  EXPECT_EQ(c.recommend().replicas, Replicas(10));
}

TEST(Recommend, FailingReplicasAreReplacedWhileTheyAreTheMinority) {
  Case c;
  c.m.replicas = counts_of(
      {{&ReplicaCounts::measured, 5}, {&ReplicaCounts::overdue, 1}, {&ReplicaCounts::failing, 4}});
  c.demand.prompt.offered = TokensPerSecond(40'000.0);
  EXPECT_EQ(c.recommend().replicas, Replicas(15));
  EXPECT_TRUE(has_reason(c.recommend().reasons, ReasonCode::FailingReplicasReplaced));
  c.m.replicas.failing = Replicas(5);
  const Recommendation r = c.recommend();
  EXPECT_EQ(r.replicas, Replicas(10));
  EXPECT_FALSE(r.may_scale_down);
  EXPECT_TRUE(has_reason(r.reasons, ReasonCode::FailingReplicasNotReplaced));
}

TEST(Recommend, ToleranceIncludesItsEdges) {
  struct Row {
    double needed;
    int expected;
  };
  for (const Row row : {Row{11.0, 10}, Row{11.01, 12}, Row{9.0, 10}, Row{8.99, 9}, Row{10.0, 10}}) {
    SCOPED_TRACE(row.needed);
    Case c;
    c.demand.prompt.offered = TokensPerSecond(row.needed * 4000.0);
    EXPECT_EQ(c.recommend().replicas, Replicas(row.expected));
  }
}

TEST(Recommend, ToleranceHasTwoSides) {
  Case c;
  c.spec.behavior.scale_up.tolerance = Decimal::from_integer(0);
  c.spec.behavior.scale_down.tolerance = Decimal::from_nanos(300'000'000);
  c.demand.prompt.offered = TokensPerSecond(40'400.0);
  EXPECT_EQ(c.recommend().replicas, Replicas(11));
  c.demand.prompt.offered = TokensPerSecond(28'000.0);
  EXPECT_EQ(c.recommend().replicas, Replicas(10));
  EXPECT_EQ(message_of(c.recommend().reasons, ReasonCode::WithinTolerance),
            "7.00 replicas are needed, within 0 % up and 30 % down of 10");
}

TEST(Recommend, TheLastBitsOfFloatingPointDoNotAddAReplica) {
  Case c;
  c.spec.behavior.scale_up.tolerance = Decimal::from_integer(0);
  c.capacity->prompt = TokensPerSecond(0.1);
  c.demand.prompt.offered = TokensPerSecond(0.1 * 3 + 0.1 * 8);  // 1.1000000000000001
  EXPECT_EQ(c.recommend().replicas, Replicas(11));
}

TEST(Recommend, WhatPilesUpWaitsForReplicasOnTheirWay) {
  for (const bool warming : {false, true}) {
    Case c;
    (warming ? c.m.replicas.warming : c.m.replicas.starting) = Replicas(1);
    c.spec.signals.time_to_first_token = milliseconds(1000);
    c.m.mean_time_to_first_token = Seconds(9.0);
    c.spec.signals.waiting_requests_per_replica = 1;
    c.demand.waiting = Requests(500.0);
    c.spec.signals.requests_in_flight_per_replica = 1;
    c.demand.in_flight = Requests(500.0);
    c.demand.prompt.offered = TokensPerSecond(32'000.0);
    c.demand.prompt.backlog = TokensPerSecond(400'000.0);
    const Recommendation r = c.recommend();
    EXPECT_EQ(r.replicas, Replicas(10));
    EXPECT_TRUE(has_reason(r.reasons, ReasonCode::SignalWaitsForReplicas));
    EXPECT_EQ(r.proposals[0].formula,
              "(32000 offered + 400000 backlog) x 1 / 4000 tokens/s per replica, the backlog waits "
              "for the replicas that start");
    // More load may ask.
    c.demand.prompt.offered = TokensPerSecond(60'000.0);
    EXPECT_EQ(c.recommend().replicas, Replicas(15));
  }
}

TEST(Recommend, LatencyOfAQueueThatDrainsInTimeAsksForNothing) {
  Case c;
  c.spec.signals.time_to_first_token = milliseconds(1000);
  c.m.mean_time_to_first_token = Seconds(60.0);
  EXPECT_EQ(c.recommend().replicas, Replicas(20));
  c.demand.queue_drains = true;
  EXPECT_EQ(c.recommend().replicas, Replicas(10));
  EXPECT_EQ(
      message_of(c.recommend().reasons, ReasonCode::SignalWaitsForReplicas),
      "TimeToFirstToken asks for 20.0 replicas; the queue drains before a new one could serve");
}

TEST(Recommend, WithoutReplicasOnTheirWayTheBacklogAsks) {
  Case c;
  c.demand.prompt.offered = TokensPerSecond(32'000.0);
  c.demand.prompt.backlog = TokensPerSecond(28'000.0);
  EXPECT_EQ(c.recommend().replicas, Replicas(15));
}

TEST(Recommend, RequestsInFlightGoOnAskingWhereTheyAreAllThereIs) {
  Case c;
  c.capacity.reset();
  c.m.replicas.starting = Replicas(1);
  c.spec.signals.requests_in_flight_per_replica = 10;
  c.demand.in_flight = Requests(200.0);
  EXPECT_EQ(c.recommend().replicas, Replicas(20));
  EXPECT_TRUE(c.recommend().may_scale_down);
}

TEST(Recommend, EachGapInKnowledgeHoldsAndIsNamed) {
  struct Row {
    ReasonCode code;
    std::function<void(Case&)> spoil;
  };
  const std::vector<Row> rows{
      {ReasonCode::DarkReplicas, [](Case& c) { c.m.replicas.dark = Replicas(1); }},
      {ReasonCode::WarmingReplicas, [](Case& c) { c.m.replicas.warming = Replicas(1); }},
      {ReasonCode::PartialAnswer, [](Case& c) { c.partial = true; }},
      {ReasonCode::GatewayUnknown, [](Case& c) { c.m.gateway_trouble = "queue is Stale"; }},
      {ReasonCode::LatencyUnknown,
       [](Case& c) {
         c.spec.signals.time_to_first_token = milliseconds(1);
         c.m.finished = RequestsPerSecond(1.0);
       }},
      {ReasonCode::LatencyUnknown,
       [](Case& c) {
         c.spec.signals.time_per_output_token = milliseconds(1);
         c.m.finished = RequestsPerSecond(1.0);
         c.m.mean_generation = Tokens(2.0);
       }},
      {ReasonCode::CapacityUnknown, [](Case& c) { c.capacity.reset(); }},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(to_string(row.code));
    Case c;
    EXPECT_TRUE(c.recommend().may_scale_down);
    row.spoil(c);
    const Recommendation r = c.recommend();
    EXPECT_FALSE(r.may_scale_down);
    EXPECT_TRUE(has_reason(r.reasons, row.code));
  }
}

TEST(Recommend, LatencyThatCannotBeMeasuredAtZeroTrafficDoesNotHold) {
  Case c;
  c.spec.signals.time_to_first_token = milliseconds(1);
  c.spec.signals.time_per_output_token = milliseconds(1);
  EXPECT_TRUE(c.recommend().may_scale_down);
  // Requests of a single token have no time between tokens.
  c.m.finished = RequestsPerSecond(1.0);
  c.m.mean_generation = Tokens(1.0);
  c.m.mean_time_to_first_token = Seconds(0.0001);
  EXPECT_TRUE(c.recommend().may_scale_down);
}

TEST(Recommend, AnUnderstatedDemandHolds) {
  Case c;
  c.demand.may_be_understated = true;
  EXPECT_FALSE(c.recommend().may_scale_down);
}

TEST(Recommend, AbsurdLoadSaturates) {
  Case c;
  c.demand.prompt.offered = TokensPerSecond(1e300);
  EXPECT_EQ(c.recommend().replicas, Replicas(std::numeric_limits<std::int32_t>::max()));
}

}  // namespace
}  // namespace tokenscaler::scaling
