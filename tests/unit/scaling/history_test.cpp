#include "scaling/history.h"

#include <gtest/gtest.h>

#include "scaling/stabilize.h"
#include "unit/scaling/fleet_builder.h"

namespace tokenscaler::scaling {
namespace {

using namespace testing;

TEST(History, CoversTheLongestWindowAtAnyEvaluationInterval) {
  for (int interval = 1; interval <= 60; ++interval) {
    SCOPED_TRACE(interval);
    History history;
    remember_recommendation(history, ago(3599), Replicas(9));
    for (int age = 3599 - interval; age > 0; age -= interval) {
      remember_recommendation(history, ago(age), Replicas(3));
      ASSERT_LE(history.recommendations.size(), kMaxSpans);
    }
    model::Behavior behavior;
    behavior.scale_down.stabilization_window = kLongestWindow;
    EXPECT_EQ(stabilize(history, Replicas(9), Replicas(3), behavior, kNow).replicas, Replicas(9))
        << "the recommendation of 3599 s ago was forgotten";
  }
}

TEST(History, ARecommendationIsForgottenAtMostOneSpanLate) {
  for (int interval = 1; interval <= 60; ++interval) {
    SCOPED_TRACE(interval);
    History history;
    for (int age = 600; age > 0; age -= interval) {
      remember_recommendation(history, ago(age), Replicas(age > 315 ? 9 : 3));
    }
    model::Behavior behavior;
    behavior.scale_down.stabilization_window = seconds(300);
    EXPECT_EQ(stabilize(history, Replicas(9), Replicas(3), behavior, kNow).replicas, Replicas(3));
  }
}

TEST(History, HoldsOneRecommendationForEachHpaCycle) {
  const History history = settled_history(4);
  EXPECT_EQ(history.recommendations.size(), 3600U / 15U);
}

TEST(History, RescalesAreBoundedAndForgotten) {
  History history;
  for (int age = 4000; age > 0; --age) {
    remember_rescale(history, ago(age), Replicas(1), Replicas(2));
    ASSERT_LE(history.rescales.size(), kMaxRescales);
  }
  EXPECT_GE(history.rescales.front().at, ago(1) - kLongestPolicyPeriod);
}

TEST(History, NoChangeIsNoRescale) {
  History history;
  remember_rescale(history, kNow, Replicas(3), Replicas(3));
  EXPECT_EQ(history, History{});
}

TEST(History, RemembersTheLastScaleDown) {
  History history;
  remember_rescale(history, ago(20), Replicas(3), Replicas(2));
  remember_rescale(history, ago(10), Replicas(2), Replicas(5));
  EXPECT_EQ(history.last_scale_down_at, ago(20));
}

TEST(History, StampsOfTheFutureAgeFromNow) {
  History history = settled_history(4);
  remember_rescale(history, kNow, Replicas(4), Replicas(2));
  history.unavailable_since = kNow;
  const WallTime yesterday = ago(86'400);
  forget_the_future(history, yesterday);
  for (const RecommendationSpan& span : history.recommendations) EXPECT_EQ(span.at, yesterday);
  EXPECT_EQ(history.rescales.back().at, yesterday);
  EXPECT_EQ(history.last_scale_down_at, yesterday);
  EXPECT_EQ(history.unavailable_since, yesterday);
}

}  // namespace
}  // namespace tokenscaler::scaling
