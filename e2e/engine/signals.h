// Signals as something to wait for.
#pragma once

#include <chrono>
#include <csignal>
#include <initializer_list>

namespace tokenscaler::engine {

/// Blocks its signals in this thread and all later ones; they are then taken by wait() only.
/// Make it before the first thread.
class SignalWaiter {
 public:
  SignalWaiter(std::initializer_list<int> signals);
  /// Waits for one of the signals and returns it.
  int wait() const;
  /// Waits for one of the signals for at most `time`; false if none came.
  [[nodiscard]] bool wait_for(std::chrono::milliseconds time) const;

 private:
  sigset_t set_{};
};

}  // namespace tokenscaler::engine
