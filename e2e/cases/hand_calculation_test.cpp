// The figures of `tokenscaler recommend`, all the way from an engine's page over a real Prometheus
// to the printed JSON, against a calculation by hand.
#include <cmath>
#include <cstdio>
#include <limits>
#include <memory>
#include <sstream>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cases/command_run.h"
#include "cases/kube_state_metrics.h"
#include "cases/metrics_endpoint.h"
#include "cases/prometheus_process.h"
#include "http/curl_client.h"
#include "json/parse.h"

namespace tokenscaler::e2e {

namespace {

using namespace std::chrono_literals;

// --- What is given ----------------------------------------------------------------------------

/// Each of three engines.
constexpr EngineLoad kLoad{.prompt_tokens_per_second = 1500,
                           .cached_prompt_tokens_per_second = 500,
                           .generation_tokens_per_second = 400,
                           .finished_requests_per_second = 5,
                           .running_requests = 10,
                           .waiting_requests = 2,
                           .waiting_growth_per_second = 0,
                           .kv_cache_usage = 0.6};

/// Two GPUs for each replica are told by kube-state-metrics.
constexpr std::string_view kManifest = R"(apiVersion: tokenscaler.io/v1alpha1
kind: TokenScaler
metadata: {name: llama, namespace: serving}
spec:
  scaleTargetRef: {kind: Deployment, name: llama}
  minReplicas: 1
  maxReplicas: 12
  metrics: {windowSeconds: 15}
  capacity: {tokensPerSecondPerGPU: {prompt: 2000, generation: 215}}
  demand: {bufferFactor: "1.25", queueDrainSeconds: 10}
  cost:
    currency: USD
    pricePerGPUHour: "2.50"
    storagePerReplicaHour: "0.10"
    networkPerReplicaHour: "0.05"
)";

// --- What follows, by hand --------------------------------------------------------------------

constexpr double kPrompt = 4500;              // 3 x 1500
constexpr double kCachedPrompt = 1500;        // 3 x 500
constexpr double kUncachedPrompt = 3000;      // 4500 - 1500
constexpr double kGeneration = 1200;          // 3 x 400
constexpr double kArrivals = 15;              // 3 x 5 finished, and nothing piles up
constexpr double kMeanPrompt = 300;           // 1500 / 5
constexpr double kMeanGeneration = 80;        // 400 / 5
constexpr double kPromptOffered = 3000;       // 15 x 300 x 3000 / 4500
constexpr double kGenerationOffered = 1200;   // 15 x 80
constexpr double kPromptBacklog = 120;        // 3 x 2 waiting x 200 uncached / 10 s
constexpr double kGenerationBacklog = 48;     // 3 x 2 waiting x 80 / 10 s
constexpr double kPromptRequired = 3900;      // (3000 + 120) x 1.25
constexpr double kGenerationRequired = 1560;  // (1200 + 48) x 1.25
constexpr double kPromptNeeded = 0.975;       // 3900 / (2 x 2000)
constexpr double kGenerationNeeded = 3.628;   // 1560 / (2 x 215), binds
constexpr double kKvCacheNeeded = 2.0;        // 3 x 0.6 / 0.9, the default target
constexpr std::int64_t kCurrent = 3;
constexpr std::int64_t kDesired = 4;  // 3.628 / 3 = 1.21, beyond the tolerance of 1.1
constexpr std::string_view kPerReplicaHour = "5.15";   // 2 x 2.50 + 0.10 + 0.05
constexpr std::string_view kCurrentPerHour = "15.45";  // 3 x 5.15
constexpr std::string_view kDesiredPerHour = "20.6";   // 4 x 5.15
constexpr double kObserved = 0.752924;                 // 15.45 / ((4500 + 1200) x 3600) x 1,000,000
constexpr double kObservedGeneration = 3.576389;       // 15.45 / (1200 x 3600) x 1,000,000
constexpr double kPromptAtCapacity = 0.357639;         // 5.15 / (2 x 2000 x 3600) x 1,000,000
constexpr double kGenerationAtCapacity = 3.326873;     // 5.15 / (2 x 215 x 3600) x 1,000,000

/// The sums at the exporters are exact; a scrape may be stamped some 0.5 s off on a busy machine,
/// of a window of 15 s.
constexpr double kMeasuredBound = 0.05;
/// Prices at capacity are no measurement: only the digits above are rounded.
constexpr double kComputedBound = 1e-5;

/// Three engines, kube-state-metrics and Prometheus, for all tests of this program.
class Serving : public testing::Environment {
 public:
  static constexpr std::chrono::seconds kWindowIsFull{26};

