// The advisor when Prometheus does not answer. What it does with answers is tested against a real
// Prometheus in e2e/cases.
#include "fleet_advisor.h"

#include <stop_token>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tokenscaler::cli {
namespace {

using ::testing::HasSubstr;

/// Answers every request alike.
class OneAnswer final : public http::Client {
 public:
  explicit OneAnswer(Result<http::ClientResponse> answer) : answer_(std::move(answer)) {}
  Result<http::ClientResponse> send(const http::ClientRequest& request,
                                    const std::stop_token& stop) override {
    (void)request;
    (void)stop;
    return answer_;
  }
  Result<http::ClientResponse> stream(const http::ClientRequest& request,
                                      const http::BodySink& sink,
                                      const std::stop_token& stop) override {
    (void)sink;
    return send(request, stop);
  }

 private:
  Result<http::ClientResponse> answer_;
};

model::TokenScaler object() {
  model::TokenScaler result;
  result.metadata.name = "llama";
  result.spec.scale_target_ref.name = "llama-8b";
  result.spec.max_replicas = Replicas(4);
  result.spec.gpus_per_replica = GpuCount(1);
  result.spec.capacity.tokens_per_second_per_gpu = {.prompt = TokensPerSecond(8'000),
                                                    .generation = TokensPerSecond(600)};
  return result;
}

prom::Server server() {
  prom::Server result;
  result.url = "http://127.0.0.1:9090";
  return result;
}

Result<Advice> advise(Result<http::ClientResponse> answer) {
  OneAnswer client(std::move(answer));
  const SystemClock clock;
  FleetAdvisor advisor(object(), server(), std::nullopt, client, clock);
  return advisor.evaluate(std::stop_token());
}

TEST(FleetAdvisor, WithoutAnyAnswerTheSizeIsUnknownAndTheCauseIsTold) {
  const auto advice = advise(make_error(ErrorCode::Unavailable, "connection refused"));
  ASSERT_FALSE(advice);
  EXPECT_EQ(advice.error().code, ErrorCode::Unavailable);
  EXPECT_THAT(advice.error().to_string(), HasSubstr("connection refused"));
}

TEST(FleetAdvisor, RefusedCredentialsAreTold) {
  const auto advice = advise(http::ClientResponse{.status = 401, .headers = {}, .body = "no"});
  ASSERT_FALSE(advice);
  EXPECT_EQ(advice.error().code, ErrorCode::Unauthenticated);
}

/// A Prometheus without a single series: it knows the time and nothing else.
class EmptyPrometheus final : public http::Client {
 public:
  Result<http::ClientResponse> send(const http::ClientRequest& request,
                                    const std::stop_token& stop) override {
    (void)stop;
    const bool asks_time = request.body.find("time%28%29") != std::string::npos &&
                           request.body.find("timestamp") == std::string::npos;
    const char* const data = asks_time ? R"({"resultType":"scalar","result":[1000,"1000"]})"
                                       : R"({"resultType":"vector","result":[]})";
    return http::ClientResponse{.status = 200,
                                .headers = {{"Content-Type", "application/json"}},
                                .body = std::string(R"({"status":"success","data":)") + data + "}"};
  }
  Result<http::ClientResponse> stream(const http::ClientRequest& request,
                                      const http::BodySink& sink,
                                      const std::stop_token& stop) override {
    (void)sink;
    return send(request, stop);
  }
};

TEST(FleetAdvisor, AnEmptyPrometheusSaysThatTheTargetIsNotThere) {
  EmptyPrometheus client;
  const SystemClock clock;
  FleetAdvisor advisor(object(), server(), std::nullopt, client, clock);
  const auto advice = advisor.evaluate(std::stop_token());
  ASSERT_FALSE(advice);
  EXPECT_THAT(advice.error().to_string(), HasSubstr("kube"));
}

TEST(FleetAdvisor, WithoutKubeStateMetricsTheGpusHaveToBeWritten) {
  EmptyPrometheus client;
  const SystemClock clock;
  model::TokenScaler without = object();
  without.spec.gpus_per_replica.reset();
  FleetAdvisor blind(without, server(), Replicas(3), client, clock);
  EXPECT_THAT(blind.evaluate(std::stop_token()).error().to_string(),
              HasSubstr("spec.gpusPerReplica: is not set"));
  FleetAdvisor told(object(), server(), Replicas(3), client, clock);
  const auto advice = told.evaluate(std::stop_token());
  ASSERT_TRUE(advice) << advice.error().to_string();
  EXPECT_EQ(advice->decision.desired, Replicas(3));
  EXPECT_EQ(advice->source, TargetSource::Samples);
}

}  // namespace
}  // namespace tokenscaler::cli
