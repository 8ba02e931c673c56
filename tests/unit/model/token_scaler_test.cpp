#include "model/token_scaler.h"

#include <set>

#include <gtest/gtest.h>

namespace tokenscaler::model {
namespace {

template <class Enum>
std::vector<std::string> words() {
  std::vector<std::string> result;
  for (const Enum value : all_values<Enum>()) result.emplace_back(to_string(value));
  return result;
}

using Words = std::vector<std::string>;

TEST(TokenScalerWords, AreThoseOfTheManifest) {
  EXPECT_EQ(words<Mode>(), (Words{"Scale", "HPA", "Recommend"}));
  EXPECT_EQ(words<Engine>(),
            (Words{"Auto", "VLLM", "SGLang", "TGI", "TensorRTLLM", "NIM", "LlamaCpp", "LiteLLM",
                   "EnvoyAIGateway", "InferenceExtension", "Custom"}));
  EXPECT_EQ(words<ScalingPolicyType>(), (Words{"Pods", "Percent"}));
  EXPECT_EQ(words<SelectPolicy>(), (Words{"Max", "Min", "Disabled"}));
  EXPECT_EQ(words<MetricsUnavailablePolicy>(), (Words{"Hold", "AtLeast"}));
}

TEST(TokenScalerWords, AreInTheOrderOfTheDeclarationWithoutGaps) {
  const auto& engines = all_values<Engine>();
  for (std::size_t i = 0; i < engines.size(); ++i) {
    EXPECT_EQ(static_cast<std::size_t>(engines[i]), i);
  }
  EXPECT_EQ(engines.back(), Engine::Custom);
}

TEST(Defaults, OfBehaviorAreThoseOfTheHpa) {
  const ScalingRules up = default_scale_up_rules();
  EXPECT_EQ(up.stabilization_window, std::chrono::seconds(0));
  ASSERT_EQ(up.policies.size(), 2U);
  EXPECT_EQ(up.policies[0], (ScalingPolicy{ScalingPolicyType::Pods, 4, std::chrono::seconds(15)}));
  EXPECT_EQ(up.policies[1],
            (ScalingPolicy{ScalingPolicyType::Percent, 100, std::chrono::seconds(15)}));
  EXPECT_EQ(up.select_policy, SelectPolicy::Max);
  EXPECT_EQ(up.tolerance.to_string(), "0.1");
  const ScalingRules down = default_scale_down_rules();
  EXPECT_EQ(down.stabilization_window, std::chrono::seconds(300));
  ASSERT_EQ(down.policies.size(), 1U);
  EXPECT_EQ(down.policies[0], up.policies[1]);
}

TEST(Defaults, OfTheSpec) {
  const TokenScalerSpec spec;
  EXPECT_EQ(spec.demand.buffer_factor.to_string(), "1.3");
  EXPECT_EQ(spec.signals.kv_cache_usage_percent, 90);
  EXPECT_EQ(spec.metrics.window, std::chrono::seconds(60));
  EXPECT_EQ(spec.metrics_unavailable.policy, MetricsUnavailablePolicy::Hold);
}

}  // namespace
}  // namespace tokenscaler::model
