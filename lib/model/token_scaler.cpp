#include "model/token_scaler.h"

namespace tokenscaler::model {

namespace {

using std::chrono::seconds;

ScalingPolicy pods(std::int32_t value, seconds period) {
  return {.type = ScalingPolicyType::Pods, .value = value, .period = period};
}

ScalingPolicy percent(std::int32_t value, seconds period) {
  return {.type = ScalingPolicyType::Percent, .value = value, .period = period};
}

}  // namespace

// Source of both defaults: k8s.io/kubernetes/pkg/apis/autoscaling/v2/defaults.go.
ScalingRules default_scale_up_rules() {
  ScalingRules rules;
  rules.stabilization_window = seconds(0);
  rules.policies = {pods(4, seconds(15)), percent(100, seconds(15))};
  return rules;
}

ScalingRules default_scale_down_rules() {
  ScalingRules rules;
  rules.stabilization_window = seconds(300);
  rules.policies = {percent(100, seconds(15))};
  return rules;
}

std::string_view to_string(Mode mode) {
  switch (mode) {
    case Mode::Scale:
      return "Scale";
    case Mode::Hpa:
      return "HPA";
    case Mode::Recommend:
      return "Recommend";
  }
  return "Scale";
}

std::string_view to_string(Engine engine) {
  switch (engine) {
    case Engine::Auto:
      return "Auto";
    case Engine::Vllm:
      return "VLLM";
    case Engine::Sglang:
      return "SGLang";
    case Engine::Tgi:
      return "TGI";
    case Engine::TensorRtLlm:
      return "TensorRTLLM";
    case Engine::Nim:
      return "NIM";
    case Engine::LlamaCpp:
      return "LlamaCpp";
    case Engine::LiteLlm:
      return "LiteLLM";
    case Engine::EnvoyAiGateway:
      return "EnvoyAIGateway";
    case Engine::InferenceExtension:
      return "InferenceExtension";
    case Engine::Custom:
      return "Custom";
  }
  return "Auto";
}

std::string_view to_string(ScalingPolicyType type) {
  return type == ScalingPolicyType::Pods ? "Pods" : "Percent";
}

std::string_view to_string(SelectPolicy policy) {
  switch (policy) {
    case SelectPolicy::Max:
      return "Max";
    case SelectPolicy::Min:
      return "Min";
    case SelectPolicy::Disabled:
      return "Disabled";
  }
  return "Max";
}

std::string_view to_string(MetricsUnavailablePolicy policy) {
  return policy == MetricsUnavailablePolicy::Hold ? "Hold" : "AtLeast";
}

template <>
const std::vector<Mode>& all_values<Mode>() {
  static const std::vector<Mode> kValues{Mode::Scale, Mode::Hpa, Mode::Recommend};
  return kValues;
}

template <>
const std::vector<Engine>& all_values<Engine>() {
  static const std::vector<Engine> kValues{Engine::Auto,           Engine::Vllm,
                                           Engine::Sglang,         Engine::Tgi,
                                           Engine::TensorRtLlm,    Engine::Nim,
                                           Engine::LlamaCpp,       Engine::LiteLlm,
                                           Engine::EnvoyAiGateway, Engine::InferenceExtension,
                                           Engine::Custom};
  return kValues;
}

template <>
const std::vector<ScalingPolicyType>& all_values<ScalingPolicyType>() {
  static const std::vector<ScalingPolicyType> kValues{ScalingPolicyType::Pods,
                                                      ScalingPolicyType::Percent};
  return kValues;
}

template <>
const std::vector<SelectPolicy>& all_values<SelectPolicy>() {
  static const std::vector<SelectPolicy> kValues{SelectPolicy::Max, SelectPolicy::Min,
                                                 SelectPolicy::Disabled};
  return kValues;
}

template <>
const std::vector<MetricsUnavailablePolicy>& all_values<MetricsUnavailablePolicy>() {
  static const std::vector<MetricsUnavailablePolicy> kValues{MetricsUnavailablePolicy::Hold,
                                                             MetricsUnavailablePolicy::AtLeast};
  return kValues;
}

}  // namespace tokenscaler::model
