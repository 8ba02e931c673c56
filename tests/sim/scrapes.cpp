#include "sim/scrapes.h"

#include <algorithm>

namespace tokenscaler::sim {

using scaling::Reading;
using scaling::ReadingState;

namespace {

Reading fresh(double value, double age) {
  return {.state = ReadingState::Fresh, .value = value, .age = Seconds(age)};
}

Reading unknown(ReadingState state, double age) {
  return {.state = state, .value = 0.0, .age = Seconds(age)};
}

}  // namespace

void Scrapes::add(double at, const EngineMetrics& metrics) {
  scrapes_.push_back({at, metrics});
  while (!scrapes_.empty() && scrapes_.front().at < at - 600.0) scrapes_.pop_front();
}

std::vector<const Scrapes::Scrape*> Scrapes::in_window(double now, bool counters) const {
  std::vector<const Scrape*> result;
  for (const Scrape& scrape : scrapes_) {
    if (scrape.at > now - kWindow && (!counters || scrape.metrics.counters_born)) {
      result.push_back(&scrape);
    }
  }
  return result;
}

/// rate() of PromQL: increase with resets, extrapolated towards the ends of the window by at most
/// 1.1 mean intervals beyond the samples, and not below zero at its start.
Reading Scrapes::rate(Member counter, double now) const {
  if (scrapes_.empty()) return unknown(ReadingState::Missing, 0.0);
  const double age = now - scrapes_.back().at;
  if (age > kFreshFor) return unknown(ReadingState::Stale, age);
  if (!scrapes_.back().metrics.counters_born) return unknown(ReadingState::NotYetBorn, age);
  const auto samples = in_window(now, true);
  if (samples.size() < 2) return unknown(ReadingState::TooYoung, age);
  double increase = 0.0;
  for (std::size_t i = 1; i < samples.size(); ++i) {
    const double before = samples[i - 1]->metrics.*counter;
    const double after = samples[i]->metrics.*counter;
    increase += after >= before ? after - before : after;
  }
  const double sampled = samples.back()->at - samples.front()->at;
  const double interval = sampled / static_cast<double>(samples.size() - 1);
  double at_start = samples.front()->at - (now - kWindow);
  const double at_end = now - samples.back()->at;
  const double first = samples.front()->metrics.*counter;
  if (increase > 0.0) at_start = std::min(at_start, sampled * first / increase);
  double covered = sampled;
  covered += at_start < interval * 1.1 ? at_start : interval / 2.0;
  covered += at_end < interval * 1.1 ? at_end : interval / 2.0;
  return fresh(increase * covered / sampled / kWindow, age);
}

Reading Scrapes::in_flight_change(double now) const {
  if (scrapes_.empty()) return unknown(ReadingState::Missing, 0.0);
  const double age = now - scrapes_.back().at;
  if (age > kFreshFor) return unknown(ReadingState::Stale, age);
  const auto samples = in_window(now, false);
  if (samples.size() < 2) return unknown(ReadingState::TooYoung, age);
  const auto in_flight = [](const Scrape* s) { return s->metrics.running + s->metrics.waiting; };
  const double change = in_flight(samples.back()) - in_flight(samples.front());
  return fresh(change / (samples.back()->at - samples.front()->at), age);
}

Reading Scrapes::gauge(Member member, double now) const {
  if (scrapes_.empty()) return unknown(ReadingState::Missing, 0.0);
  const double age = now - scrapes_.back().at;
  if (age > kFreshFor) return unknown(ReadingState::Stale, age);
  return fresh(scrapes_.back().metrics.*member, age);
}

Reading Scrapes::mean(Member sum, double now) const {
  const Reading requests = rate(&EngineMetrics::finished_requests, now);
  const Reading total = rate(sum, now);
  if (requests.state != ReadingState::Fresh || requests.value <= 0.0) {
    return unknown(ReadingState::Missing, 0.0);
  }
  return fresh(total.value / requests.value, total.age.count());
}

scaling::PodSignals Scrapes::read(const std::string& pod, double now) const {
  scaling::PodSignals result;
  result.pod = pod;
  result.prompt_tokens_per_second = rate(&EngineMetrics::prompt_tokens, now);
  result.generation_tokens_per_second = rate(&EngineMetrics::generation_tokens, now);
  result.finished_requests_per_second = rate(&EngineMetrics::finished_requests, now);
  result.running_requests = gauge(&EngineMetrics::running, now);
  result.waiting_requests = gauge(&EngineMetrics::waiting, now);
  result.in_flight_change_per_second = in_flight_change(now);
  result.kv_cache_usage = gauge(&EngineMetrics::kv_cache_usage, now);
  result.mean_prompt_tokens = mean(&EngineMetrics::finished_prompt_tokens, now);
  result.mean_generation_tokens = mean(&EngineMetrics::finished_generation_tokens, now);
  result.mean_time_to_first_token_seconds = mean(&EngineMetrics::time_to_first_token_seconds, now);
  return result;
}

}  // namespace tokenscaler::sim
