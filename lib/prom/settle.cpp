#include "prom/settle.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace tokenscaler::prom {

namespace {

using scaling::PodSignals;
using scaling::Reading;
using scaling::ReadingState;

bool is_amount(double value) {
  return std::isfinite(value) && value >= 0.0;
}

const Source* source_of(const Preset& preset, Signal signal, std::size_t preference) {
  for (const Source& source : preset.sources) {
    if (source.signal == signal && preference-- == 0) return &source;
  }
  return nullptr;
}

bool has_source(const Preset& preset, Signal signal) {
  return source_of(preset, signal, 0) != nullptr;
}

/// Settles one pod, reading by reading.
class PodSettler {
 public:
  PodSettler(const PodEvidence& evidence, const SettleContext& context)
      : rows_(evidence.rows), context_(context), preset_(*context.preset) {
    if (evidence.heartbeat) {
      // A series that stopped while others of the pod go on is a silent rank, unless every scrape
      // of the pod works: then it is what an earlier container left behind.
      age_ = evidence.scrape == ScrapeState::Working ? evidence.heartbeat->freshest_age
                                                     : evidence.heartbeat->oldest_age;
      alive_ = age_ <= context.freshness;
      stale_ = !alive_;
      began_silent_ = began_silent(evidence.heartbeat->all_sample_ages);
    } else if (evidence.scrape == ScrapeState::Working && evidence.engine_answers &&
               preset_.born_late && evidence.rows.empty()) {
      unborn_ = true;
    }
  }

  [[nodiscard]] Reading gauge(Signal signal, double maximum) const {
    if (stale_) return make(ReadingState::Stale);
    const auto row = rows_.preferred(RowKind::Value, signal);
    if (!row) {
      const bool zero = unborn_ || (alive_ && preset_.born_late);
      return make(zero && has_source(preset_, signal) ? ReadingState::NotYetBorn
                                                      : ReadingState::Missing);
    }
    const double value = scaled(signal, *row);
    if (!is_amount(value) || value > maximum) return make(ReadingState::NotANumber);
    return make(ReadingState::Fresh, value);
  }

  [[nodiscard]] Reading rate(Signal signal) const {
    if (stale_) return make(ReadingState::Stale);
    if (const auto row = rows_.preferred(RowKind::Value, signal)) {
      const double value = scaled(signal, *row);
      if (!is_amount(value)) return make(ReadingState::NotANumber);
      if (!context_.history_covers_window) return make(ReadingState::TooYoung);
      return windowed(value);
    }
    if (rows_.preferred(RowKind::Newborn, signal)) return make(ReadingState::TooYoung);
    return make(reads_zero_unborn(signal) ? ReadingState::NotYetBorn : ReadingState::Missing);
  }

  [[nodiscard]] Reading in_flight_change() const {
    if (stale_) return make(ReadingState::Stale);
    double change = 0.0;
    bool known = false;
    for (const Signal signal : {Signal::RunningRequests, Signal::WaitingRequests}) {
      const auto now = rows_.preferred(RowKind::Value, signal);
      if (!now) continue;
      const auto row = rows_.find(RowKind::Change, signal, now->first);
      if (!row || !context_.history_covers_window) return make(ReadingState::TooYoung);
      if (!std::isfinite(*row)) return make(ReadingState::NotANumber);
      change += *row;
      known = true;
    }
    if (!known) return make(unborn_ ? ReadingState::NotYetBorn : ReadingState::Missing);
    // The requests of an engine that restarted were lost, not served.
    if (rows_.preferred(RowKind::Reset, Signal::GenerationTokens)) change = std::max(change, 0.0);
    return windowed(change / context_.window.count());
  }

  [[nodiscard]] Reading cached(const Reading& prompt) const {
    if (stale_) return make(ReadingState::Stale);
    for (std::size_t preference = 0;; ++preference) {
      const Source* source = source_of(preset_, Signal::CachedPromptTokens, preference);
      if (source == nullptr) break;
      if (source->kind == SourceKind::Zero && prompt.known()) return make(prompt.state, 0.0);
      const auto row = rows_.find(RowKind::Value, Signal::CachedPromptTokens, preference);
      if (!row) continue;
      if (source->kind == SourceKind::CounterRate) {
        if (!is_amount(*row)) return make(ReadingState::NotANumber);
        if (!context_.history_covers_window) return make(ReadingState::TooYoung);
        Reading reading = windowed(*row);
        if (prompt.known()) reading.value = std::min(reading.value, prompt.value);
        return reading;
      }
      if (!prompt.known()) return make(prompt.state);
      // 0/0: no prompt was looked up. Hit counters were inflated in some releases, hence the clamp.
      const double share = std::isnan(*row) ? 0.0 : std::clamp(*row, 0.0, 1.0);
      return make(ReadingState::Fresh, share * prompt.value);
    }
    return make(reads_zero_unborn(Signal::CachedPromptTokens) ? ReadingState::NotYetBorn
                                                              : ReadingState::Missing);
  }

