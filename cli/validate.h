// `tokenscaler validate`.
#pragma once

#include <iosfwd>

#include "command_line.h"
#include "exit_status.h"

namespace tokenscaler::cli {

/// Checks every TokenScaler of every file; all errors of all files are told, one line each on
/// `errors` (or one JSON document on `output`).
[[nodiscard]] ExitStatus run_validate(const ValidateCommand& command, std::istream& input,
                                      std::ostream& output, std::ostream& errors);

}  // namespace tokenscaler::cli
