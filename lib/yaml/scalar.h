// What a plain (unquoted) YAML scalar means.
#pragma once

#include <string_view>

#include "base/result.h"
#include "json/value.h"

namespace tokenscaler::yaml {

/// The JSON value that kubectl sends for a plain scalar that is not null, or an error.
///
/// kubectl reads YAML 1.1 with sigs.k8s.io/yaml: yes, no, on, off, y and n are booleans, 1.0 is the
/// integer 1. Numbers which YAML 1.1 and 1.2 read differently (007, 0x10, 0o17, 1_000) are errors
/// here, and so are infinities and NaN, which JSON cannot say. tests/golden/yaml holds the proof.
[[nodiscard]] Result<json::Value> resolve_plain(std::string_view text);

}  // namespace tokenscaler::yaml
