#include "scaling/decide.h"

#include <gtest/gtest.h>

#include "unit/scaling/fleet_builder.h"

namespace tokenscaler::scaling {
namespace {

using namespace testing;

/// Ten replicas with the load of one: 2500 + 500 tokens/s in all, which needs
/// 500 x 1.3 / 400 = 1.63 replicas.
Snapshot oversized() {
  Snapshot snapshot = basic_snapshot(10);
  for (PodSignals& pod : snapshot.observation->pods) {
    pod.prompt_tokens_per_second = fresh(250.0);
    pod.generation_tokens_per_second = fresh(50.0);
    pod.finished_requests_per_second = fresh(0.5);
    pod.kv_cache_usage = fresh(0.1);
  }
  return snapshot;
}

TEST(Decide, ASteadyFleetWithinRangeIsLeftAlone) {
  // 4 x 1000 prompt and 4 x 200 generated tokens/s: 800 x 1.3 / 400 = 2.6 replicas by generation.
  const Snapshot snapshot = basic_snapshot(3);
  const Decision d = decide(snapshot, settled_history(3), kNow).decision;
  EXPECT_EQ(d.verdict, Verdict::Hold);
  EXPECT_EQ(d.bound_by, Signal::GenerationTokens);
  // 3 replicas: 600 x 1.3 / 400 = 1.95
  EXPECT_EQ(d.reasons[0].message,
            "GenerationTokens needs 1.95 replicas: (600 offered + 0 backlog) x 1.3 / 400 tokens/s "
            "per replica");
}

TEST(Decide, LoadScalesUpAtOnce) {
  // 800 x 1.3 / 400 would be 2.6 for 4 pods; with 5 requests/s each it is 6.5.
  Snapshot snapshot = basic_snapshot(4);
  for (PodSignals& pod : snapshot.observation->pods) pod.finished_requests_per_second = fresh(5.0);
  const Decision d = decide(snapshot, settled_history(4), kNow).decision;
  EXPECT_EQ(d.desired, Replicas(7));
  EXPECT_EQ(d.verdict, Verdict::ScaleUp);
  EXPECT_EQ(d.stabilized, Replicas(7));
}

TEST(Decide, AnOversizedFleetShrinksAfterTheWindow) {
  EXPECT_EQ(decide(oversized(), settled_history(10), kNow).decision.desired, Replicas(10));
  const Decision d = decide(oversized(), settled_history(2), kNow).decision;
  EXPECT_EQ(d.desired, Replicas(2));
  EXPECT_EQ(d.verdict, Verdict::ScaleDown);
}

TEST(Decide, ALongGapIsAsARestart) {
  // The machine slept for an hour: the recommendations of before prove nothing.
  const WallTime later = kNow + std::chrono::hours(1);
  Snapshot snapshot = oversized();
  snapshot.observation->evaluated_at = later;
  const Outcome outcome = decide(snapshot, settled_history(2), later);
  EXPECT_EQ(outcome.decision.desired, Replicas(10));
  EXPECT_TRUE(has_reason(outcome.decision.reasons, ReasonCode::ScaleDownStabilized));
}

TEST(Decide, ASlowCycleIsNotAGap) {
  // A cycle of four minutes with a window of one: each evaluation stands for itself.
  Snapshot snapshot = oversized();
  snapshot.spec.behavior.scale_down.stabilization_window = seconds(60);
  History history;
  remember_recommendation(history, ago(240), Replicas(2));
  EXPECT_EQ(decide(snapshot, history, kNow).decision.desired, Replicas(2));
}

TEST(Decide, AShortHoldDoesNotRestartTheWindow) {
  Snapshot snapshot = oversized();
  History history = settled_history(2);
  snapshot.observation->pods[3] = silent_pod("pod-3");
  const Outcome held = decide(snapshot, history, kNow);
  EXPECT_EQ(held.decision.desired, Replicas(10));
  EXPECT_EQ(held.history.held_since, kNow);
  const Outcome after = decide(oversized(), held.history, kNow + seconds(15));
  EXPECT_EQ(after.decision.desired, Replicas(2));
  EXPECT_FALSE(after.history.held_since);
}

TEST(Decide, AHoldOfAMinuteRestartsTheWindow) {
  Snapshot snapshot = oversized();
  snapshot.observation->pods[3] = silent_pod("pod-3");
  History history = settled_history(2);
  WallTime now = kNow;
  for (int i = 0; i <= 4; ++i, now += seconds(15)) history = decide(snapshot, history, now).history;
  EXPECT_EQ(decide(oversized(), history, now).decision.desired, Replicas(10));
  EXPECT_EQ(decide(oversized(), history, now + seconds(284)).decision.desired, Replicas(10));
  EXPECT_EQ(decide(oversized(), history, now + seconds(285)).decision.desired, Replicas(2));
}

TEST(Decide, SettlesForAWindowAfterAScaleDown) {
  History history = settled_history(2);
  remember_rescale(history, ago(59), Replicas(12), Replicas(10));
  const Decision d = decide(oversized(), history, kNow).decision;
  EXPECT_EQ(d.desired, Replicas(10));
  EXPECT_TRUE(has_reason(d.reasons, ReasonCode::SettlingAfterScaleDown));
  history.last_scale_down_at = ago(60);
  EXPECT_EQ(decide(oversized(), history, kNow).decision.desired, Replicas(2));
}

TEST(Decide, ARolloutHoldsWhatWouldShrink) {
  Snapshot snapshot = oversized();
  snapshot.target.rolling_out = true;
  const Decision d = decide(snapshot, settled_history(2), kNow).decision;
  EXPECT_EQ(d.desired, Replicas(10));
  EXPECT_EQ(message_of(d.reasons, ReasonCode::RolloutInProgress),
            "2 replicas would do; nothing is removed while the target rolls out");
}

TEST(Decide, NoPrometheusHoldsAndSaysForHowLong) {
  Snapshot snapshot = oversized();
  snapshot.observation = make_error(ErrorCode::Unavailable, "no route to prometheus");
  History history = settled_history(2);
  history.unavailable_since = ago(45);
  const Decision d = decide(snapshot, history, kNow).decision;
  EXPECT_EQ(d.desired, Replicas(10));
  EXPECT_EQ(d.reasons[0].code, ReasonCode::MetricsUnavailable);
  EXPECT_EQ(d.reasons[0].message, "no route to prometheus; 10 replicas are held, for 45 s so far");
  EXPECT_EQ(d.replicas.dark, Replicas(10));
}

TEST(Decide, TheFloorRaisesAfterItsGracePeriodAndNeverLowers) {
  Snapshot snapshot = basic_snapshot(3);
  snapshot.observation = make_error(ErrorCode::Unavailable, "gone");
  snapshot.spec.metrics_unavailable = {.policy = model::MetricsUnavailablePolicy::AtLeast,
                                       .replicas = Replicas(6),
                                       .grace_period = seconds(300)};
  History history = settled_history(3);
  history.unavailable_since = ago(299);
  EXPECT_EQ(decide(snapshot, history, kNow).decision.desired, Replicas(3));
  history.unavailable_since = ago(300);
  const Decision raised = decide(snapshot, history, kNow).decision;
  EXPECT_EQ(raised.desired, Replicas(6));
  EXPECT_TRUE(has_reason(raised.reasons, ReasonCode::MetricsUnavailableFloor));
  snapshot.target.spec_replicas = Replicas(9);
  EXPECT_EQ(decide(snapshot, history, kNow).decision.desired, Replicas(9));
}

TEST(Decide, AStoppedGapEndsTheGracePeriod) {
  History history = settled_history(3);
  history.unavailable_since = ago(600);
  EXPECT_FALSE(decide(basic_snapshot(3), history, kNow).history.unavailable_since);
}

TEST(Decide, AFleetThatJustStartedWaitsForItsFirstWindow) {
  Snapshot snapshot = basic_snapshot(2);
  for (PodState& pod : snapshot.target.pods) pod.since = ago(20);
  for (PodSignals& pod : snapshot.observation->pods) pod = silent_pod(pod.pod);
  const Decision d = decide(snapshot, {}, kNow).decision;
  EXPECT_EQ(d.desired, Replicas(2));
  EXPECT_EQ(d.reasons[0].code, ReasonCode::WarmingReplicas);
  EXPECT_EQ(
      d.reasons[0].message,
      "2 replicas became ready less than one 60 s window ago and have no rates yet; 2 replicas "
      "are held, for 0 s so far");
}

TEST(Decide, NothingReadyIsNotSilence) {
  Snapshot snapshot = basic_snapshot(0);
  snapshot.target.spec_replicas = Replicas(3);
  snapshot.target.pods = {pod_in(PodPhase::Starting, "a"), pod_in(PodPhase::Failing, "b"),
                          pod_in(PodPhase::Unschedulable, "c")};
  const Decision d = decide(snapshot, {}, kNow).decision;
  EXPECT_EQ(d.desired, Replicas(3));
  EXPECT_EQ(
      message_of(d.reasons, ReasonCode::NoReadyReplicas),
      "no replica is ready (1 starting, 1 failing, 1 unschedulable); 3 replicas are held, for "
      "0 s so far");
}

TEST(Decide, ZeroTrafficIsSaid) {
  Snapshot snapshot = basic_snapshot(4);
  for (PodSignals& pod : snapshot.observation->pods) pod = idle_pod(pod.pod);
  const Decision d = decide(snapshot, settled_history(1), kNow).decision;
  EXPECT_EQ(d.desired, Replicas(1));
  EXPECT_TRUE(has_reason(d.reasons, ReasonCode::ZeroTraffic));
  EXPECT_EQ(d.bound_by, Signal::None);
}

TEST(Decide, AFleetBehindAGatewayAloneIsSizedByIt) {
  Snapshot snapshot = basic_snapshot(10);
  snapshot.spec.metrics.engine = model::Engine::LiteLlm;
  for (PodSignals& pod : snapshot.observation->pods) pod = silent_pod(pod.pod);
  snapshot.observation->gateway = GatewaySignals{.prompt_tokens_per_second = fresh(4000.0),
                                                 .cached_prompt_tokens_per_second = fresh(0.0),
                                                 .generation_tokens_per_second = fresh(1000.0),
                                                 .finished_requests_per_second = fresh(8.0),
                                                 .queued_requests = fresh(0.0)};
  const Decision d = decide(snapshot, settled_history(2), kNow).decision;
  // 1000 x 1.3 / 400 = 3.25, and served 1000 / 400 = 2.5 holds no more.
  EXPECT_EQ(d.desired, Replicas(4));
  EXPECT_TRUE(has_reason(d.reasons, ReasonCode::InFlightUnknown));
}

TEST(Decide, OnlyModeScaleMayWrite) {
  Snapshot snapshot = basic_snapshot(1);
  EXPECT_TRUE(decide(snapshot, {}, kNow).decision.may_write);
  for (const model::Mode mode : {model::Mode::Hpa, model::Mode::Recommend}) {
    snapshot.spec.mode = mode;
    EXPECT_FALSE(decide(snapshot, {}, kNow).decision.may_write);
  }
  snapshot.spec.mode = model::Mode::Scale;
  snapshot.spec.paused = true;
  const Decision d = decide(snapshot, {}, kNow).decision;
  EXPECT_FALSE(d.may_write);
  EXPECT_TRUE(has_reason(d.reasons, ReasonCode::Paused));
}

TEST(Decide, AClockThatStepsBackDoesNotFreezeTheRate) {
  Snapshot snapshot = basic_snapshot(4);
  for (PodSignals& pod : snapshot.observation->pods) pod.finished_requests_per_second = fresh(50.0);
  History history = settled_history(4);
  remember_rescale(history, kNow + std::chrono::hours(24), Replicas(1), Replicas(4));
  const Outcome first = decide(snapshot, history, kNow);
  EXPECT_EQ(first.decision.desired, Replicas(5)) << "1 + 4 pods: the policy is spent by 3";
  EXPECT_EQ(decide(snapshot, first.history, kNow + seconds(15)).decision.desired, Replicas(8));
}

TEST(Verdict, Words) {
  EXPECT_EQ(to_string(Verdict::ScaleUp), "ScaleUp");
  EXPECT_EQ(to_string(Verdict::ScaleDown), "ScaleDown");
  EXPECT_EQ(to_string(Verdict::Hold), "Hold");
}

TEST(Decide, AShortHoldDoesNotEatAShortWindow) {
  // Ten replicas were needed until a moment ago; the window has 45 s, the hold took 45 s.
  History history;
  for (std::int64_t age = 300; age >= 15; age -= 15) {
    remember_recommendation(history, ago(age), Replicas(10));
  }
  Snapshot dark = oversized();
  dark.spec.behavior.scale_down.stabilization_window = seconds(45);
  dark.observation->pods[3] = silent_pod("pod-3");
  for (int age = 0; age < 45; age += 15) {
    history = decide(dark, history, kNow + seconds(age)).history;
  }
  Snapshot clear = oversized();
  clear.spec.behavior.scale_down.stabilization_window = seconds(45);
  EXPECT_EQ(decide(clear, history, kNow + seconds(45)).decision.desired, Replicas(10));
}

TEST(Decide, AFleetThatCannotServeIsNotIdle) {
  // The node is gone, all replicas start anew, and the gateway counts nothing since.
  Snapshot snapshot = basic_snapshot(8);
  snapshot.spec.metrics.engine = model::Engine::LiteLlm;
  snapshot.observation->engine = model::Engine::LiteLlm;
  snapshot.observation->pods.clear();
  GatewaySignals gateway;
  gateway.prompt_tokens_per_second = fresh(0.0);
  gateway.generation_tokens_per_second = fresh(0.0);
  gateway.finished_requests_per_second = fresh(0.0);
  snapshot.observation->gateway = gateway;
  for (PodState& pod : snapshot.target.pods) pod = pod_in(PodPhase::Starting, pod.name, 300);
  const Decision d = decide(snapshot, settled_history(1), kNow).decision;
  EXPECT_EQ(d.desired, Replicas(8));
  EXPECT_TRUE(has_reason(d.reasons, ReasonCode::NoReadyReplicas));
}

TEST(Decide, AFleetThatSleepsSaysSo) {
  Snapshot snapshot = basic_snapshot(2);
  for (PodSignals& pod : snapshot.observation->pods) pod.asleep = true;
  const Decision d = decide(snapshot, settled_history(2), kNow).decision;
  EXPECT_EQ(d.desired, Replicas(2));
  EXPECT_EQ(message_of(d.reasons, ReasonCode::NoReadyReplicas),
            "all 2 ready replicas are asleep; 2 replicas are held, for 0 s so far");
}

}  // namespace
}  // namespace tokenscaler::scaling