  void SetUp() override {
    auto client = http::make_curl_client({});
    ASSERT_TRUE(client);
    client_ = std::move(client).value();
    auto endpoint = MetricsEndpoint::start();
    ASSERT_TRUE(endpoint);
    endpoint_ = std::move(endpoint).value();
    auto prometheus = PrometheusProcess::start(
        {.jobs = {engines(), state()}, .external_labels = {}}, *client_, clock_);
    ASSERT_TRUE(prometheus) << prometheus.error().to_string();
    prometheus_ = std::move(prometheus).value();
    auto folder = TemporaryFolder::make();
    ASSERT_TRUE(folder);
    folder_ = std::make_unique<TemporaryFolder>(std::move(folder).value());
    ASSERT_TRUE(replace_file(manifest(), kManifest));
    clock_.wait_until({}, clock_.steady() + kWindowIsFull);
  }

  void TearDown() override {
    prometheus_.reset();
    endpoint_.reset();
  }

  [[nodiscard]] std::string manifest() const { return (folder_->path() / "llama.yaml").string(); }
  [[nodiscard]] std::vector<std::string> arguments(std::vector<std::string> more) const {
    std::vector<std::string> all{"recommend", "-f", manifest(), "--prometheus", prometheus_->url()};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
  [[nodiscard]] SystemClock& clock() { return clock_; }

 private:
  ScrapeJob engines() {
    ScrapeJob job;
    job.name = "engines";
    for (const std::string pod : {"llama-0", "llama-1", "llama-2"}) {
      EngineIdentity identity;
      identity.name_space = "serving";
      identity.pod = pod;
      job.targets.push_back(
          endpoint_->add(std::make_shared<ScriptedEngine>(identity, kLoad, clock_)));
    }
    return job;
  }

  ScrapeJob state() {
    const WallTime since = clock_.wall() - 1h;
    KubeDeployment deployment{.name_space = "serving",
                              .name = "llama",
                              .spec_replicas = 3,
                              .updated_replicas = 3,
                              .replica_sets = {"llama-6d5f"}};
    for (const std::string pod : {"llama-0", "llama-1", "llama-2"}) {
      deployment.pods.push_back({.name = pod,
                                 .replica_set = "llama-6d5f",
                                 .created = since,
                                 .ready_since = since,
                                 .gpus = 2});
    }
    ScrapeJob job;
    job.name = "kube-state-metrics";
    job.honor_labels = true;
    const auto metrics = std::make_shared<KubeStateMetrics>(std::move(deployment));
    job.targets.push_back(
        endpoint_->add_page("kube-state-metrics", [metrics] { return metrics->page(); }));
    return job;
  }

  SystemClock clock_;
  std::unique_ptr<http::Client> client_;
  std::unique_ptr<MetricsEndpoint> endpoint_;
  std::unique_ptr<PrometheusProcess> prometheus_;
  std::unique_ptr<TemporaryFolder> folder_;
};

Serving* serving = nullptr;

double number_at(const json::Value& document, std::string_view a, std::string_view b) {
  const json::Value* value = document.find(a, b);
  if (value == nullptr) return std::numeric_limits<double>::quiet_NaN();
  if (const std::string* text = value->string()) return std::stod(*text);
  return value->number().value_or(NAN);
}

void expect_near(const json::Value& document, std::string_view a, std::string_view b,
                 double expected, double bound = kMeasuredBound) {
  EXPECT_NEAR(number_at(document, a, b), expected, expected * bound) << a << "." << b;
}

void expect_demand(const json::Value& document, std::string_view kind, double served,
                   double offered, double backlog, double required) {
  const json::Value* demand = document.find("demand", kind);
  ASSERT_NE(demand, nullptr);
  const auto expect = [&](std::string_view name, double expected) {
    EXPECT_NEAR(demand->find(name)->number().value_or(NAN), expected, expected * kMeasuredBound)
        << kind << "." << name;
  };
  expect("servedTokensPerSecond", served);
  expect("offeredTokensPerSecond", offered);
  expect("backlogTokensPerSecond", backlog);
  expect("requiredTokensPerSecond", required);
}

double needed_by(const json::Value& document, std::string_view signal) {
  for (const json::Value& proposal : *document.find("recommendation", "proposals")->array()) {
    if (*proposal.find("signal")->string() == signal) {
      return proposal.find("neededReplicas")->number().value_or(NAN);
    }
  }
  return std::numeric_limits<double>::quiet_NaN();
}

std::string text_at(const json::Value& document, std::string_view a, std::string_view b) {
  const json::Value* value = document.find(a, b);
  return value == nullptr || value->string() == nullptr ? "" : *value->string();
}

void expect_calculated(const json::Value& document) {
  expect_near(document, "measurement", "promptTokensPerSecond", kPrompt);
  expect_near(document, "measurement", "cachedPromptTokensPerSecond", kCachedPrompt);
  expect_near(document, "measurement", "generationTokensPerSecond", kGeneration);
  expect_near(document, "demand", "arrivalsPerSecond", kArrivals);
  const json::Value* shape = document.find("demand", "requestShape");
  ASSERT_NE(shape, nullptr);
  EXPECT_NEAR(shape->find("promptTokens")->number().value_or(NAN), kMeanPrompt,
              kMeanPrompt * kMeasuredBound);
  EXPECT_NEAR(shape->find("generationTokens")->number().value_or(NAN), kMeanGeneration,
              kMeanGeneration * kMeasuredBound);
  expect_demand(document, "prompt", kUncachedPrompt, kPromptOffered, kPromptBacklog,
                kPromptRequired);
  expect_demand(document, "generation", kGeneration, kGenerationOffered, kGenerationBacklog,
                kGenerationRequired);
  EXPECT_NEAR(needed_by(document, "PromptTokens"), kPromptNeeded, kPromptNeeded * kMeasuredBound);
  EXPECT_NEAR(needed_by(document, "GenerationTokens"), kGenerationNeeded,
              kGenerationNeeded * kMeasuredBound);
  EXPECT_NEAR(needed_by(document, "KVCache"), kKvCacheNeeded, kKvCacheNeeded * kComputedBound);

  EXPECT_EQ(document.find("currentReplicas")->integer(), kCurrent);
  EXPECT_EQ(document.find("desiredReplicas")->integer(), kDesired);
  EXPECT_EQ(*document.find("boundBy")->string(), "GenerationTokens");
  EXPECT_EQ(*document.find("verdict")->string(), "ScaleUp");

  EXPECT_EQ(text_at(document, "cost", "currency"), "USD");
  EXPECT_EQ(text_at(document, "cost", "perReplicaHour"), kPerReplicaHour);
  EXPECT_EQ(text_at(document, "cost", "currentPerHour"), kCurrentPerHour);
  EXPECT_EQ(text_at(document, "cost", "desiredPerHour"), kDesiredPerHour);
  expect_near(document, "cost", "observedPerMillionTokens", kObserved);
  expect_near(document, "cost", "observedGenerationPerMillionTokens", kObservedGeneration);
  expect_near(document, "cost", "observedGenerationPerThousandTokens", kObservedGeneration / 1000);
  expect_near(document, "cost", "promptAtCapacityPerMillionTokens", kPromptAtCapacity,
              kComputedBound);
  expect_near(document, "cost", "generationAtCapacityPerMillionTokens", kGenerationAtCapacity,
              kComputedBound);
}

TEST(HandCalculation, OneRecommendationAgrees) {
  const CommandResult result =
      run_command(serving->arguments({"--output", "json"}), serving->clock());
  ASSERT_EQ(result.state, (ExitState{.status = 0, .signal = 0})) << result.errors;
  const auto document = json::parse(result.output);
  ASSERT_TRUE(document) << result.output;
  expect_calculated(*document);
  if (HasFailure()) std::puts(result.output.c_str());
}

TEST(HandCalculation, EveryLineOfAWatchAgrees) {
  const CommandResult result =
      run_command(serving->arguments(
                      {"--output", "json", "--watch", "--interval-seconds", "1", "--cycles", "3"}),
                  serving->clock());
  ASSERT_EQ(result.state, (ExitState{.status = 0, .signal = 0})) << result.errors;
  std::istringstream lines(result.output);
  int count = 0;
  for (std::string line; std::getline(lines, line); ++count) {
    const auto document = json::parse(line);
    ASSERT_TRUE(document) << line;
    expect_calculated(*document);
  }
  EXPECT_EQ(count, 3);
}

TEST(HandCalculation, TextNamesTheFigures) {
  const CommandResult result = run_command(serving->arguments({}), serving->clock());
  ASSERT_EQ(result.state, (ExitState{.status = 0, .signal = 0})) << result.errors;
  EXPECT_THAT(
      result.output,
      testing::AllOf(testing::HasSubstr("3 -> 4 replicas"), testing::HasSubstr("ScaleUp"),
                     testing::HasSubstr("GenerationTokens"), testing::HasSubstr("USD 15.45/h"),
                     testing::HasSubstr("USD 20.60/h"), testing::HasSubstr("2 GPUs each")));
}

// `tokenscaler recommend --watch | head -1`
TEST(HandCalculation, WatchEndsWhenItsReaderHasGone) {
  int ends[2] = {-1, -1};
  ASSERT_EQ(::pipe(ends), 0);
  ::close(ends[0]);
  auto run = CommandRun::start(serving->arguments({"--watch", "--interval-seconds", "1"}), ends[1]);
  ::close(ends[1]);
  ASSERT_TRUE(run);
  EXPECT_EQ(run->wait(serving->clock(), 15s), (ExitState{.status = 0, .signal = 0}))
      << run->errors();
}

}  // namespace

}  // namespace tokenscaler::e2e

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  tokenscaler::e2e::serving = new tokenscaler::e2e::Serving();  // GoogleTest owns it.
  testing::AddGlobalTestEnvironment(tokenscaler::e2e::serving);
  return RUN_ALL_TESTS();
}
