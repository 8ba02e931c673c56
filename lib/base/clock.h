// Time as an argument: the only place where the product reads a clock (tests/tidy checks it).
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <stop_token>

namespace tokenscaler {

/// A time of day in UTC, for people, records and comparison with other machines' stamps. It may
/// jump.
using WallTime = std::chrono::sys_time<std::chrono::milliseconds>;
/// A time for measuring intervals on this machine. It never jumps.
using SteadyTime = std::chrono::steady_clock::time_point;
/// A length of time in seconds.
using Seconds = std::chrono::duration<double>;

/// Tells the time and waits. Injected, so that tests own time.
class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual WallTime wall() const = 0;
  [[nodiscard]] virtual SteadyTime steady() const = 0;
  /// Waits until `when` or a stop request. Returns false when stopped.
  virtual bool wait_until(const std::stop_token& stop, SteadyTime when) = 0;
};

/// The machine's clock.
class SystemClock final : public Clock {
 public:
  [[nodiscard]] WallTime wall() const override;
  [[nodiscard]] SteadyTime steady() const override;
  bool wait_until(const std::stop_token& stop, SteadyTime when) override;
};

/// A clock that moves only when a test advances it; waiters wake at their time.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(WallTime start);
  [[nodiscard]] WallTime wall() const override;
  [[nodiscard]] SteadyTime steady() const override;
  bool wait_until(const std::stop_token& stop, SteadyTime when) override;

  /// Moves both times forward. Requires step >= 0.
  void advance(std::chrono::milliseconds step);
  /// Moves only the wall time, as an NTP step does.
  void step_wall(std::chrono::milliseconds step);

 private:
  mutable std::mutex mutex_;
  std::condition_variable_any moved_;
  WallTime wall_;
  SteadyTime steady_{};
};

/// A point in time by which a whole operation has to end, retries and all.
class Deadline {
 public:
  Deadline(const Clock& clock, std::chrono::milliseconds budget);
  [[nodiscard]] SteadyTime when() const { return when_; }
  /// Time left, never negative.
  [[nodiscard]] std::chrono::milliseconds remaining(const Clock& clock) const;
  [[nodiscard]] bool passed(const Clock& clock) const;

 private:
  SteadyTime when_;
};

}  // namespace tokenscaler
