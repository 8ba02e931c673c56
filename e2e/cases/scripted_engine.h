// An exporter that claims to be one pod of an inference engine. The script sets constant rates, so
// that every figure that Prometheus should find is a product that a person can work out.
#pragma once

#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"

namespace tokenscaler::e2e {

/// What one engine does from a moment on.
struct EngineLoad {
  double prompt_tokens_per_second = 0;  ///< Cached ones included.
  double cached_prompt_tokens_per_second = 0;
  double generation_tokens_per_second = 0;
  double finished_requests_per_second = 0;
  double running_requests = 0;
  double waiting_requests = 0;  ///< At the moment when this load begins.
  double waiting_growth_per_second = 0;
  double kv_cache_usage = 0;  ///< 0..1
  double time_to_first_token_seconds = 0.2;
  double time_per_output_token_seconds = 0.02;
};

/// Whose names the page has.
enum class EngineNames {
  VllmV1,         ///< `kv_cache_usage_perc`, `inter_token_latency_seconds`, label `engine`.
  VllmV0,         ///< `gpu_cache_usage_perc`, `time_per_output_token_seconds`.
  VllmBothNames,  ///< A release of 2025 that has the names of both.
  Sglang,
  Tgi,
};

/// What a scrape gets instead of the page.
enum class ScrapeFault {
  None,
  ServerError,  ///< 500
  Hang,         ///< No answer at all.
  Garbage,      ///< 200 with bytes that are no exposition.
};

/// Who the engine is.
struct EngineIdentity {
  std::string name_space = {};
  std::string pod = {};
  std::string model = "llama-70b";
  EngineNames names = EngineNames::VllmV1;
  /// Data-parallel ranks: each has the same share of the load and its own KV-cache use; empty: one
  /// rank with the load's own use.
  std::vector<double> rank_kv_cache_usage = {};
  /// Tensor-parallel ranks that each report the numbers of the whole engine (SGLang only).
  int tensor_parallel_ranks = 1;
  /// Whether samples carry explicit times. Prometheus writes no staleness marker for such series.
  bool explicit_stamps = false;
};

/// The sums of one engine at one moment.
struct EngineTotals {
  double prompt_tokens = 0;
  double cached_prompt_tokens = 0;
  double generation_tokens = 0;
  double finished_requests = 0;
  double waiting_requests = 0;
  /// Whether a request came since the process began: before, counters do not exist.
  bool born = false;
};

/// Safe to call from several threads: the script changes it while it is scraped.
class ScriptedEngine {
 public:
  /// `clock` outlives this object.
  ScriptedEngine(EngineIdentity identity, const EngineLoad& load, const Clock& clock);

  /// Counters go on from where they are.
  void set_load(const EngineLoad& load);
  /// The process begins anew: its counters are gone, as after a crash.
  void restart(const EngineLoad& load);
  void set_fault(ScrapeFault fault);
  void set_names(EngineNames names);
  /// The requests-running gauge reads NaN.
  void set_running_is_nan(bool nan);
  /// The page stays what it is now, explicit times included.
  void freeze();

  [[nodiscard]] const EngineIdentity& identity() const { return identity_; }
  [[nodiscard]] ScrapeFault fault() const;
  [[nodiscard]] std::string page();

 private:
  void advance();
  [[nodiscard]] std::string write_page() const;

  const Clock& clock_;
  mutable std::mutex mutex_;
  EngineIdentity identity_;
  EngineLoad load_;
  EngineTotals totals_;
  SteadyTime counted_until_;
  ScrapeFault fault_ = ScrapeFault::None;
  bool running_is_nan_ = false;
  std::optional<std::string> frozen_page_;
};

}  // namespace tokenscaler::e2e
