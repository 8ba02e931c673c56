// TokenScaler objects, from and to JSON values. Manifests in YAML become the same values, so this
// is the only reader.
#pragma once

#include <vector>

#include "json/value.h"
#include "model/token_scaler.h"
#include "model/validate.h"

namespace tokenscaler::json {

/// Reads a TokenScaler and fills in the defaults. Everything that is wrong goes to `errors`, with
/// its path: types, unknown fields and words here, and what model::validate finds if all fields
/// could be read. The result is meant for use only if no error was added.
[[nodiscard]] model::TokenScaler decode_token_scaler(const Value& value,
                                                     std::vector<model::FieldError>& errors);

/// The whole object, defaults included.
[[nodiscard]] Value encode(const model::TokenScaler& object);

}  // namespace tokenscaler::json
