// One process that a test starts, and ends by its id.
#pragma once

#include <chrono>
#include <filesystem>
#include <iosfwd>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace tokenscaler::e2e {

struct ChildOptions {
  /// The first is the program: a path, or a name that is looked for in PATH.
  std::vector<std::string> arguments;
  /// Where its output goes, and where its input comes from. Empty: nowhere.
  std::filesystem::path input;
  std::filesystem::path output;
  std::filesystem::path errors;
  /// Instead of `output`: a descriptor that the child gets as its standard output.
  std::optional<int> output_descriptor;
  /// `NAME=value`, besides what this process has.
  std::vector<std::string> environment;
};

/// How a process ended.
struct ExitState {
  std::optional<int> status;  ///< Unset when a signal ended it.
  int signal = 0;

  bool operator==(const ExitState&) const = default;
};

/// `exit status 3` or `signal 9`.
std::ostream& operator<<(std::ostream& stream, const ExitState& state);

/// A child that the kernel kills when the thread that started it ends, so that nothing is left
/// behind even if the test crashes. Start it from the main thread.
class ChildProcess {
 public:
  /// Errors: NotFound when there is no such program, Unavailable when it cannot be started.
  [[nodiscard]] static Result<ChildProcess> start(const ChildOptions& options);
  ~ChildProcess();  ///< Kills it if it still runs, and waits.
  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess& operator=(ChildProcess&&) = delete;
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }
  void send_signal(int number) const;
  /// How it ended; unset while it runs.
  [[nodiscard]] std::optional<ExitState> poll();
  /// Waits for its end; unset when it still runs after `limit`.
  [[nodiscard]] std::optional<ExitState> wait(Clock& clock, std::chrono::milliseconds limit);

 private:
  explicit ChildProcess(pid_t pid) : pid_(pid) {}

  pid_t pid_ = -1;
  std::optional<ExitState> ended_;
};

/// `name` in PATH, or `name` itself if it is a path of an executable file.
[[nodiscard]] Result<std::string> find_program(const std::string& name);

}  // namespace tokenscaler::e2e
