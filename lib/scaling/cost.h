// What replicas cost, for each hour and for each million tokens.
#pragma once

#include <optional>

#include "base/money.h"
#include "model/token_scaler.h"
#include "scaling/measure.h"
#include "scaling/recommend.h"

namespace tokenscaler::scaling {

/// The cost of a fleet. Prices for tokens are hourly cost / (tokens/s x 3600) x 1,000,000.
struct CostReport {
  MoneyPerHour per_replica;
  MoneyPerHour current;  ///< Of the replicas asked for now; Kubernetes bills them while they load.
  MoneyPerHour desired;
  /// One replica at its full capacity, all cost on that kind of token.
  std::optional<MoneyPerMillionTokens> prompt_at_capacity;
  std::optional<MoneyPerMillionTokens> generation_at_capacity;
  /// The current fleet over all tokens served now (prompt, cached ones included, and generation).
  std::optional<MoneyPerMillionTokens> observed;
  /// The current fleet over generated tokens alone.
  std::optional<MoneyPerMillionTokens> observed_generation;

  bool operator==(const CostReport&) const = default;
};

/// GPUs x price + instance + storage + network, for each hour of one replica.
[[nodiscard]] MoneyPerHour replica_cost(const model::Cost& cost, GpuCount gpus_per_replica);

/// `measurement` may be absent: then nothing is observed.
[[nodiscard]] CostReport report_cost(const model::Cost& cost, GpuCount gpus_per_replica,
                                     const std::optional<ReplicaCapacity>& capacity,
                                     const std::optional<Measurement>& measurement,
                                     Replicas current, Replicas desired);

}  // namespace tokenscaler::scaling
