#include "scaling/measure.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace tokenscaler::scaling {

namespace {

constexpr double kMaxKvCacheUsage = 1.0;

bool plausible(double value) {
  return std::isfinite(value) && std::abs(value) <= kMaxPlausibleValue;
}

std::optional<Seconds> plausible_time(Seconds time) {
  if (!(time > Seconds(0) && time <= kLongestPlausibleTime)) return std::nullopt;
  return time;
}

/// A reading's value if it may be used and can be true.
std::optional<double> usable(const Reading& reading) {
  if (!reading.known() || !plausible(reading.value)) return std::nullopt;
  return reading.value;
}

/// As usable, for what cannot be negative.
std::optional<double> usable_amount(const Reading& reading) {
  const auto value = usable(reading);
  if (value && *value < 0.0) return std::nullopt;
  return value;
}

double amount_or_zero(const Reading& reading) {
  return usable_amount(reading).value_or(0.0);
}

/// Signals of each pod of the target that has any.
using SignalsByPod = std::map<std::string_view, const PodSignals*>;

SignalsByPod signals_of_own_pods(const Observation& observation, const TargetState& target) {
  SignalsByPod all;
  for (const PodSignals& pod : observation.pods) all.emplace(pod.pod, &pod);
  SignalsByPod own;
  for (const PodState& pod : target.pods) {
    if (const auto found = all.find(pod.name); found != all.end()) own.insert(*found);
  }
  return own;
}

/// Which readings at least one pod of the target has. A reading that no pod has is a matter of the
/// engine; one that some pods lack is a matter of those pods.
struct FleetSignals {
  bool running = false;
  bool waiting = false;
  bool in_flight_change = false;
  bool finished = false;
  bool kv_cache = false;
};

FleetSignals fleet_signals(const SignalsByPod& pods) {
  FleetSignals fleet;
  for (const auto& [name, pod] : pods) {
    if (usable_amount(pod->running_requests)) fleet.running = true;
    if (usable_amount(pod->waiting_requests)) fleet.waiting = true;
    if (usable(pod->in_flight_change_per_second)) fleet.in_flight_change = true;
    if (usable_amount(pod->finished_requests_per_second)) fleet.finished = true;
    if (usable_amount(pod->kv_cache_usage)) fleet.kv_cache = true;
  }
  return fleet;
}

/// The first reading that keeps a pod from being measured: its name and itself.
struct Obstacle {
  std::string_view name;
  const Reading* reading;
};

std::optional<Obstacle> obstacle(const PodSignals& pod, const FleetSignals& fleet) {
  const std::array<std::pair<bool, Obstacle>, 7> needed{{
      {true, {"prompt tokens/s", &pod.prompt_tokens_per_second}},
      {true, {"generation tokens/s", &pod.generation_tokens_per_second}},
      {fleet.finished, {"finished requests/s", &pod.finished_requests_per_second}},
      {fleet.running, {"running requests", &pod.running_requests}},
      {fleet.waiting, {"waiting requests", &pod.waiting_requests}},
      {fleet.in_flight_change, {"change of requests in flight", &pod.in_flight_change_per_second}},
      {fleet.kv_cache, {"KV-cache use", &pod.kv_cache_usage}},
  }};
  for (const auto& [is_needed, candidate] : needed) {
    if (!is_needed) continue;
    const bool may_be_negative = candidate.reading == &pod.in_flight_change_per_second;
    const auto value =
        may_be_negative ? usable(*candidate.reading) : usable_amount(*candidate.reading);
    if (!value) return candidate;
  }
  return std::nullopt;
}

std::string describe(const Obstacle& why) {
  const Reading& reading = *why.reading;
  if (reading.known()) return fmt::format("{} reads {}, which cannot be", why.name, reading.value);
  if (reading.age > Seconds(0)) {
    return fmt::format("{} is {} ({:.0f} s old)", why.name, to_string(reading.state),
                       reading.age.count());
  }
  return fmt::format("{} is {}", why.name, to_string(reading.state));
}

std::string describe_dark(const std::string& pod, const std::optional<Obstacle>& why) {
  return fmt::format("{}: {}", pod, why ? describe(*why) : "no series at all");
}

/// Means weighted by finished requests.
class WeightedMean {
 public:
  void add(const Reading& reading, double weight) {
    const auto value = usable_amount(reading);
    if (!value || weight <= 0.0) return;
    sum_ += *value * weight;
    weight_ += weight;
  }
  [[nodiscard]] std::optional<double> mean() const {
    if (weight_ <= 0.0) return std::nullopt;
    return sum_ / weight_;
  }

