// Random numbers that are the same on every platform, unlike those of <random>'s distributions.
#pragma once

#include <cstddef>
#include <cstdint>

namespace tokenscaler::scaling::testing {

/// SplitMix64 (Steele, Lea, Flood 2014).
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next() {
    state_ += 0x9E3779B97F4A7C15U;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27U)) * 0x94D049BB133111EBU;
    return z ^ (z >> 31U);
  }

  /// least..most, both included.
  std::int64_t integer(std::int64_t least, std::int64_t most) {
    return least +
           static_cast<std::int64_t>(next() % (static_cast<std::uint64_t>(most - least) + 1));
  }

  double real(double least, double most) {
    constexpr double kUnit = 1.0 / 9007199254740992.0;  // 2^-53
    return least + static_cast<double>(next() >> 11U) * kUnit * (most - least);
  }

  bool chance(double probability) { return real(0.0, 1.0) < probability; }

  template <class T, std::size_t N>
  const T& pick(const T (&choices)[N]) {
    return choices[static_cast<std::size_t>(integer(0, static_cast<std::int64_t>(N) - 1))];
  }

 private:
  std::uint64_t state_;
};

}  // namespace tokenscaler::scaling::testing
