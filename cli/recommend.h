// `tokenscaler recommend`.
#pragma once

#include <iosfwd>
#include <stop_token>

#include "base/clock.h"
#include "command_line.h"
#include "exit_status.h"

namespace tokenscaler::cli {

/// Evaluates once, or with --watch until `stop` or the asked number of cycles. A watch goes on when
/// an evaluation fails; a single evaluation that fails is the exit status.
[[nodiscard]] ExitStatus run_recommend(const RecommendCommand& command, std::istream& input,
                                       std::ostream& output, std::ostream& errors, Clock& clock,
                                       const std::stop_token& stop);

}  // namespace tokenscaler::cli