 private:
  double sum_ = 0.0;
  double weight_ = 0.0;
};

/// Adds pods up.
class Sum {
 public:
  explicit Sum(Measurement& into) : into_(into) {}

  void add_traffic(const PodSignals& pod) {
    const double prompt = amount_or_zero(pod.prompt_tokens_per_second);
    const double cached = std::min(amount_or_zero(pod.cached_prompt_tokens_per_second), prompt);
    const double finished = amount_or_zero(pod.finished_requests_per_second);
    into_.prompt += TokensPerSecond(prompt);
    into_.cached_prompt += TokensPerSecond(cached);
    into_.uncached_prompt += TokensPerSecond(prompt - cached);
    into_.generation += TokensPerSecond(amount_or_zero(pod.generation_tokens_per_second));
    into_.finished += RequestsPerSecond(finished);
    into_.in_flight_change +=
        RequestsPerSecond(usable(pod.in_flight_change_per_second).value_or(0.0));
    into_.running += Requests(amount_or_zero(pod.running_requests));
    into_.waiting += Requests(amount_or_zero(pod.waiting_requests));
    prompt_length_.add(pod.mean_prompt_tokens, finished);
    generation_length_.add(pod.mean_generation_tokens, finished);
    first_token_.add(pod.mean_time_to_first_token_seconds, finished);
    output_token_.add(pod.mean_time_per_output_token_seconds, finished);
  }

  void add_kv_cache(const PodSignals& pod) {
    if (const auto usage = usable_amount(pod.kv_cache_usage)) {
      into_.kv_cache_usage_sum =
          into_.kv_cache_usage_sum.value_or(0.0) + std::min(*usage, kMaxKvCacheUsage);
    }
  }

  void finish() {
    if (const auto mean = prompt_length_.mean()) into_.mean_prompt = Tokens(*mean);
    if (const auto mean = generation_length_.mean()) into_.mean_generation = Tokens(*mean);
    // Engines without length histograms: tokens and finished requests of the same window.
    if (!into_.mean_prompt) into_.mean_prompt = tokens_per_request(into_.prompt);
    if (!into_.mean_generation) into_.mean_generation = tokens_per_request(into_.generation);
    if (const auto mean = first_token_.mean()) into_.mean_time_to_first_token = Seconds(*mean);
    if (const auto mean = output_token_.mean()) into_.mean_time_per_output_token = Seconds(*mean);
  }

 private:
  [[nodiscard]] std::optional<Tokens> tokens_per_request(TokensPerSecond rate) const {
    const double mean = rate.value() / into_.finished.value();
    if (!plausible(mean)) return std::nullopt;
    return Tokens(mean);
  }

  Measurement& into_;
  WeightedMean prompt_length_;
  WeightedMean generation_length_;
  WeightedMean first_token_;
  WeightedMean output_token_;
};

bool is_gateway(model::Engine engine) {
  return engine == model::Engine::LiteLlm || engine == model::Engine::EnvoyAiGateway ||
         engine == model::Engine::InferenceExtension;
}

/// A figure that the gateway has and that cannot be used. One that it does not have is its nature.
std::optional<std::string> gateway_trouble(const GatewaySignals& gateway) {
  const std::array<Obstacle, 4> figures{{
      {"prompt tokens/s", &gateway.prompt_tokens_per_second},
      {"generation tokens/s", &gateway.generation_tokens_per_second},
      {"finished requests/s", &gateway.finished_requests_per_second},
      {"queued requests", &gateway.queued_requests},
  }};
  for (const Obstacle& figure : figures) {
    if (figure.reading->state == ReadingState::Missing || usable_amount(*figure.reading)) continue;
    return describe(figure);
  }
  return std::nullopt;
}

void add_gateway(const GatewaySignals& gateway, Measurement& into) {
  const auto prompt = usable_amount(gateway.prompt_tokens_per_second);
  const auto generation = usable_amount(gateway.generation_tokens_per_second);
  const auto queued = usable_amount(gateway.queued_requests);
  into.gateway_trouble = gateway_trouble(gateway);
  into.gateway_known = prompt.has_value() && generation.has_value();
  if (into.gateway_known) {
    into.gateway_prompt = TokensPerSecond(*prompt);
    into.gateway_cached_prompt =
        TokensPerSecond(std::min(amount_or_zero(gateway.cached_prompt_tokens_per_second), *prompt));
    into.gateway_cached_known = gateway.cached_prompt_tokens_per_second.known();
    into.gateway_generation = TokensPerSecond(*generation);
  }
  if (queued) into.gateway_queued = Requests(*queued);
}

/// The gateway's figures as the fleet's own, since nothing else is read.
void take_gateway_as_fleet(const GatewaySignals& gateway, Measurement& into) {
  into.prompt = into.gateway_prompt;
  into.cached_prompt = into.gateway_cached_prompt;
  into.uncached_prompt = into.gateway_prompt - into.gateway_cached_prompt;
  into.generation = into.gateway_generation;
  into.finished_known = usable_amount(gateway.finished_requests_per_second).has_value();
  into.finished = RequestsPerSecond(amount_or_zero(gateway.finished_requests_per_second));
}

Seconds age_of(const PodState& pod, WallTime now) {
  return std::chrono::duration_cast<Seconds>(now - pod.since);
}

void count_not_ready(const PodState& pod, const TargetState& target, WallTime now,
                     ReplicaCounts& counts) {
  switch (pod.phase) {
    case PodPhase::Starting: {
      const Seconds cold_start = plausible_cold_start(target).value_or(kDefaultColdStartP95);
      const bool overdue = age_of(pod, now) > kOverdueColdStarts * cold_start;
      (overdue ? counts.overdue : counts.starting) += Replicas(1);
      break;
    }
    case PodPhase::Unschedulable:
      counts.unschedulable += Replicas(1);
      break;
    case PodPhase::Failing:
      counts.failing += Replicas(1);
      break;
    case PodPhase::Terminating:
      counts.terminating += Replicas(1);
      break;
    case PodPhase::Ready:
      break;
  }
}

}  // namespace

