#include "prom/detection.h"

#include <gtest/gtest.h>

namespace tokenscaler::prom {
namespace {

VectorElement found(const std::string& name_space, const std::string& pod,
                    const std::string& name) {
  return {.labels = Labels({{"namespace", name_space}, {"pod", pod}, {"__name__", name}}),
          .sample = {}};
}

TEST(Detection, TellsVersionsOfAHalfUpgradedFleet) {
  const DetectedSeries detected({found("ml", "old", "vllm:num_requests_running"),
                                 found("ml", "old", "vllm:gpu_cache_usage_perc"),
                                 found("ml", "new", "vllm:num_requests_running"),
                                 found("ml", "new", "vllm:kv_cache_usage_perc")},
                                Server());
  EXPECT_EQ(detected.engine_of("ml", "old")->engine, model::Engine::Vllm);
  EXPECT_EQ(detected.engine_of("ml", "new")->engine, model::Engine::Vllm);
  EXPECT_EQ(detected.version_of("ml", "old"), "vLLM V0 (vllm:gpu_cache_usage_perc)");
  EXPECT_EQ(detected.version_of("ml", "new"), "vLLM V1 (vllm:kv_cache_usage_perc)");
  EXPECT_EQ(detected.version_of("ml", "gone"), "");
}

TEST(Detection, NeedsSeveralNamesForNim) {
  const DetectedSeries detected(
      {found("ml", "stranger", "num_requests_running"),
       found("ml", "stranger", "num_requests_waiting"), found("ml", "nim", "num_requests_running"),
       found("ml", "nim", "num_requests_waiting"), found("ml", "nim", "gpu_cache_usage_perc")},
      Server());
  EXPECT_EQ(detected.engine_of("ml", "stranger"), nullptr);
  EXPECT_EQ(detected.engine_of("ml", "nim")->engine, model::Engine::Nim);
}

TEST(Detection, KeepsNamespacesAndGatewaysApart) {
  const DetectedSeries detected({found("ml", "a", "sglang:num_running_reqs"),
                                 found("gw", "epp", "inference_model_request_total")},
                                Server());
  EXPECT_EQ(detected.engine_of("other", "a"), nullptr);
  EXPECT_EQ(detected.engine_of("gw", "epp"), nullptr);
  EXPECT_EQ(detected.gateway_in({"ml"}), nullptr);
  EXPECT_EQ(detected.gateway_in({"ml", "gw"})->engine, model::Engine::InferenceExtension);
  EXPECT_EQ(detected.engines_in("ml").size(), 1U);
}

TEST(Detection, FindsEveryEngineByItsOwnFingerprints) {
  for (const Preset& preset : presets()) {
    if (preset.fingerprints.empty()) continue;
    Vector rows;
    for (const Fingerprint& print : preset.fingerprints) {
      rows.push_back(found("ml", "a", std::string(print.series)));
    }
    const DetectedSeries detected(rows, Server());
    const Preset* seen =
        preset.gateway ? detected.gateway_in({"ml"}) : detected.engine_of("ml", "a");
    ASSERT_NE(seen, nullptr) << preset.title;
    EXPECT_EQ(seen->engine, preset.engine) << preset.title;
  }
}

}  // namespace
}  // namespace tokenscaler::prom
