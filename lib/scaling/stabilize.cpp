#include "scaling/stabilize.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <limits>

#include <fmt/format.h>

namespace tokenscaler::scaling {

namespace {

Replicas saturate(std::int64_t value) {
  constexpr std::int64_t kMost = std::numeric_limits<std::int32_t>::max();
  return Replicas(static_cast<std::int32_t>(std::clamp<std::int64_t>(value, 0, kMost)));
}

/// Replicas added and removed within the last `period`; both are positive.
struct Changes {
  std::int64_t added = 0;
  std::int64_t removed = 0;
};

Changes changes_within(const History& history, std::chrono::seconds period, WallTime now) {
  Changes changes;
  for (const RescaleEvent& event : history.rescales) {
    if (event.at <= now - period) continue;
    const std::int64_t change = event.change.value();
    (change > 0 ? changes.added : changes.removed) += std::abs(change);
  }
  return changes;
}

/// What one policy allows as the new count, from the count at the start of its period.
std::int64_t policy_limit(const model::ScalingPolicy& policy, std::int64_t start, bool up) {
  const std::int64_t value = policy.value;
  if (policy.type == model::ScalingPolicyType::Pods) return up ? start + value : start - value;
  // The HPA rounds up going up and truncates going down. It does so in floating point, where
  // 10 x 1.1 is 11.000000000000002 and becomes 12; whole numbers give the 11 that is meant.
  if (up) return (start * (100 + value) + 99) / 100;
  return start * (100 - value) / 100;
}

/// What the policy that selectPolicy chooses allows; no value without policies. Max chooses the
/// largest change, which is the highest count going up and the lowest going down.
std::optional<std::int64_t> selected_limit(const History& history, Replicas current,
                                           const model::ScalingRules& rules, WallTime now,
                                           bool up) {
  const bool highest = (rules.select_policy == model::SelectPolicy::Max) == up;
  std::optional<std::int64_t> result;
  for (const model::ScalingPolicy& policy : rules.policies) {
    const Changes changes = changes_within(history, policy.period, now);
    const std::int64_t start = current.value() - changes.added + changes.removed;
    const std::int64_t limit = policy_limit(policy, start, up);
    if (!result) result = limit;
    result = highest ? std::max(*result, limit) : std::min(*result, limit);
  }
  return result;
}

}  // namespace

Adjusted stabilize(const History& history, Replicas current, Replicas recommended,
                   const model::Behavior& behavior, WallTime now) {
  const WallTime up_since = now - behavior.scale_up.stabilization_window;
  const WallTime down_since = now - behavior.scale_down.stabilization_window;
  Replicas lowest = recommended;
  Replicas highest = recommended;
  for (const RecommendationSpan& span : history.recommendations) {
    if (span.at > up_since) lowest = std::min(lowest, span.lowest);
    if (span.at > down_since) highest = std::max(highest, span.highest);
  }
  Replicas result = current;
  if (result < lowest) result = lowest;
  if (result > highest) result = highest;
  if (result == recommended) return {result, std::nullopt};
  if (recommended > result) {
    return {result,
            Reason{ReasonCode::ScaleUpStabilized,
                   fmt::format("{} replicas are wanted; the lowest recommendation of the "
                               "last {} s was {}",
                               recommended.value(), behavior.scale_up.stabilization_window.count(),
                               lowest.value())}};
  }
  return {result,
          Reason{ReasonCode::ScaleDownStabilized,
                 fmt::format("{} replicas would do; the highest recommendation of the last "
                             "{} s was {}",
                             recommended.value(), behavior.scale_down.stabilization_window.count(),
                             highest.value())}};
}

Replicas scale_up_limit(const History& history, Replicas current, const model::ScalingRules& rules,
                        WallTime now) {
  if (rules.select_policy == model::SelectPolicy::Disabled) return current;
  const auto limit = selected_limit(history, current, rules, now, true);
  if (!limit) return saturate(std::numeric_limits<std::int32_t>::max());
  return std::max(current, saturate(*limit));
}

Replicas scale_down_limit(const History& history, Replicas current,
                          const model::ScalingRules& rules, WallTime now) {
  if (rules.select_policy == model::SelectPolicy::Disabled) return current;
  const auto limit = selected_limit(history, current, rules, now, false);
  if (!limit) return Replicas(0);
  return std::min(current, saturate(*limit));
}

Adjusted limit_rate(const History& history, Replicas current, Replicas desired,
                    const model::Behavior& behavior, WallTime now) {
  if (desired > current) {
    const Replicas most = scale_up_limit(history, current, behavior.scale_up, now);
    if (desired <= most) return {desired, std::nullopt};
    return {most, Reason{ReasonCode::ScaleUpLimit,
                         fmt::format("{} replicas are wanted; behavior.scaleUp allows {} now",
                                     desired.value(), most.value())}};
  }
  if (desired < current) {
    const Replicas least = scale_down_limit(history, current, behavior.scale_down, now);
    if (desired >= least) return {desired, std::nullopt};
    return {least, Reason{ReasonCode::ScaleDownLimit,
                          fmt::format("{} replicas would do; behavior.scaleDown allows {} now",
                                      desired.value(), least.value())}};
  }
  return {desired, std::nullopt};
}

}  // namespace tokenscaler::scaling
