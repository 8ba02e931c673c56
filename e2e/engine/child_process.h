// Child processes that never outlive us.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace tokenscaler::engine {

/// Starts `program` with `args`, its output appended to `log_file`. The kernel kills the child with
/// SIGKILL when the calling thread ends, so call it from a thread that lives as long as the
/// process. The child gets default signal handling. Returns its pid.
[[nodiscard]] Result<int> start_process(const std::string& program,
                                        const std::vector<std::string>& args,
                                        const std::string& log_file);

/// Sends a signal to one child; a child that has ended is no error.
void signal_process(int pid, int signal);

/// True when the child has ended; it is then reaped.
[[nodiscard]] bool reap_process(int pid);

}  // namespace tokenscaler::engine
