// Goal: a manual clock moves only by hand, wakes every waiter at its time, and a stop wakes all.
#include "base/clock.h"

#include <atomic>
#include <latch>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace tokenscaler {
namespace {

using std::chrono::milliseconds;

TEST(ManualClock, MovesOnlyByHand) {
  ManualClock clock(WallTime(milliseconds(1000)));
  const SteadyTime start = clock.steady();
  clock.advance(milliseconds(250));
  EXPECT_EQ(clock.wall(), WallTime(milliseconds(1250)));
  EXPECT_EQ(clock.steady() - start, milliseconds(250));
  clock.step_wall(milliseconds(-5000));
  EXPECT_EQ(clock.wall(), WallTime(milliseconds(-3750)));
  EXPECT_EQ(clock.steady() - start, milliseconds(250));
}

TEST(ManualClock, WakesEveryWaiterAtItsTime) {
  ManualClock clock{WallTime{}};
  const SteadyTime start = clock.steady();
  constexpr int kWaiters = 8;
  std::atomic<int> woken = 0;
  std::latch started(kWaiters);
  {
    std::vector<std::jthread> waiters;
    for (int i = 1; i <= kWaiters; ++i) {
      waiters.emplace_back([&, i](const std::stop_token& stop) {
        started.count_down();
        EXPECT_TRUE(clock.wait_until(stop, start + milliseconds(i * 10)));
        EXPECT_GE(clock.steady(), start + milliseconds(i * 10));
        woken.fetch_add(1);
        woken.notify_all();
      });
    }
    started.wait();
    // Half of them are due; the join of the others would hang if their time were not kept apart.
    clock.advance(milliseconds(10 * kWaiters / 2));
    for (int seen = woken.load(); seen < kWaiters / 2; seen = woken.load()) woken.wait(seen);
    EXPECT_EQ(woken.load(), kWaiters / 2);
    clock.advance(milliseconds(10 * kWaiters / 2));
    for (int seen = woken.load(); seen < kWaiters; seen = woken.load()) woken.wait(seen);
  }
  EXPECT_EQ(woken.load(), kWaiters);
}

TEST(ManualClock, AStopWakesAWaiterWhoseTimeNeverComes) {
  ManualClock clock{WallTime{}};
  std::atomic<bool> reached = true;
  std::jthread waiter([&](const std::stop_token& stop) {
    reached = clock.wait_until(stop, clock.steady() + std::chrono::hours(1));
  });
  waiter.request_stop();
  waiter.join();
  EXPECT_FALSE(reached.load());
}

TEST(SystemClock, ATimeThatHasPassedReturnsAtOnceAndAStopIsTold) {
  SystemClock clock;
  std::stop_source stop;
  EXPECT_TRUE(clock.wait_until(stop.get_token(), clock.steady() - std::chrono::hours(1)));
  stop.request_stop();
  EXPECT_FALSE(clock.wait_until(stop.get_token(), clock.steady() + std::chrono::hours(1)));
}

TEST(Deadline, CountsDownToZeroAndNeverBelow) {
  ManualClock clock{WallTime{}};
  const Deadline deadline(clock, milliseconds(100));
  EXPECT_EQ(deadline.remaining(clock), milliseconds(100));
  EXPECT_FALSE(deadline.passed(clock));
  clock.advance(milliseconds(60));
  EXPECT_EQ(deadline.remaining(clock), milliseconds(40));
  clock.advance(milliseconds(40));
  EXPECT_TRUE(deadline.passed(clock));
  clock.advance(milliseconds(1000));
  EXPECT_EQ(deadline.remaining(clock), milliseconds(0));
}

}  // namespace
}  // namespace tokenscaler
