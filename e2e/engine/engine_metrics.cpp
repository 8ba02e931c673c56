#include "engine/engine_metrics.h"

#include <fmt/format.h>

namespace tokenscaler::engine {

Result<MetricDialect> parse_metric_dialect(std::string_view name) {
  if (name == "vllm") return MetricDialect::Vllm;
  if (name == "vllm-v0") return MetricDialect::VllmV0;
  if (name == "sglang") return MetricDialect::Sglang;
  if (name == "tgi") return MetricDialect::Tgi;
  return make_error(ErrorCode::Invalid, fmt::format("there are no metrics \"{}\"", name))
      .advise("choose vllm, vllm-v0, sglang or tgi");
}

std::unique_ptr<EngineMetrics> make_engine_metrics(MetricDialect dialect,
                                                   const EngineMetricsOptions& options) {
  switch (dialect) {
    case MetricDialect::Vllm:
      return make_vllm_metrics(options);
    case MetricDialect::VllmV0:
      return make_vllm_v0_metrics(options);
    case MetricDialect::Sglang:
      return make_sglang_metrics(options);
    case MetricDialect::Tgi:
      return make_tgi_metrics(options);
  }
  return make_vllm_metrics(options);
}

std::vector<double> buckets_1_2_5(std::int64_t max_value) {
  std::vector<double> buckets;
  for (std::int64_t power = 1; power <= max_value; power *= 10) {
    for (const std::int64_t mantissa : {1, 2, 5}) {
      if (mantissa * power > max_value) return buckets;
      buckets.push_back(static_cast<double>(mantissa * power));
    }
  }
  return buckets;
}

}  // namespace tokenscaler::engine
