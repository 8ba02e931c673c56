#include "prom/api_client.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "unit/prom/fake_prometheus.h"

namespace tokenscaler::prom {
namespace {

using std::chrono::milliseconds;
using testing::FakeHttpClient;
using testing::form_field;
using testing::json_response;
using testing::vector_answer;

class ApiClientTest : public ::testing::Test {
 protected:
  ApiClientTest() { server_.url = "https://prom.example/prefix/"; }

  Result<Answer> ask(std::optional<WallTime> at = std::nullopt,
                     milliseconds budget = milliseconds(60'000)) {
    const ApiClient api(server_, http_, clock_);
    return api.query("up{a=\"b c\"}", at, Deadline(clock_, budget), {});
  }
  std::string header(const char* name) {
    const auto requests = http_.requests();
    if (requests.empty()) return "nothing was sent";
    return std::string(requests.back().headers.find(name).value_or("none"));
  }

  Server server_;
  ManualClock clock_{WallTime(std::chrono::seconds(1'700'000'000))};
  Result<http::ClientResponse> response_ = json_response(vector_answer(""));
  FakeHttpClient http_{[this](const http::ClientRequest&) { return response_; }};
};

TEST_F(ApiClientTest, PostsAForm) {
  ASSERT_TRUE(ask(WallTime(milliseconds(1'700'000'000'050))));
  const http::ClientRequest request = http_.requests().back();
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.url, "https://prom.example/prefix/api/v1/query");
  EXPECT_EQ(request.body, "query=up%7Ba%3D%22b%20c%22%7D&time=1700000000.050&timeout=10000ms");
  EXPECT_EQ(request.limits.max_body_bytes, server_.max_answer_bytes);
  EXPECT_EQ(header("Content-Type"), "application/x-www-form-urlencoded");
  EXPECT_EQ(header("Authorization"), "none");
}

TEST_F(ApiClientTest, KeepsTheDeadline) {
  ASSERT_TRUE(ask(std::nullopt, milliseconds(1'500)));
  EXPECT_EQ(http_.requests().back().limits.total_timeout, milliseconds(1'500));
  EXPECT_EQ(form_field(http_.requests().back(), "timeout"), "1500ms");
  const auto late = ask(std::nullopt, milliseconds(0));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, ErrorCode::Timeout);
  EXPECT_EQ(http_.requests().size(), 1U);
}

TEST_F(ApiClientTest, SendsCredentialsAndTenant) {
  server_.headers.add("X-Scope-OrgID", "team-a");
  server_.credentials.bearer_token = "abc";
  ASSERT_TRUE(ask());
  EXPECT_EQ(header("Authorization"), "Bearer abc");
  EXPECT_EQ(header("X-Scope-OrgID"), "team-a");
  server_.credentials = {};
  server_.credentials.basic_user = "Aladdin";
  server_.credentials.basic_password = "open sesame";
  ASSERT_TRUE(ask());
  EXPECT_EQ(header("Authorization"), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");  // RFC 7617
}

TEST_F(ApiClientTest, ReadsTheTokenFileForEachQuery) {
  const auto path = std::filesystem::path(::testing::TempDir()) / "prom_api_client_token";
  server_.credentials.bearer_token_file = path;
  std::ofstream(path) << "first\n";
  ASSERT_TRUE(ask());
  EXPECT_EQ(header("Authorization"), "Bearer first");
  std::ofstream(path) << "second";
  ASSERT_TRUE(ask());
  EXPECT_EQ(header("Authorization"), "Bearer second");
  std::ofstream(path) << "a\r\nHost: evil";
  auto bad = ask();
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().message, "the bearer token file is empty or has more than one line");
  std::filesystem::remove(path);
  bad = ask();
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().code, ErrorCode::Unauthenticated);
  EXPECT_EQ(bad.error().message, "the bearer token file cannot be read");
}

TEST_F(ApiClientTest, ErrorsNameTheServerWithoutSecrets) {
  server_.url = "https://user:secret@prom.example/p";
  response_ = json_response("no", 500);
  auto answer = ask();
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().where, "https://prom.example/p");
  Error broken = make_error(ErrorCode::Unavailable, "connection refused");
  broken.where = "https://user:secret@prom.example/p/api/v1/query?token=x";
  response_ = broken;
  answer = ask();
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().to_string(), "https://prom.example/p: connection refused");
}

TEST_F(ApiClientTest, AHugeAnswerSaysWhatToDo) {
  response_ = make_error(ErrorCode::LimitExceeded, "the body is larger than 50331648 bytes");
  const auto answer = ask();
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().advice,
            "narrow the query by seriesMatchLabels or raise max_answer_bytes");
}

TEST_F(ApiClientTest, RefusesATimeThatIsNone) {
  const ApiClient api(server_, http_, clock_);
  response_ =
      json_response(R"({"status":"success","data":{"resultType":"scalar","result":[1,"NaN"]}})");
  EXPECT_FALSE(api.server_time(Deadline(clock_, milliseconds(100)), {}));
  response_ =
      json_response(R"({"status":"success","data":{"resultType":"scalar","result":[1,"12.5"]}})");
  const auto time = api.server_time(Deadline(clock_, milliseconds(100)), {});
  ASSERT_TRUE(time);
  EXPECT_EQ(time->time_since_epoch().count(), 12'500);
}

}  // namespace
}  // namespace tokenscaler::prom
