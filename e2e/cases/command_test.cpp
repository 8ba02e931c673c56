// `tokenscaler` as a process: exit statuses, signals, pipes, and servers that are no Prometheus.
#include <csignal>
#include <memory>
#include <mutex>
#include <unistd.h>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cases/command_run.h"
#include "http/server.h"
#include "json/parse.h"

namespace tokenscaler::e2e {

namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

// As cli/exit_status.h documents them; written out, since scripts depend on the numbers.
constexpr ExitState kDone{.status = 0, .signal = 0};
constexpr ExitState kBadInput{.status = 1, .signal = 0};
constexpr ExitState kUsage{.status = 2, .signal = 0};
constexpr ExitState kUnreachable{.status = 3, .signal = 0};

constexpr std::string_view kManifest = R"(apiVersion: tokenscaler.io/v1alpha1
kind: TokenScaler
metadata: {name: llama, namespace: serving}
spec:
  scaleTargetRef: {name: llama}
  maxReplicas: 4
  capacity: {tokensPerSecondPerGPU: {prompt: 8000, generation: 600}}
)";

class Command : public testing::Test {
 protected:
  void SetUp() override {
    auto folder = TemporaryFolder::make();
    ASSERT_TRUE(folder) << folder.error().to_string();
    folder_ = std::make_unique<TemporaryFolder>(std::move(folder).value());
    manifest_ = write("llama.yaml", kManifest);
  }

  std::string write(const std::string& name, std::string_view text) {
    const auto file = folder_->path() / name;
    EXPECT_TRUE(replace_file(file, text));
    return file.string();
  }

  /// A server that gives every request the same answer.
  std::string serve(const http::Response& response) {
    auto server = http::Server::start(
        {}, http::answer_with([response](const http::Request&) { return response; }));
    EXPECT_TRUE(server);
    servers_.push_back(std::move(server).value());
    return servers_.back()->url();
  }

  /// A server that never answers.
  std::string serve_silence() {
    auto server = http::Server::start({}, [this](const http::Request&, http::Responder responder) {
      const std::scoped_lock lock(mutex_);
      held_.push_back(std::move(responder));
    });
    EXPECT_TRUE(server);
    servers_.push_back(std::move(server).value());
    return servers_.back()->url();
  }

  void TearDown() override {
    {
      const std::scoped_lock lock(mutex_);
      held_.clear();
    }
    servers_.clear();
  }

  [[nodiscard]] CommandResult recommend(const std::string& url,
                                        std::vector<std::string> more = {}) {
    std::vector<std::string> arguments{"recommend", "-f", manifest_, "--prometheus", url};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_command(std::move(arguments), clock_);
  }

  SystemClock clock_;
  std::unique_ptr<TemporaryFolder> folder_;
  std::string manifest_;
  std::mutex mutex_;
  std::vector<http::Responder> held_;
  std::vector<std::unique_ptr<http::Server>> servers_;
};

TEST_F(Command, ValidManifestIsDone) {
  const CommandResult result = run_command({"validate", manifest_}, clock_);
  EXPECT_EQ(result.state, kDone) << result.errors;
  EXPECT_THAT(result.output, HasSubstr("serving/llama is valid"));
  EXPECT_THAT(result.errors, IsEmpty());
}

TEST_F(Command, BadManifestSaysFileLineFieldAndWhatToDo) {
  const std::string bad = write("bad.yaml", std::string(kManifest) + "  minReplicas: 9\n");
  const CommandResult result = run_command({"validate", manifest_, bad}, clock_);
  EXPECT_EQ(result.state, kBadInput);
  EXPECT_THAT(result.errors, AllOf(HasSubstr("bad.yaml:8:"), HasSubstr("spec.minReplicas")));
  // The good one is told too.
  EXPECT_THAT(result.output, HasSubstr("llama.yaml: serving/llama is valid"));
}

TEST_F(Command, ValidateTellsJson) {
  const std::string bad = write("bad.yaml", "kind: TokenScaler\nspec: {maxReplicas: many}\n");
  const CommandResult result = run_command({"validate", "-o", "json", manifest_, bad}, clock_);
  EXPECT_EQ(result.state, kBadInput);
  const auto document = json::parse(result.output);
  ASSERT_TRUE(document) << result.output;
  ASSERT_NE(document->find("valid"), nullptr);
  EXPECT_EQ(document->find("valid")->array()->size(), 1U);
  ASSERT_NE(document->find("errors"), nullptr);
  ASSERT_FALSE(document->find("errors")->array()->empty());
  for (const json::Value& error : *document->find("errors")->array()) {
    EXPECT_THAT(*error.find("where")->string(), HasSubstr("bad.yaml"));
    EXPECT_THAT(*error.find("message")->string(), Not(IsEmpty()));
  }
}

TEST_F(Command, MissingFileIsBadInput) {
  const CommandResult result = run_command({"validate", "/no/such/file.yaml"}, clock_);
  EXPECT_EQ(result.state, kBadInput);
  EXPECT_THAT(result.errors, HasSubstr("/no/such/file.yaml"));
}

