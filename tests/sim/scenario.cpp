#include "sim/scenario.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include <fmt/format.h>

#include "sim/azure_conversation.h"
#include "sim/scrapes.h"

namespace tokenscaler::sim {

namespace {

std::optional<Interval> maybe(Random& random, double probability, double longest) {
  if (!random.chance(probability)) return std::nullopt;
  const double begin = random.real(0.0, kHealthyFrom - longest);
  return Interval{begin, begin + random.real(15.0, longest)};
}

model::TokenScalerSpec draw_spec(Random& random, const EngineSpeed& speed) {
  model::TokenScalerSpec spec;
  spec.scale_target_ref.name = "simulated";
  spec.min_replicas = Replicas(static_cast<std::int32_t>(random.integer(1, 2)));
  spec.max_replicas = Replicas(40);
  // What keeps latency good is a share of what the engine can do at most.
  const double share = random.real(0.6, 0.9);
  spec.capacity.tokens_per_second_per_gpu = model::TokensPerSecondPerGpu{
      .prompt = TokensPerSecond(speed.prefill_tokens_per_second * share),
      .generation = TokensPerSecond(speed.decode_tokens_per_second * share)};
  spec.behavior.scale_down.stabilization_window = std::chrono::seconds(random.integer(60, 300));
  if (random.chance(0.3)) spec.signals.time_to_first_token = std::chrono::milliseconds(4000);
  if (random.chance(0.3)) spec.signals.waiting_requests_per_replica = 10;
  return spec;
}

}  // namespace

Scenario draw_scenario(std::uint64_t seed) {
  Random random(seed);
  Scenario s;
  s.seed = seed;
  constexpr Pattern kPatterns[] = {Pattern::Constant, Pattern::Step, Pattern::Ramp,
                                   Pattern::Burst,    Pattern::Sine, Pattern::Trace};
  s.pattern = random.pick(kPatterns);
  s.before = random.chance(0.5) ? random.real(0.0, 1.0) : random.real(1.0, 3.0);
  s.mean_prompt_tokens = random.real(100.0, 3000.0);
  s.mean_generation_tokens = random.real(20.0, 400.0);
  s.spec = draw_spec(random, s.speed);
  const double one_replica = std::min(s.speed.prefill_tokens_per_second / s.mean_prompt_tokens,
                                      s.speed.decode_tokens_per_second / s.mean_generation_tokens);
  s.requests_per_second = one_replica * random.real(0.1, 4.0);
  s.counts_at_finish = random.chance(0.2);
  s.cold_start = random.real(20.0, 240.0);
  s.cold_start_known = random.chance(0.8);
  s.replicas_at_start = static_cast<int>(random.integer(s.spec.min_replicas.value(), 8));
  if (random.chance(0.3)) s.clock_skew = random.real(-20.0, 20.0);
  if (random.chance(0.3)) s.lost_scrapes = random.real(0.0, 0.1);
  s.prometheus_down = maybe(random, 0.2, 300.0);
  s.partial_answers = maybe(random, 0.1, 300.0);
  s.pod_silent = maybe(random, 0.2, 300.0);
  s.pod_nan = maybe(random, 0.2, 300.0);
  s.rollout = maybe(random, 0.2, 300.0);
  s.crash_loop = maybe(random, 0.15, 400.0);
  s.full_cluster = maybe(random, 0.15, 400.0);
  s.room = static_cast<int>(random.integer(1, 4));
  if (random.chance(0.2)) s.engine_restart_at = random.real(0.0, kHealthyFrom);
  return s;
}

double Scenario::rate(double t) const {
  if (t >= kSilentFrom) return 0.0;
  if (t >= kSteadyFrom) return requests_per_second;
  const double part = t / kSteadyFrom;
  double factor = 1.0;
  switch (pattern) {
    case Pattern::Constant:
      break;
    case Pattern::Step:
      factor = part < 0.5 ? before : 1.0;
      break;
    case Pattern::Ramp:
      factor = before + (1.0 - before) * part;
      break;
    case Pattern::Burst:
      factor = part > 0.4 && part < 0.5 ? 1.0 + 2.0 * before : 1.0;
      break;
    case Pattern::Sine:
      factor = 1.0 + 0.5 * std::sin(part * 4.0 * std::numbers::pi);
      break;
    case Pattern::Trace:
      factor = kAzureConversationShares[static_cast<std::size_t>(t / 10.0) %
                                        kAzureConversationShares.size()];
      break;
  }
  return requests_per_second * factor;
}

double Scenario::needed() const {
  const auto& capacity = *spec.capacity.tokens_per_second_per_gpu;
  const double prompt = requests_per_second * mean_prompt_tokens / capacity.prompt.value();
  const double generation =
      requests_per_second * mean_generation_tokens / capacity.generation.value();
  return std::max(prompt, generation) * spec.demand.buffer_factor.to_double();
}

double Scenario::noise() const {
  return std::sqrt(2.0 / (requests_per_second * kWindow));
}

std::string Scenario::describe() const {
  std::string text = fmt::format(
      "TOKENSCALER_SIM_SEED={}: pattern {}, {:.2f} requests/s of {:.0f} + {:.0f} tokens, needs "
      "{:.2f} "
      "replicas, starts with {}, cold start {:.0f} s{}, scale-down window {} s",
      seed, static_cast<int>(pattern), requests_per_second, mean_prompt_tokens,
      mean_generation_tokens, needed(), replicas_at_start, cold_start,
      cold_start_known ? "" : " (unknown)", spec.behavior.scale_down.stabilization_window.count());
  const std::pair<const char*, const std::optional<Interval>*> faults[] = {
      {"Prometheus down", &prometheus_down},
      {"partial answers", &partial_answers},
      {"pod silent", &pod_silent},
      {"pod NaN", &pod_nan},
      {"rollout", &rollout},
      {"crash loop", &crash_loop},
      {"cluster full", &full_cluster}};
  for (const auto& [name, fault] : faults) {
    if (*fault) text += fmt::format(", {} {:.0f}..{:.0f}", name, (*fault)->begin, (*fault)->end);
  }
  if (counts_at_finish) text += ", counts at finish";
  if (lost_scrapes > 0.0) text += fmt::format(", {:.0f} % of scrapes lost", lost_scrapes * 100.0);
  if (engine_restart_at) text += fmt::format(", engine restarts at {:.0f}", *engine_restart_at);
  return text;
}

}  // namespace tokenscaler::sim
