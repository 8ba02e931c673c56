// The rules that a TokenScaler has to keep beyond the types of its fields.
#pragma once

#include <string>
#include <vector>

#include "model/token_scaler.h"

namespace tokenscaler::model {

/// One broken rule. `path` is the field as in the manifest:
/// `spec.behavior.scaleUp.policies[1].value`.
struct FieldError {
  std::string path;
  std::string message;  ///< What is wrong, with the value.
  std::string advice;   ///< What to write instead.

  bool operator==(const FieldError&) const = default;
};

/// Every broken rule of `object`, in the order of the fields; empty if it is valid.
[[nodiscard]] std::vector<FieldError> validate(const TokenScaler& object);

}  // namespace tokenscaler::model
