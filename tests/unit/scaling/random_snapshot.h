// Random and adversarial inputs of the decision, each made from one seed.
#pragma once

#include <string>

#include "scaling/decide.h"
#include "unit/scaling/random.h"

namespace tokenscaler::scaling::testing {

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
