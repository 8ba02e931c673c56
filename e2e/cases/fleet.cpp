#include "cases/fleet.h"

#include <utility>

namespace tokenscaler::e2e {

model::TokenScalerSpec typical_spec() {
  model::TokenScalerSpec spec;
  spec.scale_target_ref.name = "llm";
  spec.min_replicas = Replicas(1);
  spec.max_replicas = Replicas(20);
  spec.gpus_per_replica = GpuCount(1);
  spec.metrics.window = std::chrono::seconds(15);
  spec.capacity.tokens_per_second_per_gpu = model::TokensPerSecondPerGpu{
      .prompt = TokensPerSecond(2000), .generation = TokensPerSecond(500)};
  spec.demand.buffer_factor = Decimal::from_nanos(1'200'000'000);
  spec.behavior.scale_down.stabilization_window = std::chrono::seconds(0);
  spec.behavior.scale_down.tolerance = Decimal::from_nanos(0);
  spec.behavior.scale_up.tolerance = Decimal::from_nanos(0);
  return spec;
}

scaling::PodState ready_pod(std::string name, WallTime since) {
  return {
      .name = std::move(name), .phase = scaling::PodPhase::Ready, .since = since, .surplus = false};
}

}  // namespace tokenscaler::e2e
