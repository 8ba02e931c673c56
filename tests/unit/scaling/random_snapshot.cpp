#include "unit/scaling/random_snapshot.h"

#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "unit/scaling/fleet_builder.h"

namespace tokenscaler::scaling::testing {

namespace {

constexpr ReadingState kStates[] = {ReadingState::Fresh,    ReadingState::NotYetBorn,
                                    ReadingState::TooYoung, ReadingState::Missing,
                                    ReadingState::Stale,    ReadingState::NotANumber};
constexpr PodPhase kPhases[] = {PodPhase::Ready, PodPhase::Starting, PodPhase::Unschedulable,
                                PodPhase::Failing, PodPhase::Terminating};
constexpr double kAbsurd[] = {0.0,
                              -0.0,
                              -1.0,
                              -1e300,
                              1e300,
                              1e12,
                              1e12 + 1,
                              1e-300,
                              std::numeric_limits<double>::quiet_NaN(),
                              std::numeric_limits<double>::infinity(),
                              -std::numeric_limits<double>::infinity(),
                              std::numeric_limits<double>::denorm_min(),
                              std::numeric_limits<double>::max()};
constexpr std::int32_t kMost = std::numeric_limits<std::int32_t>::max();

void spoil(Random& random, Inputs inputs, Reading& reading) {
  if (inputs == Inputs::Sound) return;
  if (random.chance(0.03)) {
    reading.state = random.pick(kStates);
    reading.age = Seconds(random.real(0.0, 600.0));
    if (reading.state == ReadingState::NotYetBorn) reading.value = 0.0;
  }
  if (inputs == Inputs::Adversarial && random.chance(0.05)) reading.value = random.pick(kAbsurd);
}

PodSignals random_pod(Random& random, Inputs inputs, double busyness, std::string name) {
  PodSignals pod;
  pod.pod = std::move(name);
  const double requests = random.chance(0.1) ? 0.0 : random.real(0.0, 5.0) * busyness;
  const double prompt = random.real(10.0, 4000.0);
  const double generation = random.real(1.0, 1000.0);
  pod.prompt_tokens_per_second = fresh(requests * prompt);
  pod.cached_prompt_tokens_per_second = fresh(requests * prompt * random.real(0.0, 1.0));
  pod.generation_tokens_per_second = fresh(requests * generation);
  pod.finished_requests_per_second = fresh(requests);
  pod.running_requests = fresh(std::floor(requests * random.real(0.0, 20.0)));
  pod.waiting_requests =
      fresh(random.chance(0.6) ? 0.0 : std::floor(random.real(0.0, 50.0) * busyness));
  pod.in_flight_change_per_second = fresh(random.real(-1.0, 1.0) * requests);
  pod.kv_cache_usage = fresh(random.real(0.0, 1.0));
  pod.mean_prompt_tokens = fresh(prompt);
  pod.mean_generation_tokens = fresh(generation);
  pod.mean_time_to_first_token_seconds = fresh(random.real(0.05, 5.0));
  pod.mean_time_per_output_token_seconds = fresh(random.real(0.005, 0.2));
  for (Reading PodSignals::*member :
       {&PodSignals::prompt_tokens_per_second, &PodSignals::cached_prompt_tokens_per_second,
        &PodSignals::generation_tokens_per_second, &PodSignals::finished_requests_per_second,
        &PodSignals::running_requests, &PodSignals::waiting_requests,
        &PodSignals::in_flight_change_per_second, &PodSignals::kv_cache_usage,
        &PodSignals::mean_prompt_tokens, &PodSignals::mean_generation_tokens,
        &PodSignals::mean_time_to_first_token_seconds,
        &PodSignals::mean_time_per_output_token_seconds}) {
    spoil(random, inputs, pod.*member);
  }
  pod.asleep = inputs != Inputs::Sound && random.chance(0.02);
  return pod;
}

model::ScalingRules random_rules(Random& random) {
  model::ScalingRules rules;
  rules.stabilization_window = seconds(random.chance(0.4) ? 0 : random.integer(0, 3600));
  rules.tolerance = Decimal::from_nanos(random.integer(0, 200'000'000));
  constexpr model::SelectPolicy kSelect[] = {model::SelectPolicy::Max, model::SelectPolicy::Max,
                                             model::SelectPolicy::Min,
                                             model::SelectPolicy::Disabled};
  rules.select_policy = random.pick(kSelect);
  for (std::int64_t i = random.integer(0, 3); i > 0; --i) {
    rules.policies.push_back({.type = random.chance(0.5) ? model::ScalingPolicyType::Pods
                                                         : model::ScalingPolicyType::Percent,
                              .value = static_cast<std::int32_t>(random.integer(1, 200)),
                              .period = seconds(random.integer(1, 1800))});
  }
  return rules;
}

model::TokenScalerSpec random_spec(Random& random, Inputs inputs) {
  model::TokenScalerSpec spec = basic_spec();
  spec.min_replicas = Replicas(static_cast<std::int32_t>(random.integer(1, 5)));
  spec.max_replicas =
      spec.min_replicas + Replicas(static_cast<std::int32_t>(random.integer(0, 40)));
  spec.demand.buffer_factor = Decimal::from_nanos(random.integer(1'000'000'000, 3'000'000'000));
  spec.demand.queue_drain = seconds(random.integer(1, 120));
  spec.behavior = {.scale_up = random_rules(random), .scale_down = random_rules(random)};
  model::Signals& signals = spec.signals;
  if (random.chance(0.3)) signals.kv_cache_usage_percent.reset();
  if (random.chance(0.3)) {
    signals.requests_in_flight_per_replica = static_cast<std::int32_t>(random.integer(1, 200));
  }
  if (random.chance(0.3)) {
    signals.waiting_requests_per_replica = static_cast<std::int32_t>(random.integer(1, 50));
  }
  if (random.chance(0.3)) {
    signals.time_to_first_token = std::chrono::milliseconds(random.integer(50, 5000));
  }
  if (random.chance(0.3)) {
    signals.time_per_output_token = std::chrono::milliseconds(random.integer(5, 200));
  }
  spec.cost = model::Cost{};
  spec.cost->price_per_gpu_hour = Decimal::from_nanos(random.integer(0, 10'000'000'000));
  if (inputs == Inputs::Sound) return spec;
  if (random.chance(0.1)) spec.capacity.tokens_per_second_per_gpu.reset();
  spec.paused = random.chance(0.1);
  constexpr model::Mode kModes[] = {model::Mode::Scale, model::Mode::Hpa, model::Mode::Recommend};
  spec.mode = random.pick(kModes);
  if (random.chance(0.05)) spec.metrics.engine = model::Engine::LiteLlm;
  if (random.chance(0.3)) {
    spec.metrics_unavailable.policy = model::MetricsUnavailablePolicy::AtLeast;
    spec.metrics_unavailable.replicas = Replicas(static_cast<std::int32_t>(
        random.integer(spec.min_replicas.value(), spec.max_replicas.value())));
    spec.metrics_unavailable.grace_period = seconds(random.chance(0.5) ? 0 : 300);
  }
  if (inputs == Inputs::Adversarial && random.chance(0.05)) {
    spec.cost->price_per_gpu_hour = Decimal::from_integer(1'000'000'000);
  }
  return spec;
}

GatewaySignals random_gateway(Random& random, Inputs inputs) {
  GatewaySignals gateway{.prompt_tokens_per_second = fresh(random.real(0.0, 20'000.0)),
                         .cached_prompt_tokens_per_second = fresh(random.real(0.0, 5000.0)),
                         .generation_tokens_per_second = fresh(random.real(0.0, 2000.0)),
                         .finished_requests_per_second = fresh(random.real(0.0, 20.0)),
                         .queued_requests = fresh(std::floor(random.real(0.0, 30.0)))};
  for (Reading* reading :
       {&gateway.prompt_tokens_per_second, &gateway.cached_prompt_tokens_per_second,
        &gateway.generation_tokens_per_second, &gateway.finished_requests_per_second,
        &gateway.queued_requests}) {
    spoil(random, inputs, *reading);
  }
  return gateway;
}

WallTime random_past(Random& random, Inputs inputs, std::int64_t most_seconds) {
  if (inputs == Inputs::Adversarial && random.chance(0.1)) {
    return ago(-random.integer(1, 86'400));  // A stamp of the future: the clock stepped back.
  }
  return ago(random.integer(0, most_seconds));
}

}  // namespace

Snapshot random_snapshot(Random& random, Inputs inputs) {
  Snapshot snapshot = basic_snapshot(0);
  snapshot.spec = random_spec(random, inputs);
  Observation& observation = *snapshot.observation;
  TargetState& target = snapshot.target;
  target.gpus_per_replica = GpuCount(static_cast<std::int32_t>(random.integer(1, 8)));
  if (random.chance(0.7)) target.cold_start_p95 = Seconds(random.real(5.0, 900.0));
  // Many fleets are far larger than their load, some far smaller.
  const double busyness = std::pow(random.real(0.0, 1.0), 3.0);
  const auto pods = static_cast<int>(random.integer(inputs == Inputs::Sound ? 1 : 0, 10));
  for (int i = 0; i < pods; ++i) {
    target.pods.push_back(ready_pod(pod_name(i), random.integer(200, 100'000)));
    observation.pods.push_back(random_pod(random, inputs, busyness, pod_name(i)));
    if (inputs == Inputs::Sound) continue;
    PodState& pod = target.pods.back();
    if (random.chance(0.25)) pod.phase = random.pick(kPhases);
    if (random.chance(0.3)) pod.since = random_past(random, inputs, 2000);
    pod.surplus = random.chance(0.05);
    if (random.chance(0.05)) observation.pods.pop_back();
  }
  target.spec_replicas = Replicas(pods);
  if (inputs == Inputs::Sound) return snapshot;
  if (random.chance(0.3)) {
    target.spec_replicas = Replicas(static_cast<std::int32_t>(random.integer(0, 60)));
  }
  target.rolling_out = random.chance(0.1);
  target.refused_by_quota = random.chance(0.1);
  if (random.chance(0.3)) observation.gateway = random_gateway(random, inputs);
  if (random.chance(0.1))
    observation.pods.push_back(random_pod(random, inputs, busyness, "zz-foreign"));
  observation.partial = random.chance(0.1);
  if (inputs == Inputs::Adversarial) {
    if (random.chance(0.05)) target.spec_replicas = Replicas(kMost);
    if (random.chance(0.05)) target.gpus_per_replica = GpuCount(kMost);
    if (random.chance(0.05)) observation.effective_window = Seconds(0.0);
    if (random.chance(0.05)) observation.evaluated_at = ago(random.integer(-86'400, 86'400));
    if (random.chance(0.05)) target.cold_start_p95 = Seconds(random.pick(kAbsurd));
    if (random.chance(0.05)) observation.effective_window = Seconds(random.pick(kAbsurd));
    if (random.chance(0.05)) observation.scrape_interval = Seconds(random.pick(kAbsurd));
  }
  if (random.chance(0.05)) {
    snapshot.observation = make_error(ErrorCode::Unavailable, "prometheus cannot be reached");
  }
  return snapshot;
}

History random_history(Random& random, Inputs inputs) {
  History history;
  if (random.chance(0.1)) return history;
  for (std::int64_t age = random.integer(0, 4000); age > 0; age -= random.integer(1, 120)) {
    remember_recommendation(history, ago(age),
                            Replicas(static_cast<std::int32_t>(random.integer(0, 30))));
    if (random.chance(0.05)) {
      remember_rescale(history, ago(age), Replicas(5),
                       Replicas(static_cast<std::int32_t>(random.integer(1, 20))));
    }
  }
  if (random.chance(0.5)) {
    history.shape = RequestShape{.mean_prompt = Tokens(random.real(1.0, 8000.0)),
                                 .mean_generation = Tokens(random.real(1.0, 2000.0)),
                                 .uncached_fraction = random.real(0.0, 1.0),
                                 .requests = random.real(0.0, 100.0),
                                 .at = random_past(random, inputs, 10'000)};
  }
  if (inputs == Inputs::Sound) return history;
  if (random.chance(0.2)) history.unavailable_since = random_past(random, inputs, 4000);
  if (random.chance(0.2)) history.last_scale_down_at = random_past(random, inputs, 4000);
  if (inputs == Inputs::Adversarial && random.chance(0.2)) {
    for (RescaleEvent& event : history.rescales) event.at += seconds(86'400);
  }
  return history;
}

std::string describe(const Snapshot& snapshot) {
  const TargetState& target = snapshot.target;
  std::string text = fmt::format(
      "min {} max {} spec.replicas {} cold start {} s{}{}", snapshot.spec.min_replicas.value(),
      snapshot.spec.max_replicas.value(), target.spec_replicas.value(),
      target.cold_start_p95.value_or(Seconds(0)).count(), target.rolling_out ? ", rolling out" : "",
      target.refused_by_quota ? ", refused by quota" : "");
  for (const PodState& pod : target.pods) {
    text += fmt::format("\n  {} {} since {} s{}", pod.name, to_string(pod.phase),
                        std::chrono::floor<seconds>(kNow - pod.since).count(),
                        pod.surplus ? ", surplus" : "");
  }
  if (!snapshot.observation) return text + "\n  " + snapshot.observation.error().to_string();
  for (const PodSignals& pod : snapshot.observation->pods) {
    const auto show = [](const Reading& reading) {
      return reading.known() ? fmt::format("{:g}", reading.value)
                             : std::string(to_string(reading.state));
    };
    text += fmt::format(
        "\n  {}: prompt {} cached {} generation {} finished {} running {} waiting {} "
        "change {} kv {}",
        pod.pod, show(pod.prompt_tokens_per_second), show(pod.cached_prompt_tokens_per_second),
        show(pod.generation_tokens_per_second), show(pod.finished_requests_per_second),
        show(pod.running_requests), show(pod.waiting_requests),
        show(pod.in_flight_change_per_second), show(pod.kv_cache_usage));
  }
  return text;
}

}  // namespace tokenscaler::scaling::testing