std::optional<Seconds> plausible_cold_start(const TargetState& target) {
  if (!target.cold_start_p95) return std::nullopt;
  return plausible_time(*target.cold_start_p95);
}

Measurement measure(const Observation& observation, const TargetState& target, WallTime now,
                    const model::Metrics& metrics) {
  Measurement result;
  result.at = observation.evaluated_at;
  result.window = plausible_time(observation.effective_window).value_or(Seconds(metrics.window));
  const SignalsByPod own = signals_of_own_pods(observation, target);
  const FleetSignals fleet = fleet_signals(own);
  result.in_flight_known = fleet.running && fleet.waiting;
  result.finished_known = fleet.finished;
  result.gateway_only = is_gateway(metrics.engine);
  result.in_flight_expected = !result.gateway_only && metrics.engine != model::Engine::Custom &&
                              observation.engine != model::Engine::Custom;
  // A rate needs a whole window, and the first two scrapes come after readiness.
  const Seconds warm_up =
      result.window + 2.0 * plausible_time(observation.scrape_interval).value_or(Seconds(0));

  Sum sum(result);
  for (const PodState& pod : target.pods) {
    const auto found = own.find(pod.name);
    const PodSignals* signals = found == own.end() ? nullptr : found->second;
    // Whatever its state, the traffic that a pod is known to have is load on the fleet.
    const auto why_unknown =
        signals == nullptr ? std::optional<Obstacle>() : obstacle(*signals, fleet);
    const bool known = signals != nullptr && !why_unknown;
    if (known && !result.gateway_only) sum.add_traffic(*signals);
    if (pod.surplus) continue;
    if (pod.phase != PodPhase::Ready) {
      count_not_ready(pod, target, now, result.replicas);
      continue;
    }
    if (signals != nullptr && signals->asleep) {
      result.replicas.asleep += Replicas(1);
      continue;
    }
    if (known && !result.gateway_only) {
      result.known += Replicas(1);
      sum.add_kv_cache(*signals);
    }
    if (age_of(pod, now) < warm_up) {
      result.replicas.warming += Replicas(1);
    } else if (known || result.gateway_only) {
      result.replicas.measured += Replicas(1);
    } else {
      result.replicas.dark += Replicas(1);
      if (result.dark_details.size() < kMaxDarkDetails) {
        result.dark_details.push_back(describe_dark(pod.name, why_unknown));
      }
    }
  }
  result.foreign_pods = observation.pods.size() - own.size();
  if (observation.gateway) {
    add_gateway(*observation.gateway, result);
    if (result.gateway_only) take_gateway_as_fleet(*observation.gateway, result);
  }
  sum.finish();
  return result;
}

ReplicaCounts count_without_observation(const TargetState& target, WallTime now) {
  ReplicaCounts counts;
  for (const PodState& pod : target.pods) {
    if (pod.surplus) continue;
    if (pod.phase == PodPhase::Ready) {
      counts.dark += Replicas(1);
    } else {
      count_not_ready(pod, target, now, counts);
    }
  }
  return counts;
}

}  // namespace tokenscaler::scaling
