// `tokenscaler recommend` where no Prometheus answers. With one: e2e/cases.
#include "recommend.h"

#include <sstream>
#include <stop_token>
#include <string>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "http/server.h"

namespace tokenscaler::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

const std::string kManifest = R"(
apiVersion: tokenscaler.io/v1alpha1
kind: TokenScaler
metadata: {name: llama}
spec:
  scaleTargetRef: {name: llama-8b}
  maxReplicas: 4
  gpusPerReplica: 1
  capacity: {tokensPerSecondPerGPU: {prompt: 8000, generation: 600}}
)";

RecommendCommand command(std::string url) {
  RecommendCommand result;
  result.file = "-";
  result.server.url = std::move(url);
  return result;
}

/// The address of a port on which nobody listens any more.
std::string closed_port() {
  auto server = http::Server::start(
      {}, http::answer_with([](const http::Request&) { return http::Response::text(200, ""); }));
  return (*server)->url();
}

struct Outcome {
  ExitStatus status;
  std::string output;
  std::string errors;
};

Outcome recommend(const RecommendCommand& what, const std::string& manifest, Clock& clock,
                  const std::stop_token& stop = {}) {
  std::istringstream input(manifest);
  std::ostringstream output;
  std::ostringstream errors;
  const ExitStatus status = run_recommend(what, input, output, errors, clock, stop);
  return {status, output.str(), errors.str()};
}

TEST(Recommend, ABadManifestIsToldBeforeAnythingIsAsked) {
  SystemClock clock;
  const Outcome run = recommend(command("http://127.0.0.1:1"), "kind: TokenScaler", clock);
  EXPECT_EQ(run.status, ExitStatus::BadInput);
  EXPECT_THAT(run.errors, HasSubstr("-:1:1: apiVersion"));
}

TEST(Recommend, AClosedPortIsUnreachable) {
  SystemClock clock;
  const Outcome run = recommend(command(closed_port()), kManifest, clock);
  EXPECT_EQ(run.status, ExitStatus::Unreachable);
  EXPECT_THAT(run.errors, HasSubstr("refused"));
  EXPECT_EQ(run.output, "");
}

/// Waiting takes no time: the clock jumps to where it is asked to wait.
class SkippingClock final : public Clock {
 public:
  WallTime wall() const override {
    return std::chrono::floor<std::chrono::milliseconds>(WallTime{} + now_.time_since_epoch());
  }
  SteadyTime steady() const override { return now_; }
  bool wait_until(const std::stop_token& stop, SteadyTime when) override {
    now_ = when;
    return !stop.stop_requested();
  }

 private:
  SteadyTime now_{};
};

TEST(Recommend, AWatchGoesOnWhenPrometheusDoesNotAnswer) {
  SkippingClock clock;
  RecommendCommand watch = command(closed_port());
  watch.watch = true;
  watch.cycles = 3;
  const Outcome run = recommend(watch, kManifest, clock);
  EXPECT_EQ(run.status, ExitStatus::Unreachable);
  std::size_t failures = 0;
  for (std::size_t at = run.errors.find("refused"); at != std::string::npos;
       at = run.errors.find("refused", at + 1)) {
    ++failures;
  }
  EXPECT_THAT(run.errors, AllOf(HasSubstr("00:00:00.000Z"), HasSubstr("00:00:30.000Z")));
  EXPECT_EQ(failures, 3U) << run.errors;
}

TEST(Recommend, AWatchStopsWhenAsked) {
  ManualClock clock(WallTime{});
  RecommendCommand watch = command(closed_port());
  watch.watch = true;
  std::stop_source stop;
  Outcome run{ExitStatus::Defect, "", ""};
  std::jthread worker([&] { run = recommend(watch, kManifest, clock, stop.get_token()); });
  stop.request_stop();
  worker.join();
  EXPECT_EQ(run.status, ExitStatus::Done);
}

}  // namespace
}  // namespace tokenscaler::cli
