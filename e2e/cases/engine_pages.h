// The `/metrics` pages of the engines, by the names of research/llm-autoscaling.md 3.1 and 3.2.
#pragma once

#include "cases/exposition_text.h"
#include "cases/scripted_engine.h"

namespace tokenscaler::e2e {

/// Writes the families of `identity.names`.
void write_engine_page(const EngineIdentity& identity, const EngineLoad& load,
                       const EngineTotals& totals, ExpositionText& page);

}  // namespace tokenscaler::e2e
