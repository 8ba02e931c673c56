// JSON text to Value, strictly by RFC 8259 and within limits.
#pragma once

#include <cstddef>
#include <string_view>

#include "base/result.h"
#include "json/value.h"

namespace tokenscaler::json {

/// What a document may cost. All limits are checked before any memory is taken for its values.
struct Limits {
  /// The largest answer that is expected is a page of a Kubernetes list or a grouped Prometheus
  /// query over ten thousand pods: below 20 MB.
  std::size_t bytes_max = std::size_t{32} * 1024 * 1024;
  /// Kubernetes objects nest less than 20 deep. At most 128, the parser's own limit.
  std::size_t depth_max = 64;
  /// A value takes about 250 bytes while it is parsed, so that this bounds memory to about 1 GB.
  std::size_t values_max = 4'000'000;
};

/// Parses one document. `where` of an error is `line:column`. Besides broken syntax it refuses what
/// lenient parsers let pass: invalid UTF-8, lone surrogates, leading zeros, numbers beyond a
/// double, duplicate keys, a byte order mark and anything after the value. Integers that fit 64
/// bits stay exact; every other number becomes the nearest double.
[[nodiscard]] Result<Value> parse(std::string_view text, const Limits& limits = {});

}  // namespace tokenscaler::json
