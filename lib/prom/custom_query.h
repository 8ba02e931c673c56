// PromQL that a TokenScaler brings along: what it may return, and for which signal it stands.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/token_scaler.h"
#include "prom/answer.h"
#include "prom/preset.h"
#include "prom/server.h"

namespace tokenscaler::prom {

/// One query of `spec.metrics.queries`.
struct CustomQuery {
  Signal signal;
  std::string_view field;  ///< `promptTokens`
  const std::string* promql;
};

/// The queries that are set, in the order of the fields.
[[nodiscard]] std::vector<CustomQuery> custom_queries(const model::MetricQueries& queries);

/// What a custom query says of one target.
struct CustomValues {
  std::map<std::string, double> by_pod;
  /// The one number for all pods together, from a series without the pod label.
  std::optional<double> of_fleet;
  /// Series without the namespace label, which the server's policy does not accept.
  std::size_t without_namespace = 0;
};

/// The part of `answer` that belongs to `name_space`. Errors (Invalid) for a result that is no
/// vector, and for several series of one pod or of the whole fleet.
[[nodiscard]] Result<CustomValues> read_custom_answer(const Answer& answer, const Server& server,
                                                      const std::string& name_space);

}  // namespace tokenscaler::prom