  [[nodiscard]] Reading mean(Signal signal) const {
    if (stale_) return make(ReadingState::Stale);
    const auto row = rows_.preferred(RowKind::Value, signal);
    // 0/0: nothing finished in the window. A later source may still know it.
    if (!row || std::isnan(row->second)) return make(ReadingState::Missing);
    const double value = scaled(signal, *row);
    return is_amount(value) ? make(ReadingState::Fresh, value) : make(ReadingState::NotANumber);
  }

  [[nodiscard]] bool asleep() const {
    const auto row = rows_.preferred(RowKind::Value, Signal::Asleep);
    return !stale_ && row && row->second > 0.0;
  }

 private:
  /// A rate over the window. While scrapes are lost, rate() still divides by the whole window, so
  /// that the rate seems to fall; it is taken to go on as it was. That may only raise it: a decline
  /// is left as it is.
  [[nodiscard]] Reading windowed(double value) const {
    const double window = context_.window.count();
    const double interval = context_.scrape_interval.count();
    const double age = age_.count();
    if (began_silent_) return make(ReadingState::TooYoung);
    if (interval <= 0.0 || age <= kExtrapolatedIntervals * interval) {
      return make(ReadingState::Fresh, value);
    }
    if (window - age < kMinCoveredWindow * window) return make(ReadingState::Stale);
    const double covered = std::min(window, window - age + interval / 2.0);
    return make(ReadingState::Fresh, value > 0.0 ? value * window / covered : value);
  }

  /// Whether a pod that was known before the window was silent at its beginning. A pod that is new
  /// had no traffic there.
  [[nodiscard]] bool began_silent(const std::vector<double>& ages) const {
    const double window = context_.window.count();
    const double interval = context_.scrape_interval.count();
    double first = 0.0;
    double oldest = 0.0;
    for (const double age : ages) {
      oldest = std::max(oldest, age);
      if (age <= window) first = std::max(first, age);
    }
    if (interval <= 0.0 || oldest <= window) return false;
    const double silent = window - first;
    return silent > kExtrapolatedIntervals * interval &&
           silent - interval / 2.0 > kMaxSilentStart * window;
  }

  [[nodiscard]] Reading make(ReadingState state, double value = 0.0) const {
    return {.state = state, .value = value, .age = age_};
  }

  [[nodiscard]] double scaled(Signal signal, const std::pair<std::size_t, double>& row) const {
    const Source* source = source_of(preset_, signal, row.first);
    return source == nullptr ? row.second : row.second * source->scale;
  }

  /// Whether a counter that does not exist proves that nothing was counted.
  [[nodiscard]] bool reads_zero_unborn(Signal signal) const {
    if (!has_source(preset_, signal)) return false;
    if (unborn_) return true;
    if (!alive_) return false;
    const auto running = rows_.preferred(RowKind::Value, Signal::RunningRequests);
    if (!running && preset_.born_late) return true;
    if (running && running->second == 0.0) return true;
    // A busy engine counts prompts first; the rest follows, if this engine has it at all.
    return signal != Signal::PromptTokens &&
           rows_.preferred(RowKind::Value, Signal::PromptTokens).has_value() &&
           context_.known_counters.contains(signal);
  }

  const SignalRows& rows_;
  const SettleContext& context_;
  const Preset& preset_;
  Seconds age_{0};
  bool alive_ = false;
  bool stale_ = false;
  bool began_silent_ = false;
  /// The engine's scrape works, and the engine has not said anything yet: before its first request.
  bool unborn_ = false;
};

constexpr double kNoMaximum = std::numeric_limits<double>::infinity();

/// Sums one signal of a gateway over its rows.
class GatewaySettler {
 public:
  GatewaySettler(const std::vector<SignalRows>& rows, const SettleContext& context, WallTime now)
      : rows_(rows), context_(context), now_(now) {
    for (const SignalRows& one : rows) {
      if (const auto at = newest_of(one)) newest_ = std::max(newest_.value_or(0.0), *at);
    }
  }

