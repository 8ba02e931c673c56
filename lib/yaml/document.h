// YAML text to the same json::Value that JSON becomes, with the place of every field.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "json/value.h"
#include "yaml/source_map.h"

namespace tokenscaler::yaml {

/// What a text may cost.
struct Limits {
  /// The API server takes no object above 1.5 MiB; files that people write are far smaller.
  std::size_t bytes_max = std::size_t{1024} * 1024;
  std::size_t depth_max = 64;
  /// Values of all documents, each alias counted with all that it stands for: this stops the
  /// "billion laughs".
  std::size_t values_max = 100'000;
  /// Documents of one file.
  std::size_t documents_max = 1000;
};

/// One document of a file.
struct Document {
  json::Value value;
  SourceMap source;
  std::size_t line = 1;  ///< Where it starts, from 1.
};

/// Reads every document of `text`; empty ones are left out. `where` of an error is `line:column`.
///
/// Plain scalars mean what they mean to kubectl (see scalar.h); quoted ones are strings. Refused
/// are duplicate keys, keys that are no text, tags, merge keys (`<<`), text that is not UTF-8,
/// control characters, and what passes a limit.
[[nodiscard]] Result<std::vector<Document>> parse(std::string_view text, const Limits& limits = {});

}  // namespace tokenscaler::yaml
