#include "cases/command_run.h"

#include <utility>

namespace tokenscaler::e2e {

Result<CommandRun> CommandRun::start(std::vector<std::string> arguments,
                                     std::optional<int> output_descriptor) {
  ASSIGN_OR_RETURN(TemporaryFolder folder, TemporaryFolder::make());
  arguments.insert(arguments.begin(), TOKENSCALER_PROGRAM);
  ASSIGN_OR_RETURN(ChildProcess process,
                   ChildProcess::start({.arguments = std::move(arguments),
                                        .input = {},
                                        .output = folder.path() / "output",
                                        .errors = folder.path() / "errors",
                                        .output_descriptor = output_descriptor,
                                        .environment = {}}));
  return CommandRun(std::move(folder), std::move(process));
}

std::optional<ExitState> CommandRun::wait(Clock& clock, std::chrono::milliseconds limit) {
  return process_.wait(clock, limit);
}

CommandResult run_command(std::vector<std::string> arguments, Clock& clock,
                          std::chrono::milliseconds limit) {
  Result<CommandRun> run = CommandRun::start(std::move(arguments));
  if (!run) return {.state = std::nullopt, .output = {}, .errors = run.error().to_string()};
  const std::optional<ExitState> state = run->wait(clock, limit);
  return {.state = state, .output = run->output(), .errors = run->errors()};
}

}  // namespace tokenscaler::e2e
