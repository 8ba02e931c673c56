// What was read of a fleet at one moment: the input of the decision. lib/prom makes it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "model/token_scaler.h"

namespace tokenscaler::scaling {

/// Why a reading can or cannot be used. Zero traffic, no series, stale and NaN are different
/// things.
enum class ReadingState {
  /// A finite number measured within the freshness bound. Zero is a value.
  Fresh,
  /// The pod's other series are fresh and this one does not exist yet, as a counter before the
  /// first request. Reads as 0.
  NotYetBorn,
  /// A rate over a series that has fewer than two samples in the window.
  TooYoung,
  /// Nothing of this kind exists for the pod, and nothing else proves that it would read 0.
  Missing,
  /// The newest sample is older than the freshness bound.
  Stale,
  /// The newest sample is NaN or infinite, or negative where that cannot be.
  NotANumber,
};

/// One number of one pod, with its true age (from the sample's own time stamp).
struct Reading {
  ReadingState state = ReadingState::Missing;
  double value = 0.0;  ///< Meaningful only if known().
  Seconds age{0};      ///< Of the newest sample behind it; 0 if there is none.

  /// Whether the value may be used.
  [[nodiscard]] bool known() const {
    return state == ReadingState::Fresh || state == ReadingState::NotYetBorn;
  }

  bool operator==(const Reading&) const = default;
};

/// What one pod of an inference engine says. Data-parallel ranks and Prometheus replicas are
/// settled already: there is one number for each pod.
struct PodSignals {
  std::string pod;
  /// For how long series of this pod are known to exist, as far as was looked back (a window or
  /// more); 0 if there are none.
  Seconds observed_for{0};

  Reading prompt_tokens_per_second;         ///< Prefilled prompt tokens/s, cached ones included.
  Reading cached_prompt_tokens_per_second;  ///< Part of the above that a prefix cache served.
  Reading generation_tokens_per_second;
  Reading finished_requests_per_second;

  Reading running_requests;  ///< In the batch now.
  Reading waiting_requests;  ///< In the engine's queue now.
  /// Change of (running + waiting) over the window, in requests each second; negative when it
  /// drains.
  Reading in_flight_change_per_second;
  Reading kv_cache_usage;  ///< 0..1, the mean over data-parallel ranks.

  /// Means over the requests that finished in the window. Missing where the engine has no such
  /// histogram or nothing finished.
  Reading mean_prompt_tokens;
  Reading mean_generation_tokens;
  Reading mean_time_to_first_token_seconds;
  Reading mean_time_per_output_token_seconds;

  /// The engine says that it sleeps (vLLM's sleep mode): ready, but without capacity.
  bool asleep = false;

  bool operator==(const PodSignals&) const = default;
};

/// What gateways in front of the fleet say. Tokens are counted when a response ends.
struct GatewaySignals {
  Reading prompt_tokens_per_second;
  Reading cached_prompt_tokens_per_second;
  Reading generation_tokens_per_second;
  Reading finished_requests_per_second;
  /// Requests that wait in the gateway and have not reached an engine.
  Reading queued_requests;

  bool operator==(const GatewaySignals&) const = default;
};

/// Everything read of one target at one moment.
struct Observation {
  WallTime evaluated_at;                       ///< By Prometheus' clock.
  Seconds effective_window{0};                 ///< max(windowSeconds, 4 x scrape interval).
  Seconds scrape_interval{0};                  ///< Measured; 0 if it could not be.
  model::Engine engine = model::Engine::Auto;  ///< Detected; Auto if none was found.
  std::string engine_detail;     ///< Whose names were found: `vLLM V1 (kv_cache_usage_perc)`.
  std::vector<PodSignals> pods;  ///< Sorted by pod name, each name once.
  std::optional<GatewaySignals> gateway;
  /// Whether series may be missing from the answer: Prometheus sent warnings (as Thanos does for a
  /// store that is down), or a limit of ours cut it. It blocks scale-down.
  bool partial = false;
  /// Sentences for a person: Prometheus' warnings, dropped samples, mixed engines.
  std::vector<std::string> warnings;

  bool operator==(const Observation&) const = default;
};

[[nodiscard]] std::string_view to_string(ReadingState state);

}  // namespace tokenscaler::scaling
