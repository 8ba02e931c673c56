// The behaviour of autoscaling/v2. The expected numbers of the Hpa* tables are those of Kubernetes'
// own tests (pkg/controller/podautoscaler/horizontal_test.go: TestScalingWithRules,
// TestNormalizeDesiredReplicasWithBehavior, TestCalculateScale*Limit*); the code here is ours.
#include "scaling/stabilize.h"

#include <gtest/gtest.h>

#include "scaling/limit.h"
#include "unit/scaling/fleet_builder.h"

namespace tokenscaler::scaling {
namespace {

using model::ScalingPolicy;
using model::ScalingPolicyType;
using model::ScalingRules;
using model::SelectPolicy;
using std::chrono::seconds;
using testing::ago;
using testing::kNow;

ScalingPolicy pods(int value, int period) {
  return {.type = ScalingPolicyType::Pods, .value = value, .period = seconds(period)};
}

ScalingPolicy percent(int value, int period) {
  return {.type = ScalingPolicyType::Percent, .value = value, .period = seconds(period)};
}

ScalingRules rules(std::vector<ScalingPolicy> policies, SelectPolicy select = SelectPolicy::Max) {
  ScalingRules result;
  result.policies = std::move(policies);
  result.select_policy = select;
  return result;
}

/// Changes spread over the last `period` seconds: each in the middle of its share of the time.
std::vector<RescaleEvent> spread(const std::vector<int>& changes, int period, int sign) {
  std::vector<RescaleEvent> events;
  const int share = period / static_cast<int>(changes.size());
  for (std::size_t i = 0; i < changes.size(); ++i) {
    const int age = period - share * (static_cast<int>(i) + 1) + share / 2;
    events.push_back({.at = ago(age), .change = Replicas(sign * changes[i])});
  }
  return events;
}

struct RateCase {
  std::string name;
  std::vector<int> added;
  std::vector<int> removed;
  int least;
  int most;
  ScalingRules up;
  ScalingRules down;
  int current;
  int wanted;
  int expected;
  ReasonCode code;
};

const ScalingRules kUp = model::default_scale_up_rules();
const ScalingRules kDown = model::default_scale_down_rules();

std::vector<RateCase> rate_cases() {
  constexpr auto kIn = ReasonCode::DesiredWithinRange;
  constexpr auto kFew = ReasonCode::TooFewReplicas;
  constexpr auto kMany = ReasonCode::TooManyReplicas;
  constexpr auto kUpLimit = ReasonCode::ScaleUpLimit;
  constexpr auto kDownLimit = ReasonCode::ScaleDownLimit;
  const ScalingRules d = kDown;
  const ScalingRules u = kUp;
  // clang-format off
  return {
      {"within range", {}, {}, 3, 8, u, d, 5, 7, 7, kIn},
      {"below min", {}, {}, 2, 8, u, d, 3, 1, 2, kFew},
      {"zero is allowed by min 0", {}, {}, 0, 10, u, d, 1, 0, 0, kIn},
      {"current above max", {}, {}, 1, 10, u, d, 20, 1000, 10, kMany},
      {"max below rate", {}, {}, 100, 150, u, d, 100, 1000, 150, kMany},
      {"one percent rounds up", {}, {}, 1, 2000, rules({percent(1, 60)}), d, 3, 1000, 4, kUpLimit},
      {"twenty pods down", {}, {}, 3, 2000, u, rules({pods(20, 60)}), 1000, 3, 980, kDownLimit},
      {"default doubles", {}, {}, 1, 1000, u, d, 10, 50, 20, kUpLimit},
      {"pods beat percent", {}, {}, 1, 1000, rules({pods(100, 60), percent(100, 60)}), d, 10, 500, 110, kUpLimit},
      {"percent beats pods", {}, {}, 1, 1000, rules({pods(2, 60), percent(100, 60)}), d, 10, 500, 20, kUpLimit},
      {"large pods policy", {}, {}, 1, 1000, rules({pods(100, 60)}), d, 10, 50, 50, kIn},
      {"huge pods policy", {}, {}, 1, 1000, rules({pods(10000, 60)}), d, 10, 50, 50, kIn},
      {"pods limit up", {}, {}, 1, 1000, rules({pods(30, 60)}), d, 10, 50, 40, kUpLimit},
      {"percent limit up", {}, {}, 1, 1000, rules({percent(200, 60)}), d, 10, 50, 30, kUpLimit},
      {"down: larger change of 20 pods", {}, {}, 1, 1000, u, rules({pods(20, 60), percent(1, 60)}), 100, 2, 80, kDownLimit},
      {"down: larger change of 2 pods", {}, {}, 1, 1000, u, rules({pods(2, 60), percent(1, 60)}), 100, 2, 98, kDownLimit},
      {"down to min by pods", {}, {}, 1, 1000, u, rules({pods(100, 60)}), 10, 0, 1, kFew},
      {"down to min by percent", {}, {}, 5, 1000, u, rules({percent(100, 60)}), 10, 2, 5, kFew},
      {"down pods limit", {}, {}, 1, 1000, u, rules({pods(5, 60)}), 10, 2, 5, kDownLimit},
      {"down percent just enough", {}, {}, 1, 1000, u, rules({percent(50, 60)}), 10, 5, 5, kIn},
      {"events, large pods policy", {1, 5, 9}, {}, 1, 200, rules({pods(300, 60)}), d, 100, 500, 200, kMany},
      {"events, large percent policy", {1, 5, 9}, {}, 1, 200, rules({percent(10000, 60)}), d, 100, 500, 200, kMany},
      {"policy spent by events", {1, 5, 9}, {}, 1, 1000, rules({pods(5, 120)}), d, 100, 500, 100, kUpLimit},
      {"100 - 15 + 150", {1, 5, 9}, {}, 1, 1000, rules({pods(150, 120)}), d, 100, 500, 235, kUpLimit},
      {"(100 - 15) x 3", {1, 5, 9}, {}, 1, 1000, rules({percent(200, 120)}), d, 100, 500, 255, kUpLimit},
      {"(6 - 4 + 2) x 4", {4}, {2}, 1, 1000, rules({percent(300, 300)}), d, 6, 24, 16, kUpLimit},
      {"down default with events", {}, {1, 5, 9}, 1, 1000, u, d, 10, 5, 5, kIn},
      {"down large pods policy with events", {}, {1, 5, 9}, 1, 1000, u, rules({pods(115, 120)}), 100, 0, 1, kFew},
      {"down large pods policy, min 5", {}, {1, 5, 9}, 5, 1000, u, rules({pods(130, 120)}), 100, 0, 5, kFew},
      {"down 100 percent with events", {}, {1, 5, 9}, 5, 1000, u, rules({percent(100, 120)}), 100, 2, 5, kFew},
      {"100 + 15 - 5", {}, {1, 5, 9}, 1, 1000, u, rules({pods(5, 120)}), 100, 2, 100, kDownLimit},
      {"(100 + 12) / 2", {}, {2, 4, 6}, 1, 1000, u, rules({percent(50, 120)}), 100, 0, 56, kDownLimit},
      {"(10 - 2 + 4) / 2", {2}, {4}, 1, 1000, u, rules({percent(50, 180)}), 10, 1, 6, kDownLimit},
      {"(100 + 30) x 0.9 is more than 100", {}, {10, 10, 10}, 1, 1000, u, rules({percent(10, 120)}), 100, 0, 100, kDownLimit},
      {"below zero", {}, {10, 10, 10}, 1, 1000, u, rules({percent(1000, 120)}), 10, 5, 5, kIn},
      {"one policy, some events too old", {8, 12, 9, 11}, {}, 1, 1000, rules({pods(1000, 60)}), d, 100, 200, 200, kIn},
      {"two policies, no event too old", {8, 12, 9, 11}, {}, 1, 1000, rules({pods(1000, 120), percent(100, 60)}), d, 100, 200, 200, kIn},
      {"down, two policies", {}, {8, 12, 9, 11}, 1, 1000, u, rules({pods(1000, 30), percent(100, 60)}), 100, 5, 5, kIn},
  };
  // clang-format on
}

TEST(ScalingWithRules, GivesTheNumbersOfTheHpa) {
  for (const RateCase& c : rate_cases()) {
    SCOPED_TRACE(c.name);
    History history;
    if (!c.added.empty()) history.rescales = spread(c.added, 120, 1);
    if (!c.removed.empty()) {
      const auto removed = spread(c.removed, 120, -1);
      history.rescales.insert(history.rescales.end(), removed.begin(), removed.end());
    }
    model::TokenScalerSpec spec = testing::basic_spec();
    spec.behavior = {.scale_up = c.up, .scale_down = c.down};
    spec.min_replicas = Replicas(c.least);
    spec.max_replicas = Replicas(c.most);
    TargetState target;
    target.spec_replicas = Replicas(c.current);
    const Adjusted rated =
        limit_rate(history, Replicas(c.current), Replicas(c.wanted), spec.behavior, kNow);
    const Limited limited = limit(rated.replicas, spec, target, {}, std::nullopt);
    EXPECT_EQ(limited.replicas, Replicas(c.expected));
    const ReasonCode last = !limited.reasons.empty() ? limited.reasons.back().code
                            : rated.reason           ? rated.reason->code
                                                     : ReasonCode::DesiredWithinRange;
    EXPECT_EQ(last, c.code) << to_string(last);
  }
}

TEST(ScaleUpLimit, MinSelectsTheSmallerChange) {
  // 1 + 2 pods is 3, 1 + 50 % is 1.5, rounded up to 2.
  const ScalingRules both = rules({pods(2, 60), percent(50, 60)}, SelectPolicy::Min);
  EXPECT_EQ(scale_up_limit({}, Replicas(1), both, kNow), Replicas(2));
}

TEST(ScaleDownLimit, MinSelectsTheSmallerChange) {
  // 5 - 2 pods is 3, 5 - 50 % is 2.5, cut to 2: the smaller change is 3.
  const ScalingRules both = rules({pods(2, 60), percent(50, 60)}, SelectPolicy::Min);
  EXPECT_EQ(scale_down_limit({}, Replicas(5), both, kNow), Replicas(3));
}

TEST(ScaleLimits, DisabledForbidsTheDirection) {
  const ScalingRules none = rules({pods(100, 60)}, SelectPolicy::Disabled);
  EXPECT_EQ(scale_up_limit({}, Replicas(5), none, kNow), Replicas(5));
  EXPECT_EQ(scale_down_limit({}, Replicas(5), none, kNow), Replicas(5));
}

TEST(ScaleLimits, NoPolicyIsNoLimit) {
  EXPECT_EQ(scale_up_limit({}, Replicas(5), rules({}), kNow),
            Replicas(std::numeric_limits<std::int32_t>::max()));
  EXPECT_EQ(scale_down_limit({}, Replicas(5), rules({}), kNow), Replicas(0));
}

TEST(ScaleLimits, WholeNumbersDoNotRoundUpByFloatingPoint) {
  // 10 x 1.1 is 11.000000000000002 in floating point, which the HPA rounds up to 12.
  EXPECT_EQ(scale_up_limit({}, Replicas(10), rules({percent(10, 60)}), kNow), Replicas(11));
}

TEST(ScaleLimits, LargestCountsDoNotOverflow) {
  const Replicas most(std::numeric_limits<std::int32_t>::max());
  EXPECT_EQ(scale_up_limit({}, most, rules({percent(1'000'000, 60)}), kNow), most);
  EXPECT_EQ(scale_down_limit({}, most, rules({percent(1'000'000, 60)}), kNow), Replicas(0));
}

TEST(ScaleLimits, AnEventLeavesExactlyAtTheEndOfItsPeriod) {
  History history;
  history.rescales = {{.at = ago(60), .change = Replicas(4)}};
  const ScalingRules four = rules({pods(4, 60)});
  EXPECT_EQ(scale_up_limit(history, Replicas(8), four, kNow), Replicas(12));
  history.rescales = {{.at = ago(59), .change = Replicas(4)}};
  EXPECT_EQ(scale_up_limit(history, Replicas(8), four, kNow), Replicas(8));
}

struct WindowCase {
  std::string name;
  std::vector<std::pair<int, int>> recommendations;  // replicas, age in seconds
  int current;
  int recommended;
  int up_window;
  int down_window;
  int expected;
};

TEST(Stabilize, GivesTheNumbersOfTheHpa) {
  const std::vector<WindowCase> cases{
      {"empty", {}, 100, 5, 0, 0, 5},
      {"down", {{4, 120}, {5, 60}}, 100, 3, 0, 180, 5},
      {"up", {{4, 120}, {5, 60}}, 1, 7, 300, 0, 4},
      {"no window down", {{1, 120}, {2, 60}}, 100, 3, 300, 0, 3},
      {"no window up", {{4, 120}, {5, 60}}, 1, 3, 0, 300, 3},
      {"old ones down", {{10, 600}, {9, 540}}, 100, 3, 0, 0, 3},
      {"old ones up", {{10, 600}, {9, 540}}, 1, 100, 0, 0, 100},
      {"some old ones down", {{10, 600}, {4, 60}, {5, 120}, {9, 540}}, 100, 3, 0, 180, 5},
      {"some old ones up", {{10, 6000}, {6, 60}, {5, 120}, {9, 180}}, 1, 100, 300, 0, 5},
      {"both windows, recommendation falls", {{2, 6000}, {3, 180}}, 2, 1, 300, 300, 2},
      {"both windows, recommendation rises", {{2, 6000}, {1, 180}}, 2, 3, 300, 300, 2},
      {"older HPA: stabilize", {{4, 120}, {5, 60}}, 10, 3, 0, 300, 5},
      {"older HPA: no stabilize", {{1, 120}, {2, 60}}, 10, 3, 0, 300, 3},
      {"older HPA: old", {{10, 600}, {9, 540}}, 10, 3, 0, 300, 3},
  };
  for (const WindowCase& c : cases) {
    SCOPED_TRACE(c.name);
    History history;
    for (const auto& [replicas, age] : c.recommendations) {
      history.recommendations.push_back(
          {.at = ago(age), .lowest = Replicas(replicas), .highest = Replicas(replicas)});
    }
    model::Behavior behavior;
    behavior.scale_up.stabilization_window = seconds(c.up_window);
    behavior.scale_down.stabilization_window = seconds(c.down_window);
    const Adjusted result =
        stabilize(history, Replicas(c.current), Replicas(c.recommended), behavior, kNow);
    EXPECT_EQ(result.replicas, Replicas(c.expected));
    EXPECT_EQ(result.reason.has_value(), c.expected != c.recommended);
  }
}

TEST(Stabilize, NamesTheWindowThatHolds) {
  History history;
  history.recommendations = {{.at = ago(60), .lowest = Replicas(5), .highest = Replicas(5)}};
  const model::Behavior behavior;
  const Adjusted down = stabilize(history, Replicas(8), Replicas(3), behavior, kNow);
  ASSERT_TRUE(down.reason);
  EXPECT_EQ(*down.reason,
            (Reason{ReasonCode::ScaleDownStabilized,
                    "3 replicas would do; the highest recommendation of the last 300 s was 5"}));
}

TEST(Stabilize, ASpanKeepsItsLowestAndItsHighest) {
  History history;
  history.recommendations = {{.at = ago(10), .lowest = Replicas(2), .highest = Replicas(9)}};
  model::Behavior behavior;
  behavior.scale_up.stabilization_window = seconds(60);
  EXPECT_EQ(stabilize(history, Replicas(10), Replicas(3), behavior, kNow).replicas, Replicas(9));
  EXPECT_EQ(stabilize(history, Replicas(1), Replicas(3), behavior, kNow).replicas, Replicas(2));
}

}  // namespace
}  // namespace tokenscaler::scaling
