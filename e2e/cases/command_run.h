// The real program `tokenscaler`, run as a user runs it.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "cases/child_process.h"
#include "cases/temporary_folder.h"

namespace tokenscaler::e2e {

/// One run that has begun. Its output is in files, so that it never blocks on us.
class CommandRun {
 public:
  /// `arguments` are those behind the program's name. `output_descriptor`: instead of a file.
  [[nodiscard]] static Result<CommandRun> start(std::vector<std::string> arguments,
                                                std::optional<int> output_descriptor = {});

  /// Waits for the end; unset when it still runs after `limit`.
  [[nodiscard]] std::optional<ExitState> wait(Clock& clock, std::chrono::milliseconds limit);
  [[nodiscard]] ChildProcess& process() { return process_; }
  [[nodiscard]] std::string output() const { return read_file(folder_.path() / "output"); }
  [[nodiscard]] std::string errors() const { return read_file(folder_.path() / "errors"); }

 private:
  CommandRun(TemporaryFolder folder, ChildProcess process)
      : folder_(std::move(folder)), process_(std::move(process)) {}

  TemporaryFolder folder_;
  ChildProcess process_;
};

/// A run that has ended.
struct CommandResult {
  std::optional<ExitState> state;  ///< Unset: it did not end in time, and was killed.
  std::string output;
  std::string errors;
};

/// Runs to the end, or for `limit`.
[[nodiscard]] CommandResult run_command(std::vector<std::string> arguments, Clock& clock,
                                        std::chrono::milliseconds limit = std::chrono::seconds(30));

}  // namespace tokenscaler::e2e
