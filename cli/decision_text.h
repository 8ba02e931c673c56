// A decision printed for people.
#pragma once

#include <string>

#include "fleet_advisor.h"
#include "model/token_scaler.h"

namespace tokenscaler::cli {

/// All of one decision: several lines.
[[nodiscard]] std::string explain(const model::TokenScaler& object, const Advice& advice);

/// The columns of a watch.
[[nodiscard]] std::string table_header();
/// One decision as a row of the watch.
[[nodiscard]] std::string table_row(const Advice& advice);
/// The reasons of a decision, one indented line each.
[[nodiscard]] std::string reason_lines(const scaling::Decision& decision);

}  // namespace tokenscaler::cli
