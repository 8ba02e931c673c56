// Reads many fleets at once: grouped queries in, one Observation for each request out.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "http/client.h"
#include "model/token_scaler.h"
#include "prom/server.h"
#include "scaling/observation.h"

namespace tokenscaler::prom {

/// One fleet to read.
struct ObservationRequest {
  std::string name_space;
  model::Metrics metrics;
  /// The target's pods; pods beside them are not read, and one without samples is in the result
  /// with its readings Missing. Unset: every pod whose series match.
  std::optional<std::vector<std::string>> pods;
};

/// Reads fleets from one Prometheus. Not safe for concurrent calls of read().
class FleetReader {
 public:
  /// `server` is valid; `client` and `clock` outlive this object.
  FleetReader(Server server, http::Client& client, const Clock& clock);
  ~FleetReader();
  FleetReader(const FleetReader&) = delete;
  FleetReader& operator=(const FleetReader&) = delete;

  /// One result for each request, in their order. All queries are evaluated at the same moment of
  /// the server's clock, at most Server::max_concurrent_queries run at once, and everything ends
  /// within Server::read_timeout. A query that fails is an error of the requests that need it; the
  /// others get their observation.
  [[nodiscard]] std::vector<Result<scaling::Observation>> read(
      std::span<const ObservationRequest> requests, const std::stop_token& stop);

  /// Queries sent by the last read(), for metrics and tests.
  [[nodiscard]] std::size_t queries_of_last_read() const;

  [[nodiscard]] const Server& server() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tokenscaler::prom
