// Which engine gets the next request: what a gateway in front of the engines does, made simple.
#pragma once

#include <cstddef>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace tokenscaler::engine {

enum class RoutingPolicy { LeastOutstanding, RoundRobin };

/// `least-outstanding` or `round-robin`.
[[nodiscard]] Result<RoutingPolicy> parse_routing_policy(std::string_view name);

/// Knows the engines there are and how many of our requests each has.
class Router {
 public:
  explicit Router(RoutingPolicy policy) : policy_(policy) {}

  /// The engines there are now. Those that stay keep their counts.
  void set_endpoints(const std::vector<std::string>& endpoints);

  /// The engine for one more request, not one of `refused`; nullopt if there is none. Among equals
  /// the one that waited longest, so that idle engines share.
  [[nodiscard]] std::optional<std::string> choose(const std::set<std::string>& refused);
  /// A request that choose() placed has left the engine.
  void release(std::string_view endpoint);

  [[nodiscard]] std::size_t size() const { return endpoints_.size(); }

 private:
  struct Endpoint {
    std::string url;
    std::size_t outstanding = 0;
    std::size_t last_used = 0;
  };
  RoutingPolicy policy_;
  std::vector<Endpoint> endpoints_;
  std::size_t turn_ = 0;
};

/// One endpoint a line; blank lines and lines that begin with # are skipped.
[[nodiscard]] std::vector<std::string> parse_endpoints(std::string_view text);

}  // namespace tokenscaler::engine
