#include "prom/answer.h"

#include <cmath>

#include <gtest/gtest.h>

#include "base/clock.h"
#include "unit/prom/fake_prometheus.h"

namespace tokenscaler::prom {
namespace {

using testing::vector_answer;

Result<Answer> parse(std::string_view body, int status = 200,
                     std::string_view type = "application/json", std::string_view retry = "") {
  return parse_answer({.status = status, .content_type = type, .retry_after = retry, .body = body});
}

std::string error_of(std::string_view body, int status = 200,
                     std::string_view type = "application/json") {
  const auto answer = parse(body, status, type);
  return answer ? "no error" : answer.error().to_string();
}

TEST(Answer, ReadsAVector) {
  const auto answer = parse(
      R"({"status":"success","data":{"resultType":"vector","result":[
          {"metric":{"__name__":"up","pod":"a","q":"\"\u00e9"},"value":[1700000000.123,"1.5e3"]},
          {"metric":{},"value":[1700000000,"NaN"]}],"stats":{}},"warnings":["slow"],"infos":["i"]})");
  ASSERT_TRUE(answer) << answer.error().to_string();
  const auto& vector = std::get<Vector>(answer->result);
  ASSERT_EQ(vector.size(), 2U);
  EXPECT_EQ(vector[0].labels.get("pod"), "a");
  EXPECT_EQ(vector[0].labels.get("q"), "\"\xC3\xA9");
  EXPECT_EQ(vector[0].labels.get("absent"), "");
  EXPECT_EQ(vector[0].sample.value, 1500.0);
  EXPECT_EQ(vector[0].sample.at.time_since_epoch().count(), 1'700'000'000'123);
  EXPECT_TRUE(std::isnan(vector[1].sample.value));
  EXPECT_EQ(answer->warnings, std::vector<std::string>{"slow"});
  EXPECT_EQ(answer->infos, std::vector<std::string>{"i"});
}

TEST(Answer, ReadsAMatrixAndAScalarInAnyOrderOfFields) {
  const auto matrix = parse(
      R"({"data":{"result":[{"values":[[1,"1"],[2,"+Inf"]],"metric":{"a":"b"}}],
          "resultType":"matrix"},"status":"success"})");
  ASSERT_TRUE(matrix) << matrix.error().to_string();
  EXPECT_EQ(std::get<Matrix>(matrix->result)[0].samples.size(), 2U);
  const auto scalar =
      parse(R"({"status":"success","data":{"resultType":"scalar","result":[1.5,"-Inf"]}})");
  ASSERT_TRUE(scalar) << scalar.error().to_string();
  EXPECT_EQ(std::get<Sample>(scalar->result).value, -HUGE_VAL);
}

TEST(Answer, NumbersAreThoseThatPrometheusWrites) {
  EXPECT_EQ(*parse_sample_value("1e-400"), 0.0);
  EXPECT_EQ(*parse_sample_value("-0"), 0.0);
  for (const char* bad :
       {"", " 1", "1 ", "nan", "inf", "infinity", "0x10", "1,5", "1.5.5", "--1", "abc"}) {
    EXPECT_FALSE(parse_sample_value(bad)) << bad;
  }
}

struct Hostile {
  const char* name;
  std::string body;
  int status;
  const char* type;
  const char* error;
};

constexpr const char* kCheck =
    " (check that the address is that of a Prometheus query API and that no proxy changes its "
    "answers)";
constexpr const char* kWrong = "the answer is not what the query API gives: ";

class HostileAnswer : public ::testing::TestWithParam<Hostile> {};

TEST_P(HostileAnswer, IsAClearError) {
  const Hostile& hostile = GetParam();
  std::string expected = hostile.error;
  if (expected.starts_with("W:")) expected = kWrong + expected.substr(2) + kCheck;
  EXPECT_EQ(error_of(hostile.body, hostile.status, hostile.type), expected);
}

const char* const kJson = "application/json";
const std::string kHead = R"({"status":"success","data":{"resultType":"vector","result":)";

