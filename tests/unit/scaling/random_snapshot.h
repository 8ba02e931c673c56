// Random and adversarial inputs of the decision, each made from one seed.
#pragma once

#include <cstdint>
#include <string>

#include "scaling/decide.h"

namespace tokenscaler::scaling::testing {

/// SplitMix64 (Steele, Lea, Flood 2014): the same numbers on every platform, unlike <random>'s
/// distributions.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next();
  /// least..most, both included.
  std::int64_t integer(std::int64_t least, std::int64_t most);
  double real(double least, double most);
  bool chance(double probability);
  template <class T, std::size_t N>
  const T& pick(const T (&choices)[N]) {
    return choices[static_cast<std::size_t>(integer(0, static_cast<std::int64_t>(N) - 1))];
  }

 private:
  std::uint64_t state_;
};

/// How hostile the inputs are.
enum class Inputs {
  Sound,        ///< Valid spec, every ready pod measured, plausible figures, nothing in transition.
  Troubled,     ///< Valid spec; pods in all phases, readings in all states, gateways, rollouts.
  Adversarial,  ///< As Troubled, with absurd figures, counts and clocks.
};

Snapshot random_snapshot(Random& random, Inputs inputs);
History random_history(Random& random, Inputs inputs);

/// The facts that a person needs to see a failure: sizes, pods, readings that are not usual.
std::string describe(const Snapshot& snapshot);

}  // namespace tokenscaler::scaling::testing
