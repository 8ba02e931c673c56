// `tokenscaler validate`: what it prints and answers. The texts of each mistake are golden files in
// tests/golden/manifests.
#include "validate.h"

#include <sstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "manifests.h"

namespace tokenscaler::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

const std::string kGood = R"(
apiVersion: tokenscaler.io/v1alpha1
kind: TokenScaler
metadata: {name: llama, namespace: serving}
spec:
  scaleTargetRef: {name: llama-8b}
  maxReplicas: 4
  capacity: {tokensPerSecondPerGPU: {prompt: 8000, generation: "600"}}
)";

struct Outcome {
  ExitStatus status;
  std::string output;
  std::string errors;
};

Outcome check(const std::string& text, OutputFormat format = OutputFormat::Text) {
  std::istringstream input(text);
  std::ostringstream output;
  std::ostringstream errors;
  const ExitStatus status = run_validate({.files = {"-"}, .output = format}, input, output, errors);
  return {status, output.str(), errors.str()};
}

TEST(Validate, AGoodManifestIsNamed) {
  const Outcome run = check(kGood);
  EXPECT_EQ(run.status, ExitStatus::Done) << run.errors;
  EXPECT_EQ(run.output, "-: serving/llama is valid\n");
  EXPECT_EQ(run.errors, "");
}

TEST(Validate, EveryMistakeHasItsLineAndField) {
  std::string text = kGood;
  text.replace(text.find("maxReplicas: 4"), 14, "maxReplicas: 0");
  const Outcome run = check(text);
  EXPECT_EQ(run.status, ExitStatus::BadInput);
  EXPECT_THAT(run.errors, AllOf(HasSubstr("-:7:3: spec.maxReplicas: 0 is outside 1..100000"),
                                HasSubstr("(write a number from 1 to 100000)")));
}

TEST(Validate, AnUnknownFieldIsAMistakeAndTheLikelyOneIsNamed) {
  std::string text = kGood;
  text.replace(text.find("maxReplicas"), 11, "maxReplica");
  const Outcome run = check(text);
  EXPECT_EQ(run.status, ExitStatus::BadInput);
  EXPECT_THAT(run.errors, AllOf(HasSubstr("spec.maxReplica"), HasSubstr("maxReplicas")));
}

TEST(Validate, OtherKindsArePassedOver) {
  const Outcome run =
      check("apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\n---" + kGood);
  EXPECT_EQ(run.status, ExitStatus::Done) << run.errors;
  EXPECT_THAT(run.output, HasSubstr("-: Deployment d is not a TokenScaler and was passed over\n"));
}

TEST(Validate, AFileWithoutATokenScalerIsAMistake) {
  const Outcome run = check("apiVersion: v1\nkind: Service\nmetadata: {name: s}\n");
  EXPECT_EQ(run.status, ExitStatus::BadInput);
  EXPECT_THAT(run.errors, HasSubstr("-: has no TokenScaler"));
}

TEST(Validate, JsonOutputHoldsTheSame) {
  const Outcome run = check("kind: TokenScaler", OutputFormat::Json);
  EXPECT_EQ(run.status, ExitStatus::BadInput);
  EXPECT_THAT(run.output, AllOf(HasSubstr("\"errors\""), HasSubstr("-:1:1: apiVersion")));
}

TEST(Validate, AFileThatIsNotThereIsTold) {
  std::istringstream input;
  std::ostringstream output;
  std::ostringstream errors;
  EXPECT_EQ(run_validate({.files = {"no/such/file.yaml", "/"}}, input, output, errors),
            ExitStatus::BadInput);
  EXPECT_THAT(errors.str(),
              AllOf(HasSubstr("no/such/file.yaml: cannot be opened: No such file or directory"),
                    HasSubstr("/: is a folder (name a file)")));
}

TEST(Validate, AnEndlessInputIsCutOff) {
  std::istringstream input(std::string(kMaxManifestBytes + 1, ' '));
  EXPECT_EQ(read_text("-", input).error().code, ErrorCode::LimitExceeded);
}

TEST(LoadTokenScaler, OneOfSeveralIsChosenByName) {
  const std::string other = [] {
    std::string text = kGood;
    return text.replace(text.find("name: llama,"), 11, "name: other");
  }();
  const std::string both = kGood + "---" + other;
  std::ostringstream errors;
  std::istringstream first(both);
  const auto chosen = load_token_scaler("-", "other", first, errors);
  ASSERT_TRUE(chosen) << chosen.error().to_string();
  EXPECT_EQ(chosen->metadata.name, "other");
  std::istringstream second(both);
  EXPECT_THAT(load_token_scaler("-", "", second, errors).error().to_string(),
              HasSubstr("has several TokenScalers (choose one with --name)"));
  std::istringstream third(both);
  EXPECT_THAT(load_token_scaler("-", "none", third, errors).error().to_string(),
              HasSubstr("has no TokenScaler named \"none\""));
}

}  // namespace
}  // namespace tokenscaler::cli
