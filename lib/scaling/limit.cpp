#include "scaling/limit.h"

#include <algorithm>
#include <cstdint>

#include <fmt/format.h>

namespace tokenscaler::scaling {

namespace {

/// Applies limits one after the other.
class Limiter {
 public:
  Limiter(Replicas desired, const std::optional<ReplicaCapacity>& capacity) : capacity_(capacity) {
    result_.replicas = desired;
  }

  void at_most(Replicas most, ReasonCode code, const std::string& why) {
    if (result_.replicas <= most) return;
    apply(most, code, why);
  }

  void at_least(Replicas least, ReasonCode code, const std::string& why) {
    if (result_.replicas >= least) return;
    apply(least, code, why);
  }

  [[nodiscard]] Limited take() && { return std::move(result_); }

 private:
  void apply(Replicas allowed, ReasonCode code, const std::string& why) {
    const AppliedLimit limit = applied_limit(code, result_.replicas, allowed, capacity_);
    result_.reasons.push_back({code, why + shortfall_text(limit)});
    result_.applied.push_back(limit);
    result_.replicas = allowed;
  }

  const std::optional<ReplicaCapacity>& capacity_;
  Limited result_;
};

}  // namespace

AppliedLimit applied_limit(ReasonCode code, Replicas wanted, Replicas allowed,
                           const std::optional<ReplicaCapacity>& capacity) {
  AppliedLimit limit{.code = code,
                     .wanted = wanted,
                     .allowed = allowed,
                     .prompt_shortfall = std::nullopt,
                     .generation_shortfall = std::nullopt};
  if (capacity && wanted > allowed) {
    const double missing = static_cast<double>(wanted.value()) - allowed.value();
    limit.prompt_shortfall = capacity->prompt * missing;
    limit.generation_shortfall = capacity->generation * missing;
  }
  return limit;
}

std::string shortfall_text(const AppliedLimit& limit) {
  if (!limit.prompt_shortfall || !limit.generation_shortfall) return {};
  return fmt::format("; that is {:.0f} prompt and {:.0f} generation tokens/s of capacity less",
                     limit.prompt_shortfall->value(), limit.generation_shortfall->value());
}

Limited limit(Replicas desired, const model::TokenScalerSpec& spec, const TargetState& target,
              const ReplicaCounts& counts, const std::optional<ReplicaCapacity>& capacity) {
  Limiter limiter(desired, capacity);
  const Replicas current = target.spec_replicas;
  if (counts.unschedulable > Replicas(0)) {
    const std::int64_t gpus_short =
        std::int64_t{counts.unschedulable.value()} * target.gpus_per_replica.value();
    limiter.at_most(
        std::max(current, spec.min_replicas), ReasonCode::UnschedulableReplicas,
        fmt::format("{} replicas are wanted and {} of the {} asked for cannot be "
                    "scheduled: {} GPUs are short",
                    desired.value(), counts.unschedulable.value(), current.value(), gpus_short));
  } else if (target.refused_by_quota) {
    limiter.at_most(std::max(current, spec.min_replicas), ReasonCode::QuotaExceeded,
                    fmt::format("{} replicas are wanted and a quota or admission rule refuses pods "
                                "of the {} asked for",
                                desired.value(), current.value()));
  }
  limiter.at_most(spec.max_replicas, ReasonCode::TooManyReplicas,
                  fmt::format("{} replicas are wanted and maxReplicas is {}", desired.value(),
                              spec.max_replicas.value()));
  limiter.at_least(spec.min_replicas, ReasonCode::TooFewReplicas,
                   fmt::format("{} replicas would do and minReplicas is {}", desired.value(),
                               spec.min_replicas.value()));
  return std::move(limiter).take();
}

}  // namespace tokenscaler::scaling