TEST_F(Command, WrongUsageSaysWhereTheHelpIs) {
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{},
        {"no-such-command"},
        {"recommend", "-f", "x"},
        {"recommend", "-f", "x", "--prometheus", "not a url"},
        {"validate"},
        {"validate", "x", "--output", "xml"}}) {
    const CommandResult result = run_command(arguments, clock_);
    EXPECT_EQ(result.state, kUsage) << testing::PrintToString(arguments) << result.errors;
    EXPECT_THAT(result.errors, Not(IsEmpty())) << testing::PrintToString(arguments);
    EXPECT_THAT(result.output, IsEmpty()) << testing::PrintToString(arguments);
  }
}

TEST_F(Command, HelpIsDone) {
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"--help"}, {"recommend", "--help"}, {"--version"}}) {
    const CommandResult result = run_command(arguments, clock_);
    EXPECT_EQ(result.state, kDone) << testing::PrintToString(arguments);
    EXPECT_THAT(result.output, HasSubstr("tokenscaler"));
  }
}

TEST_F(Command, RefusedConnectionIsUnreachable) {
  std::string url = serve(http::Response::text(200, ""));
  servers_.clear();  // Nobody listens there any more.
  const CommandResult result = recommend(url);
  EXPECT_EQ(result.state, kUnreachable);
  EXPECT_THAT(result.errors, HasSubstr(url));
  EXPECT_THAT(result.output, IsEmpty());
}

TEST_F(Command, LoginPageIsUnreachable) {
  http::Response page = http::Response::text(200, "<!DOCTYPE html><title>Sign in</title>");
  page.headers = {{"Content-Type", "text/html"}};
  const CommandResult result = recommend(serve(page));
  EXPECT_EQ(result.state, kUnreachable);
  EXPECT_THAT(result.errors, HasSubstr("HTML"));
  EXPECT_THAT(result.output, IsEmpty());
}

TEST_F(Command, RefusedCredentialsAreNamedAndNotShown) {
  const std::string token = write("token", "s3cret-token");
  const CommandResult result =
      recommend(serve(http::Response::text(401, "no")), {"--bearer-token-file", token});
  EXPECT_EQ(result.state, kUnreachable);
  EXPECT_THAT(result.errors, AllOf(HasSubstr("401"), Not(HasSubstr("s3cret-token"))));
}

TEST_F(Command, TruncatedAnswerIsUnreachable) {
  const CommandResult result = recommend(
      serve(http::Response::json(200, R"({"status":"success","data":{"resultType":"vec)")));
  EXPECT_EQ(result.state, kUnreachable);
  EXPECT_THAT(result.errors, Not(IsEmpty()));
}

TEST_F(Command, SilentServerMeetsTheDeadline) {
  const SteadyTime begun = clock_.steady();
  const CommandResult result = recommend(serve_silence(), {"--query-timeout-seconds", "1"});
  EXPECT_EQ(result.state, kUnreachable) << result.errors;
  // The target's state and the fleet are asked for one after the other, 1 s each.
  EXPECT_LT(Seconds(clock_.steady() - begun), Seconds(10));
}

/// SIGTERM at any moment ends a watch within a second, and is no failure.
void expect_stops(Clock& clock, const std::vector<std::string>& arguments,
                  std::chrono::milliseconds after) {
  auto run = CommandRun::start(arguments);
  ASSERT_TRUE(run) << run.error().to_string();
  EXPECT_EQ(run->wait(clock, after), std::nullopt) << "it ended by itself: " << run->errors();
  const SteadyTime asked = clock.steady();
  run->process().send_signal(SIGTERM);
  EXPECT_EQ(run->wait(clock, 10s), kDone) << run->errors();
  EXPECT_LT(Seconds(clock.steady() - asked), Seconds(1));
}

TEST_F(Command, WatchStopsBetweenEvaluations) {
  const std::string url = serve(http::Response::text(503, "starting"));
  expect_stops(
      clock_,
      {"recommend", "-f", manifest_, "--prometheus", url, "--watch", "--interval-seconds", "3600"},
      1s);
}

TEST_F(Command, WatchStopsInTheMiddleOfAQuery) {
  expect_stops(clock_,
               {"recommend", "-f", manifest_, "--prometheus", serve_silence(), "--watch",
                "--query-timeout-seconds", "60"},
               1s);
}

TEST_F(Command, WatchGoesOnAfterFailures) {
  const CommandResult result = recommend(serve(http::Response::text(503, "starting")),
                                         {"--watch", "--interval-seconds", "1", "--cycles", "3"});
  // The last evaluation decides.
  EXPECT_EQ(result.state, kUnreachable);
  std::size_t lines = 0;
  for (const char c : result.errors) lines += c == '\n' ? 1 : 0;
  EXPECT_EQ(lines, 3U) << result.errors;
}

TEST_F(Command, BrokenPipeIsNoCrash) {
  int ends[2] = {-1, -1};
  ASSERT_EQ(::pipe(ends), 0);
  ::close(ends[0]);
  auto run = CommandRun::start({"validate", manifest_}, ends[1]);
  ::close(ends[1]);
  ASSERT_TRUE(run);
  const auto state = run->wait(clock_, 10s);
  ASSERT_TRUE(state);
  EXPECT_EQ(state->signal, 0);
}

}  // namespace

}  // namespace tokenscaler::e2e
