// What each inference engine and gateway calls its series: data, not code.
#pragma once

#include <span>
#include <string_view>

#include "model/token_scaler.h"

namespace tokenscaler::prom {

/// One number that is wanted of a pod or of a gateway.
enum class Signal {
  PromptTokens,        ///< tokens/s
  CachedPromptTokens,  ///< tokens/s, or a share of PromptTokens
  GenerationTokens,    ///< tokens/s
  FinishedRequests,    ///< requests/s
  RunningRequests,
  WaitingRequests,
  KvCacheUsage,          ///< 0..1
  MeanPromptTokens,      ///< tokens of a request
  MeanGenerationTokens,  ///< tokens of a request
  TimeToFirstToken,      ///< s
  TimePerOutputToken,    ///< s
  Asleep,                ///< above 0: sleeps
  QueuedRequests,        ///< held by a gateway
};

/// How a source becomes the number of its signal. Rates are over the effective window.
enum class SourceKind {
  CounterRate,   ///< Sum over a pod's ranks of rate(series).
  GaugeSum,      ///< Sum over a pod's ranks.
  GaugeMean,     ///< Mean over a pod's ranks.
  GaugeMax,      ///< Largest of a pod's ranks.
  MeanOfRates,   ///< rate(series) / rate(divisor), both summed over the ranks first.
  ShareOfRates,  ///< As MeanOfRates, but a share 0..1 by which PromptTokens is multiplied.
  GaugeShare,    ///< Mean over the ranks of a gauge that is a share of PromptTokens, 0..1.
  Zero,          ///< There is none of it by the meaning of the engine's other counters.
};

/// One way to learn a signal.
struct Source {
  Signal signal;
  SourceKind kind;
  std::string_view series = {};
  std::string_view divisor = {};
  /// Constant PromQL matchers of `series`, as `source!="local_compute"`.
  std::string_view matchers = {};
  double scale = 1.0;  ///< What the number is multiplied by, as 0.001 for milliseconds.
};

/// A series whose existence tells something.
struct Fingerprint {
  std::string_view series;
  /// Which version has it, for a person: `V1`; empty if all have it.
  std::string_view version = {};
};

/// One engine or gateway.
struct Preset {
  model::Engine engine;
  std::string_view title;  ///< As the project spells itself.
  bool gateway = false;    ///< Its series belong to a gateway and not to the target's pods.
  /// By signal; for each signal the preferred source first. A pod that has several counts once.
  std::span<const Source> sources;
  /// Gauges that exist as long as the engine runs: their raw samples tell age and scrape interval.
  std::span<const std::string_view> heartbeats;
  /// Ranks that differ only in these labels report the same number: the largest counts, not the
  /// sum.
  std::span<const std::string_view> same_number_labels;
  std::span<const Fingerprint> fingerprints;
  /// How many fingerprints a pod needs: more than 1 where names have no prefix and collide.
  std::size_t fingerprints_needed = 1;
  /// No series exist before the first request, gauges included.
  bool born_late = false;
  /// The label that names the model, for a gateway read beside an engine.
  std::string_view model_label = {};
};

/// All presets but Auto, in the order in which detection prefers them.
[[nodiscard]] std::span<const Preset> presets();

/// The preset of `engine`; nullptr for Auto.
[[nodiscard]] const Preset* find_preset(model::Engine engine);

/// The word of a signal in queries and messages: `prompt_tokens`.
[[nodiscard]] std::string_view to_string(Signal signal);

}  // namespace tokenscaler::prom
