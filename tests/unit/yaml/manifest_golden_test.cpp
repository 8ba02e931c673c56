// Goal: a person who gets a manifest wrong is told what, where and what to do; and what is right
// survives being written and read again.
//
// tests/golden/manifests/bad/NAME.yaml holds a mistake, NAME.expected what `tokenscaler validate`
// says. Set UPDATE_GOLDEN=1 to write the .expected files anew; then read every difference as a user
// would.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "cli/manifests.h"
#include "cli/validate.h"
#include "json/parse.h"
#include "json/token_scaler_codec.h"
#include "json/write.h"
#include "model/validate.h"

namespace tokenscaler::cli {
namespace {

const std::filesystem::path kFolder = TOKENSCALER_SOURCE_DIR "/tests/golden/manifests";

std::string content(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<std::filesystem::path> manifests(const std::string& folder) {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(kFolder / folder)) {
    if (entry.path().extension() == ".yaml") paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

/// What `tokenscaler validate NAME.yaml` says in the file's own folder.
std::string validate(const std::filesystem::path& path, ExitStatus& status) {
  std::istringstream input;
  std::ostringstream output;
  std::ostringstream errors;
  status = run_validate({.files = {path.string()}}, input, output, errors);
  std::string said = errors.str() + output.str();
  const std::string folder = path.parent_path().string() + "/";
  for (std::size_t at = said.find(folder); at != std::string::npos; at = said.find(folder)) {
    said.erase(at, folder.size());
  }
  return said;
}

TEST(BadManifests, EachIsRefusedInTheExpectedWords) {
  const auto paths = manifests("bad");
  ASSERT_GE(paths.size(), 20U);
  for (const auto& path : paths) {
    SCOPED_TRACE(path.filename());
    ExitStatus status{};
    const std::string said = validate(path, status);
    EXPECT_EQ(status, ExitStatus::BadInput);
    auto expected = path;
    expected.replace_extension(".expected");
    if (std::getenv("UPDATE_GOLDEN") != nullptr) std::ofstream(expected) << said;
    EXPECT_EQ(said, content(expected));
    // Each error has advice, and none can steer a terminal.
    std::istringstream lines(said);
    for (std::string line; std::getline(lines, line);) {
      const bool is_error = line.find(" is valid") == std::string::npos &&
                            line.find(" is not a TokenScaler") == std::string::npos;
      EXPECT_TRUE(!is_error || line.ends_with(")")) << line;
      EXPECT_TRUE(std::none_of(line.begin(), line.end(),
                               [](char c) { return (c >= 0 && c < ' ') || c == '\x7f'; }));
    }
  }
}

// Method: decoded -> encoded -> text -> parsed -> decoded is the same object, and the encoded form
// of that is the same text.
TEST(GoodManifests, SurviveTheRoundTripThroughJson) {
  std::size_t objects = 0;
  for (const auto& path : manifests("good")) {
    SCOPED_TRACE(path.filename());
    ExitStatus status{};
    EXPECT_EQ((validate(path, status), status), ExitStatus::Done) << validate(path, status);
    const auto file = read_manifests(content(path), path.string());
    ASSERT_TRUE(file.has_value()) << file.error().to_string();
    for (const Manifest& manifest : file->manifests) {
      ++objects;
      const std::string text = json::write(json::encode(manifest.object)).value();
      std::vector<model::FieldError> errors;
      const auto again = json::decode_token_scaler(json::parse(text).value(), errors);
      EXPECT_TRUE(errors.empty()) << errors.front().path << ": " << errors.front().message;
      EXPECT_EQ(again, manifest.object);
      EXPECT_EQ(json::write(json::encode(again)).value(), text);
    }
  }
  EXPECT_EQ(objects, 5U);
}

TEST(GoodManifests, EveryFieldArrives) {
  const auto file = read_manifests(content(kFolder / "good/everything.yaml"), "everything.yaml");
  ASSERT_EQ(file->manifests.size(), 1U);
  const model::TokenScaler& object = file->manifests[0].object;
  const model::TokenScalerSpec& spec = object.spec;
  const model::TokenScalerSpec defaults;
  EXPECT_EQ(object.metadata.name, "llama-70b");
  EXPECT_EQ(object.metadata.name_space, "serving");
  EXPECT_EQ(object.metadata.labels.at("version"), "3.1");
  EXPECT_EQ(object.metadata.annotations.at("example.com/owner"), "team ä");
  EXPECT_EQ(spec.scale_target_ref.kind, "LeaderWorkerSet");
  EXPECT_EQ(spec.mode, model::Mode::Hpa);
  EXPECT_TRUE(spec.paused);
  EXPECT_EQ(spec.min_replicas, Replicas(2));
  EXPECT_EQ(spec.max_replicas, Replicas(24));
  EXPECT_EQ(spec.gpus_per_replica, GpuCount(8));
  EXPECT_EQ(spec.metrics.engine, model::Engine::Custom);
  EXPECT_EQ(spec.metrics.series_match_labels.at("tenant"), "a\"b\\c");
  EXPECT_EQ(spec.metrics.window, std::chrono::seconds(120));
  EXPECT_EQ(spec.metrics.queries.kv_cache_usage, "vector(0.5)");
  EXPECT_EQ(spec.capacity.tokens_per_second_per_gpu->prompt.value(), 8000.5);
  EXPECT_EQ(spec.signals.time_to_first_token, std::chrono::milliseconds(1500));
  EXPECT_EQ(spec.demand.buffer_factor.to_string(), "1.25");
  EXPECT_EQ(spec.behavior.scale_up.policies.size(), 2U);
  EXPECT_EQ(spec.behavior.scale_down.select_policy, model::SelectPolicy::Disabled);
  EXPECT_EQ(spec.behavior.scale_down.tolerance.to_string(), "0.2");
  EXPECT_EQ(spec.metrics_unavailable.replicas, Replicas(6));
  EXPECT_EQ(spec.cost->currency.code(), "EUR");
  EXPECT_EQ(spec.cost->price_per_replica_hour.to_string(), "1");
  // The file sets every group of fields to something else than its default.
  EXPECT_NE(spec.metrics, defaults.metrics);
  EXPECT_NE(spec.signals, defaults.signals);
  EXPECT_NE(spec.demand, defaults.demand);
  EXPECT_NE(spec.behavior.scale_up, defaults.behavior.scale_up);
  EXPECT_NE(spec.behavior.scale_down, defaults.behavior.scale_down);
  EXPECT_NE(spec.metrics_unavailable, defaults.metrics_unavailable);
}

TEST(GoodManifests, WhatIsLeftOutHasItsDefault) {
  const auto file = read_manifests(content(kFolder / "good/minimal.yaml"), "minimal.yaml");
  ASSERT_EQ(file->manifests.size(), 1U);
  model::TokenScaler expected;
  expected.metadata.name = "llama";
  expected.spec.scale_target_ref.name = "llama";
  expected.spec.max_replicas = Replicas(4);
  expected.spec.capacity.tokens_per_second_per_gpu = {.prompt = TokensPerSecond(8000),
                                                      .generation = TokensPerSecond(900)};
  EXPECT_EQ(file->manifests[0].object, expected);
}

}  // namespace
}  // namespace tokenscaler::cli
