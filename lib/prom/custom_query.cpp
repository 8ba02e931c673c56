#include "prom/custom_query.h"

#include <fmt/format.h>

namespace tokenscaler::prom {

std::vector<CustomQuery> custom_queries(const model::MetricQueries& queries) {
  std::vector<CustomQuery> all;
  const auto add = [&](Signal signal, std::string_view field,
                       const std::optional<std::string>& promql) {
    if (promql) all.push_back({.signal = signal, .field = field, .promql = &*promql});
  };
  add(Signal::PromptTokens, "promptTokens", queries.prompt_tokens);
  add(Signal::GenerationTokens, "generationTokens", queries.generation_tokens);
  add(Signal::CachedPromptTokens, "cachedPromptTokens", queries.cached_prompt_tokens);
  add(Signal::FinishedRequests, "finishedRequests", queries.finished_requests);
  add(Signal::RunningRequests, "runningRequests", queries.running_requests);
  add(Signal::WaitingRequests, "waitingRequests", queries.waiting_requests);
  add(Signal::KvCacheUsage, "kvCacheUsage", queries.kv_cache_usage);
  return all;
}

Result<CustomValues> read_custom_answer(const Answer& answer, const Server& server,
                                        const std::string& name_space) {
  const Vector* vector = std::get_if<Vector>(&answer.result);
  if (vector == nullptr) {
    return make_error(ErrorCode::Invalid, "the result is not an instant vector")
        .advise(fmt::format("write a query with one series for each pod, as sum by ({}, {}) (...)",
                            server.namespace_label, server.pod_label));
  }
  CustomValues values;
  for (const VectorElement& element : *vector) {
    const std::string_view owner = element.labels.get(server.namespace_label);
    if (owner.empty() && server.custom_queries != CustomQueryPolicy::Trusted) {
      ++values.without_namespace;
      continue;
    }
    if (!owner.empty() && owner != name_space) continue;
    const std::string pod(element.labels.get(server.pod_label));
    const bool twice = pod.empty() ? values.of_fleet.has_value()
                                   : !values.by_pod.emplace(pod, element.sample.value).second;
    if (twice) {
      return make_error(ErrorCode::Invalid,
                        pod.empty() ? "the result has several series without a pod"
                                    : fmt::format("the result has several series of pod {}", pod))
          .advise(fmt::format("aggregate them, as sum by ({}, {}) (...)", server.namespace_label,
                              server.pod_label));
    }
    if (pod.empty()) values.of_fleet = element.sample.value;
  }
  if (values.of_fleet && !values.by_pod.empty()) {
    return make_error(ErrorCode::Invalid, "the result has series with and without a pod")
        .advise("give one series for each pod, or one for the whole fleet");
  }
  return values;
}

}  // namespace tokenscaler::prom
