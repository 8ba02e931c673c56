#include "base/clock.h"

#include <algorithm>

namespace tokenscaler {

WallTime SystemClock::wall() const {
  return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

SteadyTime SystemClock::steady() const {
  return std::chrono::steady_clock::now();
}

bool SystemClock::wait_until(const std::stop_token& stop, SteadyTime when) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_until(lock, stop, when, [&] { return steady() >= when; });
  return !stop.stop_requested();
}

ManualClock::ManualClock(WallTime start) : wall_(start) {}

WallTime ManualClock::wall() const {
  const std::scoped_lock lock(mutex_);
  return wall_;
}

SteadyTime ManualClock::steady() const {
  const std::scoped_lock lock(mutex_);
  return steady_;
}

bool ManualClock::wait_until(const std::stop_token& stop, SteadyTime when) {
  std::unique_lock lock(mutex_);
  moved_.wait(lock, stop, [&] { return steady_ >= when; });
  return !stop.stop_requested();
}

void ManualClock::advance(std::chrono::milliseconds step) {
  {
    const std::scoped_lock lock(mutex_);
    wall_ += step;
    steady_ += step;
  }
  moved_.notify_all();
}

void ManualClock::step_wall(std::chrono::milliseconds step) {
  const std::scoped_lock lock(mutex_);
  wall_ += step;
}

Deadline::Deadline(const Clock& clock, std::chrono::milliseconds budget)
    : when_(clock.steady() + budget) {}

std::chrono::milliseconds Deadline::remaining(const Clock& clock) const {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(when_ - clock.steady());
  return std::max(left, std::chrono::milliseconds::zero());
}

bool Deadline::passed(const Clock& clock) const {
  return clock.steady() >= when_;
}

}  // namespace tokenscaler