INSTANTIATE_TEST_SUITE_P(
    All, HostileAnswer,
    ::testing::Values(
        Hostile{"Empty", "", 200, kJson, "W:it is empty"},
        Hostile{"OnlySpace", " \n", 200, kJson, "W:it is empty"},
        Hostile{"LoginPage", "<!DOCTYPE html><html><form>Sign in</form></html>", 200, "text/html",
                "the answer is an HTML page, not JSON (a login page or a dashboard stands there: "
                "give the address of the query API and credentials that need no browser)"},
        Hostile{"LoginPageCalledJson", "<html></html>", 200, kJson,
                "the answer is an HTML page, not JSON (a login page or a dashboard stands there: "
                "give the address of the query API and credentials that need no browser)"},
        Hostile{"PlainText", "ok\x1b[2J", 200, "text/plain",
                "the answer is not JSON but starts with \"ok [2J\" (check that the address is that "
                "of a Prometheus query API)"},
        Hostile{
            "Truncated", kHead + R"([{"metric":{"a":)", 200, kJson,
            "the answer is cut off: it ends after 75 bytes in the middle of a value (look for a "
            "proxy or a limit that ends answers early)"},
        Hostile{"Garbled", kHead + "[}]}}", 200, kJson,
                "W:it is not JSON: a value is expected at byte 60"},
        Hostile{"TwoAnswers", vector_answer("") + "{}", 200, kJson,
                "W:it is not JSON: something follows the end of the answer at byte 63"},
        Hostile{"NotUtf8", kHead + "[{\"metric\":{\"a\":\"\xFF\"},\"value\":[1,\"1\"]}]}}", 200,
                kJson, "W:it is not UTF-8 at byte 76"},
        Hostile{"NoStatus", R"({"data":{"resultType":"vector","result":[]}})", 200, kJson,
                "W:it has no status"},
        Hostile{"StatusNotText", R"({"status":1})", 200, kJson, "W:its status is not a string"},
        Hostile{"StatusTwice", R"({"status":"error","status":"success"})", 200, kJson,
                "W:it has status twice"},
        Hostile{"NoData", R"({"status":"success"})", 200, kJson,
                "W:it has no data with resultType and result"},
        Hostile{"DataNull", R"({"status":"success","data":null})", 200, kJson,
                "W:it has no data with resultType and result"},
        Hostile{"TwoResults",
                R"({"status":"success","data":{"resultType":"vector","result":[],"result":[]}})",
                200, kJson, "W:it has two results"},
        Hostile{"UnknownType",
                R"({"status":"success","data":{"resultType":"string","result":[1,"a"]}})", 200,
                kJson, "W:its resultType is string, not vector, matrix or scalar"},
        Hostile{"ResultNotAList", kHead + "{}}}", 200, kJson, "W:its vector is not a list"},
        Hostile{"SeriesNotAnObject", kHead + "[1]}}", 200, kJson, "W:a series is not an object"},
        Hostile{"NoLabels", kHead + R"([{"value":[1,"1"]}]}})", 200, kJson,
                "W:a series has no labels"},
        Hostile{"NoValue", kHead + R"([{"metric":{}}]}})", 200, kJson, "W:a series has no value"},
        Hostile{"LabelNotText", kHead + R"([{"metric":{"a":1},"value":[1,"1"]}]}})", 200, kJson,
                "W:the label a is not a string"},
        Hostile{"LabelTwice", kHead + R"([{"metric":{"a":"1","a":"2"},"value":[1,"1"]}]}})", 200,
                kJson, "W:a series has the label a twice"},
        Hostile{
            "SeriesTwice",
            kHead +
                R"([{"metric":{"a":"1"},"value":[1,"1"]},{"metric":{"a":"1"},"value":[1,"2"]}]}})",
            200, kJson, "W:it has the series {a=\"1\"} twice"},
        Hostile{"BareNumber", kHead + R"([{"metric":{},"value":[1,1]}]}})", 200, kJson,
                "W:a sample is not [seconds, \"value\"]"},
        Hostile{"ThreeParts", kHead + R"([{"metric":{},"value":[1,"1",2]}]}})", 200, kJson,
                "W:a sample is not [seconds, \"value\"]"},
        Hostile{"WordForNumber", kHead + R"([{"metric":{},"value":[1,"lots"]}]}})", 200, kJson,
                "W:a sample has the value \"lots\""},
        Hostile{"StampInMilliseconds", kHead + R"([{"metric":{},"value":[1700000000000,"1"]}]}})",
                200, kJson, "W:a sample has the time stamp 1700000000000"},
        Hostile{"StampNegative", kHead + R"([{"metric":{},"value":[-1,"1"]}]}})", 200, kJson,
                "W:a sample has the time stamp -1"},
        Hostile{"StampHuge", kHead + R"([{"metric":{},"value":[1e999,"1"]}]}})", 200, kJson,
                "W:a sample has the time stamp 1e999"},
        Hostile{
            "TimeRunsBack",
            R"({"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":[[2,"1"],[1,"1"]]}]}})",
            200, kJson, "W:the samples of a series are not in the order of time"},
        Hostile{"NativeHistogram", kHead + R"([{"metric":{},"histogram":[1,{}]}]}})", 200, kJson,
                "the result has native histograms, not numbers (write a query that makes a number "
                "of them, as histogram_sum(rate(...)))"},
        Hostile{"Deep", kHead + std::string(500, '[') + "}}", 200, kJson,
                "W:it is not JSON: too deep a nesting is at byte 92"},
        Hostile{"WarningsNotAList", R"({"status":"success","warnings":"x"})", 200, kJson,
                "W:its warnings is not a list"},
        Hostile{"ErrorWithSuccessStatus",
                R"({"status":"error","errorType":"execution","error":"boom"})", 200, kJson,
                "the server answers HTTP 200, execution: boom (the server could not execute the "
                "query: narrow it by seriesMatchLabels or raise the server's limits)"},
        Hostile{
            "BadData", R"({"status":"error","errorType":"bad_data","error":"parse error"})", 400,
            kJson,
            "the server answers HTTP 400, bad_data: parse error (correct the query, or report it "
            "if TokenScaler wrote it)"},
        Hostile{
            "TooManySamples",
            R"({"status":"error","errorType":"execution","error":"query processing would load too many samples into memory"})",
            422, kJson,
            "the server answers HTTP 422, execution: query processing would load too many "
            "samples into memory (narrow what is selected by seriesMatchLabels, or raise the "
            "server's limit)"},
        Hostile{"ServerTimeout",
                R"({"status":"error","errorType":"timeout","error":"query timed out"})", 503, kJson,
                "the server answers HTTP 503, timeout: query timed out (find out why the server is "
                "slow, or raise its query timeout)"},
        Hostile{"Unauthorized", "Unauthorized\n", 401, "text/plain",
                "the server answers HTTP 401: Unauthorized (give a valid bearer token, basic user "
                "or client certificate for this server)"},
        Hostile{"Forbidden", R"({"message":"no org id"})", 403, kJson,
                "the server answers HTTP 403 (allow this user to query, or give the tenant header "
                "that the server wants (X-Scope-OrgID))"},
        Hostile{"NotFound", "404 page not found", 404, "text/plain",
                "the server answers HTTP 404: 404 page not found (check the address: it may need a "
                "path prefix, as /prometheus or /select/0/prometheus)"},
        Hostile{
            "Redirect", "<html>Found</html>", 302, "text/html",
            "the server answers HTTP 302 (give the address behind the redirect; credentials are "
            "not sent after redirects)"},
        Hostile{"GatewayTimeout", "<html>504</html>", 504, "text/html",
                "the server answers HTTP 504 (find out why the server is slow, or raise its query "
                "timeout)"},
        Hostile{
            "SecretInText",
            R"({"status":"error","errorType":"internal","error":"dial http://user:secret@store:9/x failed"})",
            500, kJson,
            "the server answers HTTP 500, internal: dial http://store:9/x failed (look at the "
            "server's health and log)"},
        Hostile{"HalfAnErrorAnswer", R"({"status":"err)", 502, kJson,
                "the server answers HTTP 502: {\"status\":\"err (look at the server's health and "
                "log)"}),
    [](const auto& parameter) { return std::string(parameter.param.name); });

