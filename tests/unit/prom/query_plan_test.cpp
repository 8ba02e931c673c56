// The texts of the queries, word for word: they are what an operator of a Prometheus sees, and each
// was run on a real one.
#include "prom/query_plan.h"

#include <filesystem>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

namespace tokenscaler::prom {
namespace {

QueryScope scope_of(model::Engine engine) {
  QueryScope scope;
  scope.preset = find_preset(engine);
  scope.window = std::chrono::seconds(60);
  scope.freshness = std::chrono::seconds(38);
  scope.namespaces = {"ml"};
  return scope;
}

std::string all_queries(const Server& server, const QueryScope& scope) {
  const QueryPlanner planner(server);
  return "# heartbeat\n" + planner.heartbeat_query(scope, kMinLookback) + "\n# gauges\n" +
         planner.gauges_query(scope) + "\n# rates\n" + planner.rates_query(scope) +
         "\n# changes\n" + planner.changes_query(scope) + "\n# means\n" +
         planner.means_query(scope) + "\n";
}

/// Compares with tests/golden/prom/<name>; with UPDATE_GOLDEN=1 in the environment it writes it.
void expect_golden(const std::string& name, const std::string& text) {
  const auto path = std::filesystem::path(TOKENSCALER_SOURCE_DIR) / "tests/golden/prom" / name;
  if (std::getenv("UPDATE_GOLDEN") != nullptr) {
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }
  std::ifstream file(path);
  std::stringstream golden;
  golden << file.rdbuf();
  EXPECT_EQ(text, golden.str()) << path;
}

TEST(QueryPlan, GoldenTextsOfEveryPreset) {
  for (const Preset& preset : presets()) {
    if (preset.sources.empty()) continue;
    Server server;
    if (preset.gateway) server.gateway_namespaces = {"gateways"};
    expect_golden(std::string(model::to_string(preset.engine)) + ".promql",
                  all_queries(server, scope_of(preset.engine)));
  }
}

TEST(QueryPlan, GoldenTextOfDetection) {
  const Server server;
  const QueryPlanner planner(server);
  expect_golden("detection.promql",
                planner.detection_query({"ml"}) + "\n" + planner.up_query({"ml"}) + "\n");
}

TEST(QueryPlan, OneRankRule) {
  const Server server;
  const QueryPlanner planner(server);
  const std::string sglang = planner.gauges_query(scope_of(model::Engine::Sglang));
  // Tensor-parallel ranks say the same number, data-parallel ranks add up.
  EXPECT_NE(sglang.find("sum by (namespace, pod) (max without (prometheus_replica, replica, "
                        "receive_replica, tp_rank, pp_rank, moe_ep_rank) "
                        "((last_over_time(sglang:num_running_reqs{namespace=\"ml\"}[38s]) "),
            std::string::npos)
      << sglang;
  EXPECT_NE(sglang.find("avg by (namespace, pod)"), std::string::npos);
}

TEST(QueryPlan, ARankWhoseScrapeIsLostKeepsItsLastGauge) {
  // Ranks are scraped on ports of their own. An earlier container was scraped on the same one, so
  // that its series, which ended, do not count beside those of the new container.
  const Server server;
  const QueryPlanner planner(server);
  const std::string vllm = planner.gauges_query(scope_of(model::Engine::Vllm));
  const std::string series = "vllm:num_requests_running{namespace=\"ml\"}";
  const std::string last = "last_over_time(" + series + "[38s])";
  EXPECT_NE(vllm.find("((" + last + " and " + series + ") or (" + last +
                      " unless on (namespace, pod, instance) " + series + "))"),
            std::string::npos)
      << vllm;
}

TEST(QueryPlan, KeepsTheLabelsThatTargetsChooseBy) {
  Server server;
  server.namespace_label = "exported_namespace";
  server.replica_labels = {};
  server.extra_matchers = {{"cluster", LabelMatcher::Op::Equal, "eu\"1"}};
  QueryScope scope = scope_of(model::Engine::LlamaCpp);
  scope.match_names = {"model_name"};
  scope.match_values = {{"model_name", {"a/b", "c"}}};
  const QueryPlanner planner(server);
  const std::string expected =
      R"(label_replace(sum by (exported_namespace, pod, model_name) ()"
      R"(rate(llamacpp:prompt_tokens_total{exported_namespace="ml",model_name=~"a/b|c",)"
      R"(cluster="eu\"1"}[60s])), "tks_signal", "prompt_tokens/0", "", ""))";
  EXPECT_TRUE(planner.rates_query(scope).starts_with(expected)) << planner.rates_query(scope);
}

TEST(QueryPlan, EverySelectorCarriesTheNamespace) {
  Server server;
  for (const Preset& preset : presets()) {
    if (preset.sources.empty()) continue;
    const std::string text = all_queries(server, scope_of(preset.engine));
    std::size_t selectors = 0;
    for (std::size_t at = text.find('{'); at != std::string::npos; at = text.find('{', at + 1)) {
      ++selectors;
      const std::string inside = text.substr(at, text.find('}', at) - at);
      EXPECT_NE(inside.find("namespace=\"ml\""), std::string::npos) << inside;
    }
    EXPECT_GT(selectors, 4U) << preset.title;
  }
}

TEST(QueryPlan, MarksAreReadBack) {
  for (const RowKind kind :
       {RowKind::Value, RowKind::Change, RowKind::Newborn, RowKind::Reset, RowKind::SampledAt}) {
    for (int signal = 0; signal <= static_cast<int>(Signal::QueuedRequests); ++signal) {
      const RowMark mark{kind, static_cast<Signal>(signal), 3};
      EXPECT_EQ(parse_row_mark(to_string(mark)), mark) << to_string(mark);
    }
  }
  for (const char* bad :
       {"", "prompt_tokens", "prompt_tokens/", "prompt_tokens/x", "x/0", "change:/0"}) {
    EXPECT_EQ(parse_row_mark(bad), std::nullopt) << bad;
  }
}

}  // namespace
}  // namespace tokenscaler::prom
