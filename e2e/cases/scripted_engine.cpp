#include "cases/scripted_engine.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "cases/engine_pages.h"

namespace tokenscaler::e2e {

ScriptedEngine::ScriptedEngine(EngineIdentity identity, const EngineLoad& load, const Clock& clock)
    : clock_(clock), identity_(std::move(identity)) {
  restart(load);
}

void ScriptedEngine::advance() {
  const SteadyTime now = clock_.steady();
  const double passed =
      std::chrono::duration_cast<Seconds>(std::max(now, counted_until_) - counted_until_).count();
  counted_until_ = now;
  totals_.prompt_tokens += load_.prompt_tokens_per_second * passed;
  totals_.cached_prompt_tokens += load_.cached_prompt_tokens_per_second * passed;
  totals_.generation_tokens += load_.generation_tokens_per_second * passed;
  totals_.finished_requests += load_.finished_requests_per_second * passed;
  totals_.waiting_requests =
      std::max(0.0, totals_.waiting_requests + load_.waiting_growth_per_second * passed);
  totals_.born = totals_.born || load_.finished_requests_per_second > 0;
}

void ScriptedEngine::set_load(const EngineLoad& load) {
  const std::scoped_lock lock(mutex_);
  advance();
  load_ = load;
  totals_.waiting_requests = load.waiting_requests;
}

void ScriptedEngine::restart(const EngineLoad& load) {
  const std::scoped_lock lock(mutex_);
  load_ = load;
  totals_ = EngineTotals{};
  totals_.waiting_requests = load.waiting_requests;
  counted_until_ = clock_.steady();
}

void ScriptedEngine::set_fault(ScrapeFault fault) {
  const std::scoped_lock lock(mutex_);
  fault_ = fault;
}

void ScriptedEngine::set_names(EngineNames names) {
  const std::scoped_lock lock(mutex_);
  identity_.names = names;
}

void ScriptedEngine::set_running_is_nan(bool nan) {
  const std::scoped_lock lock(mutex_);
  running_is_nan_ = nan;
}

void ScriptedEngine::freeze() {
  const std::scoped_lock lock(mutex_);
  advance();
  frozen_page_ = write_page();
}

ScrapeFault ScriptedEngine::fault() const {
  const std::scoped_lock lock(mutex_);
  return fault_;
}

std::string ScriptedEngine::page() {
  const std::scoped_lock lock(mutex_);
  if (frozen_page_) return *frozen_page_;
  advance();
  return write_page();
}

std::string ScriptedEngine::write_page() const {
  ExpositionText page(identity_.explicit_stamps ? std::optional(clock_.wall()) : std::nullopt);
  EngineLoad load = load_;
  if (running_is_nan_) load.running_requests = std::numeric_limits<double>::quiet_NaN();
  write_engine_page(identity_, load, totals_, page);
  return page.text();
}

}  // namespace tokenscaler::e2e