TEST(Answer, KeepsRetryAfter) {
  const auto answer = parse("slow down", 429, "text/plain", "7");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::Throttled);
  EXPECT_EQ(answer.error().retry_after, std::chrono::seconds(7));
  for (const char* odd : {"", "-1", "Wed, 21 Oct 2026 07:28:00 GMT", "7s"}) {
    EXPECT_EQ(parse("x", 503, "text/plain", odd).error().retry_after, std::nullopt) << odd;
  }
  EXPECT_EQ(parse("x", 503, "text/plain", "999999999").error().retry_after, std::chrono::hours(1));
}

TEST(Answer, KeepsOnlySomeWarningsOfBoundedLength) {
  std::string warnings;
  for (int i = 0; i < 50; ++i)
    warnings += (i == 0 ? "\"" : ",\"") + std::string(10'000, 'w') + "\"";
  const auto answer = parse(R"({"status":"success","warnings":[)" + warnings +
                            R"(],"data":{"resultType":"vector","result":[]}})");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->warnings.size(), kMaxWarnings + 1);
  EXPECT_EQ(answer->warnings.back(), "and 30 more");
  EXPECT_LE(answer->warnings.front().size(), kMaxServerText + 3);
}

TEST(Answer, ReadsTwentyMegabytesInTime) {
  std::string rows;
  while (rows.size() < 20'000'000) {
    rows += (rows.empty() ? "" : ",");
    rows += R"({"metric":{"namespace":"ns-)" + std::to_string(rows.size()) +
            R"(","pod":"llama-70b-7d9c5b8f6d-abcde","tks_signal":"prompt_tokens/0"},)" +
            R"("value":[1700000000.123,"12345.678901234567"]})";
  }
  const std::string body = vector_answer(rows);
  const SystemClock clock;
  const auto start = clock.steady();
  const auto answer = parse(body);
  const std::chrono::duration<double> took = clock.steady() - start;
  ASSERT_TRUE(answer);
  RecordProperty("seconds", std::to_string(took.count()));
#if defined(NDEBUG) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  EXPECT_LT(took.count(), 2.0);
#endif
}

}  // namespace
}  // namespace tokenscaler::prom
