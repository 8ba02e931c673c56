#include "engine/router.h"

#include <algorithm>

#include <fmt/format.h>

namespace tokenscaler::engine {

Result<RoutingPolicy> parse_routing_policy(std::string_view name) {
  if (name == "least-outstanding") return RoutingPolicy::LeastOutstanding;
  if (name == "round-robin") return RoutingPolicy::RoundRobin;
  return make_error(ErrorCode::Invalid, fmt::format("there is no routing policy \"{}\"", name))
      .advise("choose least-outstanding or round-robin");
}

void Router::set_endpoints(const std::vector<std::string>& endpoints) {
  std::vector<Endpoint> next;
  for (const std::string& url : endpoints) {
    const auto same = [&url](const Endpoint& endpoint) { return endpoint.url == url; };
    if (std::any_of(next.begin(), next.end(), same)) continue;
    const auto known = std::find_if(endpoints_.begin(), endpoints_.end(), same);
    next.push_back(known != endpoints_.end() ? *known : Endpoint{url, 0, 0});
  }
  endpoints_ = std::move(next);
}

std::optional<std::string> Router::choose(const std::set<std::string>& refused) {
  Endpoint* best = nullptr;
  for (Endpoint& endpoint : endpoints_) {
    if (refused.contains(endpoint.url)) continue;
    const auto rank = [this](const Endpoint& one) {
      const std::size_t load = policy_ == RoutingPolicy::LeastOutstanding ? one.outstanding : 0;
      return std::pair(load, one.last_used);
    };
    if (best == nullptr || rank(endpoint) < rank(*best)) best = &endpoint;
  }
  if (best == nullptr) return std::nullopt;
  ++best->outstanding;
  best->last_used = ++turn_;
  return best->url;
}

void Router::release(std::string_view endpoint) {
  for (Endpoint& one : endpoints_) {
    if (one.url == endpoint && one.outstanding > 0) --one.outstanding;
  }
}

std::vector<std::string> parse_endpoints(std::string_view text) {
  std::vector<std::string> endpoints;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    while (line.ends_with(' ') || line.ends_with('\r') || line.ends_with('/'))
      line.remove_suffix(1);
    if (!line.empty() && !line.starts_with('#')) endpoints.emplace_back(line);
  }
  return endpoints;
}

}  // namespace tokenscaler::engine
