#include "scaling/cost.h"

namespace tokenscaler::scaling {

namespace {

/// No tokens, no price for each token: that is an answer here, not an error.
std::optional<MoneyPerMillionTokens> price_of(const MoneyPerHour& cost, TokensPerSecond rate) {
  auto price = price_per_million_tokens(cost, rate);
  if (!price) return std::nullopt;
  return *price;
}

}  // namespace

MoneyPerHour replica_cost(const model::Cost& cost, GpuCount gpus_per_replica) {
  const Decimal gpus = cost.price_per_gpu_hour * gpus_per_replica.value();
  return {.amount = gpus + cost.price_per_replica_hour + cost.storage_per_replica_hour +
                    cost.network_per_replica_hour,
          .currency = cost.currency};
}

CostReport report_cost(const model::Cost& cost, GpuCount gpus_per_replica,
                       const std::optional<ReplicaCapacity>& capacity,
                       const std::optional<Measurement>& measurement, Replicas current,
                       Replicas desired) {
  CostReport report;
  report.per_replica = replica_cost(cost, gpus_per_replica);
  report.current = report.per_replica * current.value();
  report.desired = report.per_replica * desired.value();
  if (capacity) {
    report.prompt_at_capacity = price_of(report.per_replica, capacity->prompt);
    report.generation_at_capacity = price_of(report.per_replica, capacity->generation);
  }
  if (measurement) {
    report.observed = price_of(report.current, measurement->prompt + measurement->generation);
    report.observed_generation = price_of(report.current, measurement->generation);
  }
  return report;
}

}  // namespace tokenscaler::scaling
