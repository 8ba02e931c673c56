#include <csignal>
#include <cstdio>
#include <exception>
#include <iostream>
#include <sstream>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "command_line.h"
#include "exit_status.h"
#include "manifests.h"
#include "recommend.h"
#include "validate.h"

namespace tokenscaler::cli {
namespace {

/// Turns SIGINT and SIGTERM into a stop request. The signals are blocked in every thread and taken
/// by one that waits for them, so that no code runs in a signal handler.
class SignalStop {
 public:
  SignalStop() {
    sigemptyset(&signals_);
    sigaddset(&signals_, SIGINT);
    sigaddset(&signals_, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
    waiter_ = std::jthread([this] {
      int taken = 0;
      sigwait(&signals_, &taken);
      stop_.request_stop();
    });
  }
  ~SignalStop() {
    // Wakes the waiter if no signal came. SIGTERM is blocked, so it ends no thread: sigwait takes
    // it. NOLINTNEXTLINE(bugprone-bad-signal-to-kill-thread)
    if (!stop_.stop_requested()) pthread_kill(waiter_.native_handle(), SIGTERM);
  }
  SignalStop(const SignalStop&) = delete;
  SignalStop& operator=(const SignalStop&) = delete;

  [[nodiscard]] std::stop_token token() const { return stop_.get_token(); }

 private:
  sigset_t signals_{};
  std::stop_source stop_;
  std::jthread waiter_;
};

template <class... Cases>
struct Overloaded : Cases... {
  using Cases::operator()...;
};
template <class... Cases>
Overloaded(Cases...) -> Overloaded<Cases...>;

/// Standard input is read to its end while Ctrl-C still ends the program by itself.
ExitStatus watch_or_recommend(const RecommendCommand& command) {
  std::istringstream input;
  if (command.file == "-") {
    Result<std::string> text = read_text(command.file, std::cin);
    if (!text) {
      std::cerr << "tokenscaler: " << text.error().to_string() << "\n";
      return ExitStatus::BadInput;
    }
    input.str(std::move(text).value());
  }
  const SignalStop stop;
  SystemClock clock;
  return run_recommend(command, input, std::cout, std::cerr, clock, stop.token());
}

ExitStatus run(const std::vector<std::string>& arguments) {
  // A reader that goes away (head, less) is an end of output, not a crash.
  std::signal(SIGPIPE, SIG_IGN);
  const Result<Command> command = parse_command_line(arguments);
  if (!command) {
    std::cerr << "tokenscaler: " << command.error().to_string() << "\n";
    return ExitStatus::Usage;
  }
  return std::visit(
      Overloaded{[](const PrintText& text) {
                   std::cout << text.text;
                   return ExitStatus::Done;
                 },
                 [](const ValidateCommand& validate) {
                   return run_validate(validate, std::cin, std::cout, std::cerr);
                 },
                 [](const RecommendCommand& recommend) { return watch_or_recommend(recommend); }},
      *command);
}

}  // namespace
}  // namespace tokenscaler::cli

int main(int argc, char** argv) {
  try {
    const std::vector<std::string> arguments(argv + 1, argv + argc);
    return static_cast<int>(tokenscaler::cli::run(arguments));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "tokenscaler: defect: %s\n", error.what());
    return static_cast<int>(tokenscaler::cli::ExitStatus::Defect);
  }
}
