#include "scaling/demand.h"

#include <gtest/gtest.h>

#include "unit/scaling/fleet_builder.h"

namespace tokenscaler::scaling {
namespace {

using namespace testing;

model::DemandPolicy policy() {
  return {.buffer_factor = Decimal::from_nanos(1'300'000'000), .queue_drain = seconds(10)};
}

/// 4 requests/s of 500 prompt and 100 generated tokens, nothing waits.
Measurement steady() {
  Measurement m;
  m.at = kNow;
  m.window = Seconds(60);
  m.known = Replicas(2);
  m.prompt = m.uncached_prompt = TokensPerSecond(2000.0);
  m.generation = TokensPerSecond(400.0);
  m.finished = RequestsPerSecond(4.0);
  m.running = Requests(16.0);
  m.in_flight_known = m.finished_known = true;
  m.mean_prompt = Tokens(500.0);
  m.mean_generation = Tokens(100.0);
  return m;
}

DemandEstimate estimate(const Measurement& m, std::optional<RequestShape> last = std::nullopt,
                        std::optional<Seconds> cold_start = std::nullopt) {
  return estimate_demand(m, policy(), cold_start, last);
}

RequestShape shape_of(double prompt, double generation, double requests) {
  return {.mean_prompt = Tokens(prompt),
          .mean_generation = Tokens(generation),
          .requests = requests,
          .at = ago(60)};
}

TEST(Demand, OfferedIsServedWhileNothingPilesUp) {
  const Demand d = estimate(steady()).demand;
  EXPECT_DOUBLE_EQ(d.arrivals.value(), 4.0);
  EXPECT_DOUBLE_EQ(d.prompt.offered.value(), 2000.0);         // 4 x 500
  EXPECT_DOUBLE_EQ(d.generation.offered.value(), 400.0);      // 4 x 100
  EXPECT_DOUBLE_EQ(d.prompt.required.value(), 2000.0 * 1.3);  // nothing waits
  EXPECT_DOUBLE_EQ(d.generation.required.value(), 400.0 * 1.3);
  EXPECT_FALSE(d.may_be_understated);
}

TEST(Demand, OverloadShowsAlthoughServedTokensSaturate) {
  // 10 requests/s arrive, the fleet finishes 4: 6 more are in flight each second. 60 wait.
  Measurement m = steady();
  m.in_flight_change = RequestsPerSecond(6.0);
  m.waiting = Requests(60.0);
  const Demand d = estimate(m).demand;
  EXPECT_DOUBLE_EQ(d.arrivals.value(), 10.0);
  EXPECT_DOUBLE_EQ(d.prompt.served.value(), 2000.0);
  EXPECT_DOUBLE_EQ(d.prompt.offered.value(), 5000.0);       // 10 x 500
  EXPECT_DOUBLE_EQ(d.prompt.backlog.value(), 3000.0);       // 60 x 500 / 10 s
  EXPECT_DOUBLE_EQ(d.prompt.required.value(), 10'400.0);    // (5000 + 3000) x 1.3
  EXPECT_DOUBLE_EQ(d.generation.required.value(), 2080.0);  // (1000 + 600) x 1.3
  EXPECT_DOUBLE_EQ(d.in_flight.value(), 76.0);
}

TEST(Demand, AQueueNeedNotBeGoneBeforeNewReplicasServe) {
  Measurement m = steady();
  m.waiting = Requests(60.0);
  // 60 x 500 / max(10 s, 120 s)
  EXPECT_DOUBLE_EQ(estimate(m, std::nullopt, Seconds(120)).demand.prompt.backlog.value(), 250.0);
  EXPECT_DOUBLE_EQ(estimate(m, std::nullopt, Seconds(4)).demand.prompt.backlog.value(), 3000.0);
}

TEST(Demand, AFleetThatDrainsIsAskedForItsArrivalsOnly) {
  Measurement m = steady();
  m.in_flight_change = RequestsPerSecond(-3.0);
  EXPECT_DOUBLE_EQ(estimate(m).demand.prompt.offered.value(), 500.0);  // (4 - 3) x 500
  m.in_flight_change = RequestsPerSecond(-9.0);
  EXPECT_DOUBLE_EQ(estimate(m).demand.arrivals.value(), 0.0);
}

TEST(Demand, AQueueDrainsIfItIsGoneBeforeANewReplicaServes) {
  Measurement m = steady();
  m.waiting = Requests(60.0);
  m.in_flight_change = RequestsPerSecond(-2.0);  // gone in 30 s
  EXPECT_FALSE(estimate(m).demand.queue_drains);
  EXPECT_FALSE(estimate(m, std::nullopt, Seconds(29)).demand.queue_drains);
  EXPECT_TRUE(estimate(m, std::nullopt, Seconds(30)).demand.queue_drains);
  m.in_flight_change = RequestsPerSecond(0.0);
  EXPECT_FALSE(estimate(m, std::nullopt, Seconds(30)).demand.queue_drains);
}

TEST(Demand, GatewayQueuesAreBacklogAndInFlight) {
  Measurement m = steady();
  m.gateway_queued = Requests(20.0);
  const Demand d = estimate(m).demand;
  EXPECT_DOUBLE_EQ(d.waiting.value(), 20.0);
  EXPECT_DOUBLE_EQ(d.in_flight.value(), 36.0);
  EXPECT_DOUBLE_EQ(d.prompt.backlog.value(), 1000.0);  // 20 x 500 / 10 s
}

TEST(Demand, AGatewaysTokensRaiseAndNeverLower) {
  Measurement m = steady();
  m.gateway_known = true;
  m.gateway_prompt = TokensPerSecond(3000.0);
  m.gateway_cached_prompt = TokensPerSecond(600.0);
  m.gateway_cached_known = true;
  m.gateway_generation = TokensPerSecond(100.0);
  const Demand d = estimate(m).demand;
  EXPECT_DOUBLE_EQ(d.prompt.required.value(), 2400.0 * 1.3);
  EXPECT_DOUBLE_EQ(d.generation.required.value(), 400.0 * 1.3);
}

TEST(Demand, WhereAGatewayDoesNotTellCachedTokensTheEnginesDo) {
  // Half of the engines' prompt tokens come from caches: so do half of those at the gateway.
  Measurement m = steady();
  m.uncached_prompt = TokensPerSecond(1000.0);
  m.gateway_known = true;
  m.gateway_prompt = TokensPerSecond(3000.0);
  const Demand d = estimate(m).demand;
  EXPECT_DOUBLE_EQ(d.prompt.through_gateway.value(), 1500.0);
}

TEST(Demand, AGatewayThatFinishesRequestsWithoutTokensProvesNoLackOfLoad) {
  Measurement m;
  m.at = kNow;
  m.window = Seconds(60);
  m.gateway_only = m.gateway_known = m.finished_known = true;
  EXPECT_FALSE(estimate(m).demand.may_be_understated);
  m.finished = RequestsPerSecond(50.0);
  EXPECT_TRUE(estimate(m).demand.may_be_understated);
}

TEST(Demand, QueueGaugesThatAnEngineShouldHaveAndHasNotHold) {
  Measurement m = steady();
  m.in_flight_known = false;
  EXPECT_FALSE(estimate(m).demand.may_be_understated);
  m.in_flight_expected = true;
  EXPECT_TRUE(estimate(m).demand.may_be_understated);
}

TEST(Demand, CachedTokensNeedNoPrefill) {
  Measurement m = steady();
  m.cached_prompt = TokensPerSecond(1500.0);
  m.uncached_prompt = TokensPerSecond(500.0);
  m.waiting = Requests(60.0);
  const Demand d = estimate(m).demand;
  EXPECT_DOUBLE_EQ(d.prompt.offered.value(), 500.0);      // 4 x 500 x 0.25
  EXPECT_DOUBLE_EQ(d.prompt.backlog.value(), 750.0);      // 60 x 125 / 10 s
  EXPECT_DOUBLE_EQ(d.generation.backlog.value(), 600.0);  // 60 x 100 / 10 s
}

TEST(Demand, LongRequestsThatDoNotFinishInTheWindowUseTheLastShape) {
  // 2 requests/s arrive and none ends: served tokens grow slowly, the offered load is known.
  Measurement m = steady();
  m.finished = RequestsPerSecond(0.0);
  m.mean_prompt.reset();
  m.mean_generation.reset();
  m.in_flight_change = RequestsPerSecond(2.0);
  m.generation = TokensPerSecond(700.0);
  const Demand d = estimate(m, shape_of(1000.0, 2000.0, 50.0)).demand;
  EXPECT_DOUBLE_EQ(d.generation.offered.value(), 4000.0);  // 2 x 2000
  EXPECT_FALSE(d.may_be_understated);
  EXPECT_EQ(d.shape, shape_of(1000.0, 2000.0, 50.0));
}

TEST(Demand, WithoutAnyShapeItIsNotLessThanServedAndHolds) {
  Measurement m = steady();
  m.finished = RequestsPerSecond(0.0);
  m.mean_prompt.reset();
  m.mean_generation.reset();
  const DemandEstimate e = estimate(m);
  EXPECT_DOUBLE_EQ(e.demand.generation.offered.value(), 400.0);
  EXPECT_TRUE(e.demand.may_be_understated);
  EXPECT_EQ(message_of(e.reasons, ReasonCode::RequestShapeUnknown),
            "16 requests are in flight and too few have finished to know their tokens; nothing is "
            "removed");
}

TEST(Demand, FewFinishedRequestsDoNotLowerTheLoadBelowServed) {
  // 0.05/s x 60 s = 3 requests: their short lengths say little.
  Measurement m = steady();
  m.finished = RequestsPerSecond(0.05);
  m.mean_prompt = Tokens(10.0);
  m.mean_generation = Tokens(10.0);
  const Demand d = estimate(m, shape_of(500.0, 100.0, 50.0)).demand;
  EXPECT_DOUBLE_EQ(d.prompt.offered.value(), 2000.0);
  // The old shape weighs as 5 requests and the new one as 3: (5 x 500 + 3 x 10) / 8.
  ASSERT_TRUE(d.shape);
  EXPECT_DOUBLE_EQ(d.shape->mean_prompt.value(), 316.25);
}

TEST(Demand, WarmUpPingsDoNotStayTheShapeForEver) {
  // Requests of 1 token at first; then 3 finished requests a minute of 500, seen each 60 s.
  Measurement m = steady();
  m.finished = RequestsPerSecond(0.05);
  std::optional<RequestShape> shape = shape_of(1.0, 1.0, 50.0);
  for (int minute = 1; minute <= 10; ++minute) {
    m.at = kNow + seconds(60 * minute);
    shape = estimate(m, shape).demand.shape;
  }
  ASSERT_TRUE(shape);
  EXPECT_GT(shape->mean_prompt.value(), 490.0);
}

TEST(Demand, AQuietFleetLearnsItsShapeOverSeveralWindows) {
  // 3 requests a minute: no window has five. Each evaluation 15 s later adds a quarter of a window.
  Measurement m = steady();
  m.finished = RequestsPerSecond(0.05);
  m.running = Requests(1.0);
  std::optional<RequestShape> shape;
  int evaluations = 0;
  while (estimate(m, shape).demand.may_be_understated) {
    shape = estimate(m, shape).demand.shape;
    m.at += seconds(15);
    ASSERT_LT(++evaluations, 10);
  }
  // 3 + 0.75 n >= 5 after n = 3 further evaluations.
  EXPECT_EQ(evaluations, 3);
  EXPECT_DOUBLE_EQ(estimate(m, shape).demand.shape->mean_prompt.value(), 500.0);
}

TEST(Demand, TheSameWindowDoesNotCountTwice) {
  Measurement m = steady();
  m.finished = RequestsPerSecond(0.05);
  const auto first = estimate(m).demand.shape;
  EXPECT_DOUBLE_EQ(first->requests, 3.0);
  EXPECT_DOUBLE_EQ(estimate(m, first).demand.shape->requests, 3.0);
  m.at = ago(3600);  // The server's clock stepped back.
  EXPECT_DOUBLE_EQ(estimate(m, first).demand.shape->requests, 3.0);
}

TEST(Demand, WithoutGaugesServedIsTheLeastAndItIsSaid) {
  Measurement m = steady();
  m.in_flight_known = false;
  m.running = Requests(0.0);
  m.prompt = m.uncached_prompt = TokensPerSecond(2600.0);
  const DemandEstimate e = estimate(m);
  EXPECT_DOUBLE_EQ(e.demand.prompt.offered.value(), 2600.0);
  EXPECT_TRUE(has_reason(e.reasons, ReasonCode::InFlightUnknown));
}

TEST(Demand, AnEngineThatNeverTellsFinishedRequestsMayShrinkWhileNothingWaits) {
  Measurement m = steady();
  m.finished_known = false;
  m.finished = RequestsPerSecond(0.0);
  m.mean_prompt.reset();
  m.mean_generation.reset();
  EXPECT_FALSE(estimate(m).demand.may_be_understated);
  EXPECT_DOUBLE_EQ(estimate(m).demand.prompt.offered.value(), 2000.0);
  m.waiting = Requests(1.0);
  EXPECT_TRUE(estimate(m).demand.may_be_understated);
}

TEST(Demand, ZeroTrafficIsZero) {
  Measurement m;
  m.at = kNow;
  m.window = Seconds(60);
  m.in_flight_known = m.finished_known = true;
  const DemandEstimate e = estimate(m);
  EXPECT_EQ(e.demand.prompt.required, TokensPerSecond(0.0));
  EXPECT_EQ(e.demand.generation.required, TokensPerSecond(0.0));
  EXPECT_FALSE(e.demand.may_be_understated);
  EXPECT_TRUE(e.reasons.empty());
}

}  // namespace
}  // namespace tokenscaler::scaling
