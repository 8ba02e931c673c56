// Which engines and gateways there are, told from the names of the series that exist.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "prom/answer.h"
#include "prom/preset.h"
#include "prom/server.h"

namespace tokenscaler::prom {

/// Names of series found in each namespace and pod.
class DetectedSeries {
 public:
  DetectedSeries() = default;
  /// From the answer to QueryPlanner::detection_query.
  DetectedSeries(const Vector& rows, const Server& server);

  /// The engine whose series `pod` has; nullptr for none. Where several fit, the preset that comes
  /// first in presets(): unprefixed names are NIM's only if nobody else's are there.
  [[nodiscard]] const Preset* engine_of(std::string_view name_space, std::string_view pod) const;
  /// All pods of a namespace that have an engine.
  [[nodiscard]] std::map<std::string, const Preset*> engines_in(std::string_view name_space) const;
  /// The gateway in any of `namespaces`, the first of presets(); nullptr for none.
  [[nodiscard]] const Preset* gateway_in(const std::set<std::string>& namespaces) const;

  /// `vLLM V1 (vllm:kv_cache_usage_perc)`; empty when the pod has no engine.
  [[nodiscard]] std::string version_of(std::string_view name_space, std::string_view pod) const;

 private:
  using Names = std::set<std::string, std::less<>>;
  [[nodiscard]] const Names* names_of(std::string_view name_space, std::string_view pod) const;

  std::map<std::string, std::map<std::string, Names, std::less<>>, std::less<>> found_;
};

}  // namespace tokenscaler::prom