  [[nodiscard]] Reading read(Signal signal) const {
    if (!newest_) return {};
    const Seconds age = age_of(*newest_);
    // The gateway answers scrapes at all; counters stop only with their process.
    if (age > context_.freshness) return {.state = ReadingState::Stale, .value = 0.0, .age = age};
    double sum = 0.0;
    bool known = false;
    bool newborn = false;
    for (const SignalRows& one : rows_) {
      if (const auto row = one.preferred(RowKind::Value, signal)) {
        // While one gateway pod of several is silent its share of the load fades from the sum.
        if (!is_fresh(one)) return {.state = ReadingState::Stale, .value = 0.0, .age = age};
        sum += row->second;
        known = true;
      }
      newborn = newborn || one.preferred(RowKind::Newborn, signal);
    }
    if (known && !is_amount(sum)) {
      return {.state = ReadingState::NotANumber, .value = 0.0, .age = age};
    }
    if (known) return {.state = ReadingState::Fresh, .value = sum, .age = age};
    if (newborn) return {.state = ReadingState::TooYoung, .value = 0.0, .age = age};
    const bool counted = has_source(*context_.preset, signal);
    return {.state = counted ? ReadingState::NotYetBorn : ReadingState::Missing,
            .value = 0.0,
            .age = age};
  }

 private:
  [[nodiscard]] std::optional<double> newest_of(const SignalRows& rows) const {
    std::optional<double> newest;
    for (const Source& source : context_.preset->sources) {
      const auto at = rows.preferred(RowKind::SampledAt, source.signal);
      if (at) newest = std::max(newest.value_or(0.0), at->second);
    }
    return newest;
  }

  [[nodiscard]] bool is_fresh(const SignalRows& rows) const {
    const auto at = newest_of(rows);
    return at && age_of(*at) <= context_.freshness;
  }

  [[nodiscard]] Seconds age_of(double unix_seconds) const {
    const Seconds now = std::chrono::duration_cast<Seconds>(now_.time_since_epoch());
    return std::max(Seconds(0), now - Seconds(unix_seconds));
  }

  const std::vector<SignalRows>& rows_;
  const SettleContext& context_;
  WallTime now_;
  std::optional<double> newest_;
};

}  // namespace

PodSignals settle_pod(const std::string& pod, const PodEvidence& evidence,
                      const SettleContext& context) {
  const PodSettler settler(evidence, context);
  PodSignals signals;
  signals.pod = pod;
  signals.observed_for = evidence.observed_for;
  signals.prompt_tokens_per_second = settler.rate(Signal::PromptTokens);
  signals.cached_prompt_tokens_per_second = settler.cached(signals.prompt_tokens_per_second);
  signals.generation_tokens_per_second = settler.rate(Signal::GenerationTokens);
  signals.finished_requests_per_second = settler.rate(Signal::FinishedRequests);
  signals.running_requests = settler.gauge(Signal::RunningRequests, kNoMaximum);
  signals.waiting_requests = settler.gauge(Signal::WaitingRequests, kNoMaximum);
  signals.in_flight_change_per_second = settler.in_flight_change();
  signals.kv_cache_usage = settler.gauge(Signal::KvCacheUsage, kMaxKvCacheUsage);
  signals.kv_cache_usage.value = std::min(signals.kv_cache_usage.value, 1.0);
  signals.mean_prompt_tokens = settler.mean(Signal::MeanPromptTokens);
  signals.mean_generation_tokens = settler.mean(Signal::MeanGenerationTokens);
  signals.mean_time_to_first_token_seconds = settler.mean(Signal::TimeToFirstToken);
  signals.mean_time_per_output_token_seconds = settler.mean(Signal::TimePerOutputToken);
  signals.asleep = settler.asleep();
  return signals;
}

scaling::GatewaySignals settle_gateway(const std::vector<SignalRows>& rows,
                                       const SettleContext& context, WallTime evaluated_at) {
  const GatewaySettler settler(rows, context, evaluated_at);
  scaling::GatewaySignals signals;
  signals.prompt_tokens_per_second = settler.read(Signal::PromptTokens);
  signals.cached_prompt_tokens_per_second = settler.read(Signal::CachedPromptTokens);
  signals.generation_tokens_per_second = settler.read(Signal::GenerationTokens);
  signals.finished_requests_per_second = settler.read(Signal::FinishedRequests);
  signals.queued_requests = settler.read(Signal::QueuedRequests);
  return signals;
}

}  // namespace tokenscaler::prom
