// Whose series are read: other models, other pods and other namespaces are not.
#include "cases/expectations.h"
#include "cases/scripts.h"

namespace tokenscaler::e2e {

using namespace std::chrono_literals;

namespace {

constexpr std::chrono::seconds kEnd = 166s;

/// What would end a string, a selector or a regular expression if it were not escaped.
constexpr std::string_view kHostileModel = "a\"} or vector(1e9) #\\ .*|\n{b=~'c";

EngineLoad twice(const EngineLoad& load) {
  EngineLoad result = load;
  result.prompt_tokens_per_second *= 2;
  result.cached_prompt_tokens_per_second *= 2;
  result.generation_tokens_per_second *= 2;
  result.finished_requests_per_second *= 2;
  return result;
}

/// Selected by model alone: the read names no pods.
Fleet& add_model(Timeline& timeline, const std::string& name, const std::string& name_space,
                 const std::string& prefix, std::string_view model, std::size_t pods) {
  Fleet& fleet = timeline.add_fleet({.name = name,
                                     .name_space = name_space,
                                     .pods = pods,
                                     .pod_prefix = prefix,
                                     .identity = {.model = std::string(model)}});
  fleet.spec.metrics.series_match_labels = {{"model_name", std::string(model)}};
  fleet.pods_are_named = false;
  return fleet;
}

std::vector<std::string> pods_of(const Cycle& cycle) {
  std::vector<std::string> names;
  if (!cycle.observation) return names;
  for (const scaling::PodSignals& pod : cycle.observation->pods) names.push_back(pod.pod);
  return names;
}

testing::AssertionResult has_pods(const Cycle& cycle, const std::vector<std::string>& names) {
  if (pods_of(cycle) == names) return testing::AssertionSuccess();
  return testing::AssertionFailure() << "other pods" << describe(cycle);
}

}  // namespace

void script_selection(Timeline& timeline) {
  add_model(timeline, "model-a", "two-models", "a", "meta/llama-70b", 3);
  add_model(timeline, "model-b", "two-models", "b", "qwen-32b", 2);
  add_model(timeline, "hostile-model", "hostile", "h", kHostileModel, 3);
  add_model(timeline, "plain-model", "hostile", "p", "a", 2);

  timeline.add_fleet({.name = "twin-a", .pod_prefix = "same"});
  timeline.add_fleet({.name = "twin-b", .pod_prefix = "same", .load = twice(kTypicalLoad)});

  Fleet& fleet = timeline.add_fleet({.name = "neighbours"});
  for (const std::string pod : {"other-0", "other-1"}) {
    EngineIdentity identity;
    identity.pod = pod;
    timeline.add_pod(fleet, identity, kTypicalLoad).scraped = true;
  }
}

namespace {

TEST(Selection, ModelsOfOneNamespaceAreApart) {
  expect_each(recorded("model-a"), kWarm, kEnd, [](const Cycle& cycle) {
    const testing::AssertionResult result = has_pods(cycle, {"a-0", "a-1", "a-2"});
    return result ? is_right(cycle, 3 * kReplicasPerTypicalEngine, 3) : result;
  });
  expect_each(recorded("model-b"), kWarm, kEnd, [](const Cycle& cycle) {
    const testing::AssertionResult result = has_pods(cycle, {"b-0", "b-1"});
    return result ? is_right(cycle, 2 * kReplicasPerTypicalEngine, 2) : result;
  });
}

TEST(Selection, HostileLabelValuesAreValues) {
  expect_each(recorded("hostile-model"), kWarm, kEnd, [](const Cycle& cycle) {
    const testing::AssertionResult result = has_pods(cycle, {"h-0", "h-1", "h-2"});
    return result ? is_right(cycle, 3 * kReplicasPerTypicalEngine, 3) : result;
  });
  expect_each(recorded("plain-model"), kWarm, kEnd, [](const Cycle& cycle) {
    const testing::AssertionResult result = has_pods(cycle, {"p-0", "p-1"});
    return result ? is_right(cycle, 2 * kReplicasPerTypicalEngine, 2) : result;
  });
}

// Pods of the same name in two namespaces, the second with twice the load.
TEST(Selection, NamespacesAreApart) {
  expect_each(recorded("twin-a"), kWarm, kEnd, [](const Cycle& cycle) {
    const testing::AssertionResult result = reads_load(cycle, "same-0", kTypicalLoad);
    return result ? is_right(cycle, 3 * kReplicasPerTypicalEngine, 3) : result;
  });
  expect_each(recorded("twin-b"), kWarm, kEnd, [](const Cycle& cycle) {
    const testing::AssertionResult result = reads_load(cycle, "same-0", twice(kTypicalLoad));
    return result ? is_right(cycle, 6 * kReplicasPerTypicalEngine, 6) : result;
  });
}

// Pods with the same model in the same namespace that belong to another target.
TEST(Selection, PodsOfOthersAreNotRead) {
  expect_each(recorded("neighbours"), kWarm, kEnd, [](const Cycle& cycle) {
    const testing::AssertionResult result = has_pods(cycle, {"llm-0", "llm-1", "llm-2"});
    return result ? is_right(cycle, 3 * kReplicasPerTypicalEngine, 3) : result;
  });
}

}  // namespace

}  // namespace tokenscaler::e2e
