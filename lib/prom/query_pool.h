// Sends a batch of queries, some at a time, all before one deadline.
#pragma once

#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "prom/api_client.h"

namespace tokenscaler::prom {

/// The answers to `queries` in their order, evaluated at `at`; at most
/// Server::max_concurrent_queries run at once. Each answer is a whole one or an error; nothing is
/// thrown.
[[nodiscard]] std::vector<Result<Answer>> send_all(const ApiClient& api,
                                                   std::span<const std::string> queries,
                                                   std::optional<WallTime> at,
                                                   const Deadline& deadline,
                                                   const std::stop_token& stop);

}  // namespace tokenscaler::prom
