// Prometheus' HTTP query API for one server.
#pragma once

#include <chrono>
#include <optional>
#include <stop_token>
#include <string>

#include "base/clock.h"
#include "http/client.h"
#include "prom/answer.h"
#include "prom/server.h"

namespace tokenscaler::prom {

/// A query longer than this is a mistake; 64 KiB is far above what the planner writes.
inline constexpr std::size_t kMaxQueryBytes = 256U * 1024U;
/// A token or password file that is larger is a mistaken path.
inline constexpr std::size_t kMaxCredentialBytes = 64U * 1024U;

/// Asks one server. Safe to call from several threads.
class ApiClient {
 public:
  /// `server` is valid (validate(server)); `client` and `clock` outlive this object.
  ApiClient(Server server, http::Client& client, const Clock& clock);

  /// An instant query, POSTed. Without `at` the server evaluates at its own now. The answer is
  /// whole by `deadline` (and within the server's query_timeout) or an error.
  [[nodiscard]] Result<Answer> query(const std::string& promql, std::optional<WallTime> at,
                                     const Deadline& deadline, const std::stop_token& stop) const;

  [[nodiscard]] Result<Vector> query_vector(const std::string& promql, std::optional<WallTime> at,
                                            const Deadline& deadline,
                                            const std::stop_token& stop) const;

  /// The time by the server's clock: `time()`.
  [[nodiscard]] Result<WallTime> server_time(const Deadline& deadline,
                                             const std::stop_token& stop) const;

  [[nodiscard]] const Server& server() const { return server_; }
  [[nodiscard]] const Clock& clock() const { return clock_; }

 private:
  [[nodiscard]] Result<http::Headers> headers() const;

  Server server_;
  http::Client& client_;
  const Clock& clock_;
};

}  // namespace tokenscaler::prom
