#include "prom/fleet_reader.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "unit/prom/fake_prometheus.h"

namespace tokenscaler::prom {
namespace {

using scaling::Observation;
using scaling::ReadingState;
using testing::FakeHttpClient;
using testing::FakePrometheus;
using testing::form_field;
using testing::json_response;
using testing::rows;

class FleetReaderTest : public ::testing::Test {
 protected:
  FleetReaderTest() : clock_(fake_.wall()) {
    server_.url = "http://prom";
    request_.name_space = "ml";
    request_.metrics.engine = model::Engine::Vllm;
    fake_.heartbeats = rows({fake_.beats("a", 5, 15, 10), fake_.beats("b", 8, 15, 10)});
    fake_.up = rows({fake_.row(R"("namespace":"ml","pod":"a")", "1"),
                     fake_.row(R"("namespace":"ml","pod":"b")", "1")});
    fake_.gauges = rows({fake_.marked("a", "running_requests/0", "4"),
                         fake_.marked("b", "running_requests/0", "0")});
    fake_.rates = fake_.marked("a", "prompt_tokens/0", "120");
  }

  std::vector<Result<Observation>> read(std::vector<ObservationRequest> requests) {
    if (!reader_) reader_.emplace(server_, http_, clock_);
    return reader_->read(requests, {});
  }
  Observation observe() {
    auto results = read({request_});
    EXPECT_TRUE(results.front()) << results.front().error().to_string();
    return results.front() ? *results.front() : Observation{};
  }
  std::string error() {
    auto results = read({request_});
    return results.front() ? "no error" : results.front().error().to_string();
  }
  std::vector<std::string> queries() const {
    std::vector<std::string> all;
    for (const auto& request : http_.requests()) all.push_back(form_field(request, "query"));
    return all;
  }

  FakePrometheus fake_;
  ManualClock clock_;
  Server server_;
  FakeHttpClient http_{
      [this](const http::ClientRequest& request) { return fake_.answer(request); }};
  ObservationRequest request_;
  std::optional<FleetReader> reader_;
};

TEST_F(FleetReaderTest, ReadsAFleet) {
  const Observation fleet = observe();
  EXPECT_EQ(fleet.evaluated_at, fake_.wall());
  EXPECT_EQ(fleet.scrape_interval, Seconds(15));
  EXPECT_EQ(fleet.effective_window, Seconds(60));
  EXPECT_EQ(fleet.engine, model::Engine::Vllm);
  EXPECT_FALSE(fleet.partial);
  EXPECT_TRUE(fleet.warnings.empty());
  ASSERT_EQ(fleet.pods.size(), 2U);
  EXPECT_EQ(fleet.pods[0].pod, "a");
  EXPECT_EQ(fleet.pods[0].prompt_tokens_per_second.value, 120.0);
  EXPECT_EQ(fleet.pods[0].prompt_tokens_per_second.age, Seconds(5));
  EXPECT_EQ(fleet.pods[1].prompt_tokens_per_second.state, ReadingState::NotYetBorn);
}

TEST_F(FleetReaderTest, AllQueriesAreOfOneMoment) {
  fake_.now += 0.25;
  observe();
  for (const auto& request : http_.requests()) {
    if (form_field(request, "query") == "time()") continue;
    EXPECT_EQ(form_field(request, "time"), "1700000000.250");
  }
}

TEST_F(FleetReaderTest, TheWindowHoldsFourScrapes) {
  fake_.heartbeats = fake_.beats("a", 5, 30, 5);
  const Observation fleet = observe();
  EXPECT_EQ(fleet.scrape_interval, Seconds(30));
  EXPECT_EQ(fleet.effective_window, Seconds(120));
  bool widened = false;
  for (const std::string& query : queries()) widened |= query.find("[120s]") != std::string::npos;
  EXPECT_TRUE(widened);
}

TEST_F(FleetReaderTest, ListedPodsWithoutSeriesAreMissing) {
  request_.pods = {"b", "gone"};
  const Observation fleet = observe();
  ASSERT_EQ(fleet.pods.size(), 2U);
  EXPECT_EQ(fleet.pods[0].pod, "b");
  EXPECT_EQ(fleet.pods[1].pod, "gone");
  EXPECT_EQ(fleet.pods[1].running_requests.state, ReadingState::Missing);
}

TEST_F(FleetReaderTest, TellsASilentPodFromOneThatLeft) {
  fake_.heartbeats = rows({fake_.beats("a", 5, 15, 10), fake_.beats("silent", 70, 15, 5),
                           fake_.beats("left", 70, 15, 5)});
  fake_.up = rows({fake_.row(R"("namespace":"ml","pod":"a")", "1"),
                   fake_.row(R"("namespace":"ml","pod":"silent")", "0")});
  const Observation fleet = observe();
  ASSERT_EQ(fleet.pods.size(), 2U);
  EXPECT_EQ(fleet.pods[1].pod, "silent");
  EXPECT_EQ(fleet.pods[1].running_requests.state, ReadingState::Stale);
  EXPECT_EQ(fleet.pods[1].running_requests.age, Seconds(70));
}

TEST_F(FleetReaderTest, WithoutUpASilentPodStays) {
  fake_.heartbeats = fake_.beats("a", 70, 15, 5);
  fake_.up = "";
  ASSERT_EQ(observe().pods.size(), 1U);
}

TEST_F(FleetReaderTest, AnEmptyPrometheusIsNotZeroTraffic) {
  // Restarted empty 20 s ago.
  fake_.heartbeats = fake_.beats("a", 5, 15, 2);
  const Observation fleet = observe();
  EXPECT_EQ(fleet.pods[0].prompt_tokens_per_second.state, ReadingState::TooYoung);
  ASSERT_EQ(fleet.warnings.size(), 1U);
  EXPECT_EQ(fleet.warnings[0],
            "without a gap the series reach back 20 s, less than the window of 60 s: rates are not "
            "known yet");
}

TEST_F(FleetReaderTest, RatesAcrossAnOutageOfAllScrapesAreNotKnown) {
  // Scraped until 100 s ago, and again for 20 s: rate() would divide 20 s of tokens by 60 s.
  std::string beats = fake_.beats("a", 5, 15, 2);
  const std::string before = fake_.beats("a", 100, 15, 3);
  const auto samples = before.substr(before.find("[[") + 1, before.rfind("]]") - before.find("[["));
  beats.insert(beats.find("[[") + 1, samples + ",");
  fake_.heartbeats = beats;
  EXPECT_EQ(observe().pods[0].prompt_tokens_per_second.state, ReadingState::TooYoung);
}

TEST_F(FleetReaderTest, ANewPodBesideOldOnesHasARate) {
  fake_.heartbeats = rows({fake_.beats("a", 5, 15, 2), fake_.beats("b", 5, 15, 10)});
  EXPECT_EQ(observe().pods[0].prompt_tokens_per_second.state, ReadingState::Fresh);
}

TEST_F(FleetReaderTest, WarningsOfMissingDataMarkTheAnswerPartial) {
  fake_.extra_fields = R"("warnings":["store b: connection refused"],)";
  Observation fleet = observe();
  EXPECT_TRUE(fleet.partial);
  EXPECT_EQ(fleet.warnings, std::vector<std::string>{"Prometheus: store b: connection refused"});
  fake_.extra_fields = R"("warnings":["PromQL info: metric might not be a counter"],)";
  EXPECT_FALSE(observe().partial);
}

TEST_F(FleetReaderTest, ClockSkewIsSaidAndDoesNotChangeAges) {
  clock_.step_wall(std::chrono::minutes(-10));
  const Observation fleet = observe();
  EXPECT_EQ(fleet.warnings,
            std::vector<std::string>{"the clock of Prometheus is 600 s ahead of ours"});
  EXPECT_EQ(fleet.pods[0].running_requests.age, Seconds(5));
}

TEST_F(FleetReaderTest, AFailedQueryIsAnErrorOfThoseWhoNeedIt) {
  fake_.failures["rates"] = json_response("overloaded", 503);
  EXPECT_EQ(error(),
            "http://prom: the server answers HTTP 503: overloaded (look at the server's health and "
            "log)");
  fake_.failures.clear();
  fake_.failures["means"] = json_response("overloaded", 503);
  EXPECT_EQ(observe().warnings,
            std::vector<std::string>{"mean lengths and latencies are not known: the server answers "
                                     "HTTP 503: overloaded"});
  fake_.failures.clear();
  fake_.failures["time"] = json_response("", 401);
  EXPECT_EQ(error(),
            "http://prom: the server answers HTTP 401 (give a valid bearer token, basic user or "
            "client certificate for this server)");
}

TEST_F(FleetReaderTest, DetectsAndRemembers) {
  request_.metrics.engine = model::Engine::Auto;
  fake_.detection =
      rows({fake_.row(R"("__name__":"vllm:num_requests_running","namespace":"ml","pod":"a")", "1"),
            fake_.row(R"("__name__":"vllm:kv_cache_usage_perc","namespace":"ml","pod":"a")", "1")});
  Observation fleet = observe();
  EXPECT_EQ(fleet.engine, model::Engine::Vllm);
  EXPECT_EQ(fleet.engine_detail, "vLLM V1 (vllm:kv_cache_usage_perc) on 1 pod");
  const auto detections = [&] {
    std::size_t count = 0;
    for (const std::string& query : queries())
      count += query.starts_with("count by (__name__") ? 1 : 0;
    return count;
  };
  EXPECT_EQ(detections(), 1U);
  observe();
  EXPECT_EQ(detections(), 1U);
  clock_.advance(std::chrono::minutes(3));
  observe();
  EXPECT_EQ(detections(), 2U);
}

TEST_F(FleetReaderTest, NothingDetectedIsSaid) {
  request_.metrics.engine = model::Engine::Auto;
  request_.pods = {"a"};
  const Observation fleet = observe();
  EXPECT_EQ(fleet.engine, model::Engine::Auto);
  EXPECT_EQ(fleet.engine_detail,
            "no series of a known engine in namespace ml for the target's pods");
  ASSERT_EQ(fleet.pods.size(), 1U);
  EXPECT_EQ(fleet.pods[0].prompt_tokens_per_second.state, ReadingState::Missing);
}

TEST_F(FleetReaderTest, CustomQueriesReplaceThePreset) {
  request_.metrics.queries.prompt_tokens = "my_query";
  fake_.custom["my_query"] = rows({fake_.row(R"("namespace":"ml","pod":"a")", "7"),
                                   fake_.row(R"("namespace":"ml","pod":"b")", "NaN"),
                                   fake_.row(R"("namespace":"other","pod":"a","x":"1")", "1000"),
                                   fake_.row(R"("pod":"a")", "1000")});
  const Observation fleet = observe();
  EXPECT_EQ(fleet.pods[0].prompt_tokens_per_second.value, 7.0);
  EXPECT_EQ(fleet.pods[1].prompt_tokens_per_second.state, ReadingState::NotANumber);
  EXPECT_EQ(fleet.warnings, std::vector<std::string>{
                                "spec.metrics.queries.promptTokens: 1 series without the label "
                                "namespace are not used"});
}

TEST_F(FleetReaderTest, ACustomFleetTotalIsSharedAmongThePods) {
  request_.metrics.engine = model::Engine::Custom;
  request_.metrics.queries.generation_tokens = "total";
  request_.metrics.queries.kv_cache_usage = "kv";
  request_.pods = {"a", "b"};
  fake_.custom["total"] = fake_.row(R"("namespace":"ml")", "300");
  fake_.custom["kv"] = fake_.row(R"("namespace":"ml")", "0.5");
  const Observation fleet = observe();
  EXPECT_EQ(fleet.engine, model::Engine::Custom);
  EXPECT_EQ(fleet.pods[1].generation_tokens_per_second.value, 150.0);
  EXPECT_EQ(fleet.pods[1].kv_cache_usage.value, 0.5);
  EXPECT_EQ(fleet.pods[1].prompt_tokens_per_second.state, ReadingState::Missing);
}

TEST_F(FleetReaderTest, ACustomRateOfAFailedScrapeIsStale) {
  request_.metrics.engine = model::Engine::Custom;
  request_.metrics.queries.prompt_tokens = "q";
  request_.pods = {"a", "b"};
  fake_.custom["q"] = rows({fake_.row(R"("namespace":"ml","pod":"a")", "7"),
                            fake_.row(R"("namespace":"ml","pod":"b")", "3")});
  fake_.up = rows({fake_.row(R"("namespace":"ml","pod":"a")", "1"),
                   fake_.row(R"("namespace":"ml","pod":"b")", "0")});
  const Observation fleet = observe();
  EXPECT_EQ(fleet.pods[0].prompt_tokens_per_second.state, ReadingState::Fresh);
  EXPECT_EQ(fleet.pods[1].prompt_tokens_per_second.state, ReadingState::Stale);
}

TEST_F(FleetReaderTest, OnlyTheScrapeOfTheEngineProvesThatItWasNeverAsked) {
  request_.metrics.engine = model::Engine::Tgi;
  request_.pods = {"a", "fresh", "sidecar", "down"};
  fake_.heartbeats = fake_.beats("a", 5, 15, 10, R"(,"job":"ml/tgi","instance":"10.0.0.1:80")");
  const auto up = [&](const std::string& pod, const std::string& instance, const char* value) {
    return fake_.row(
        fmt::format(R"("namespace":"ml","pod":"{}","job":"ml/tgi","instance":"{}")", pod, instance),
        value);
  };
  fake_.up = rows({up("a", "10.0.0.1:80", "1"), up("fresh", "10.0.0.2:80", "1"),
                   up("sidecar", "10.0.0.3:15090", "1"), up("down", "10.0.0.4:15090", "1"),
                   up("down", "10.0.0.4:80", "0")});
  fake_.gauges = fake_.rates = "";
  const auto state_of = [&](const std::string& name) {
    for (const auto& pod : observe().pods) {
      if (pod.pod == name) return pod.prompt_tokens_per_second.state;
    }
    return ReadingState::Fresh;
  };
  EXPECT_EQ(state_of("fresh"), ReadingState::NotYetBorn);
  EXPECT_EQ(state_of("sidecar"), ReadingState::Missing);
  EXPECT_EQ(state_of("down"), ReadingState::Missing);
  // Nothing tells which scrape is the engine's when no pod was ever asked.
  fake_.heartbeats = "";
  EXPECT_EQ(state_of("fresh"), ReadingState::Missing);
}

TEST_F(FleetReaderTest, CustomResultsThatCannotBeJoinedAreErrors) {
  request_.metrics.queries.prompt_tokens = "q";
  fake_.custom["q"] = rows({fake_.row(R"("namespace":"ml","pod":"a","rank":"0")", "1"),
                            fake_.row(R"("namespace":"ml","pod":"a","rank":"1")", "1")});
  EXPECT_EQ(error(),
            "spec.metrics.queries.promptTokens: the result has several series of pod a (aggregate "
            "them, as sum by (namespace, pod) (...))");
  server_.custom_queries = CustomQueryPolicy::Refused;
  reader_.reset();
  EXPECT_EQ(error(),
            "spec.metrics.queries: this server accepts no queries of TokenScalers (leave the "
            "queries out, or ask the owner of the server's configuration)");
}

TEST_F(FleetReaderTest, BadRequestsAreErrorsOfTheirOwn) {
  ObservationRequest bad = request_;
  bad.metrics.series_match_labels = {{"a\"}", "x"}};
  ObservationRequest stolen = request_;
  stolen.metrics.series_match_labels = {{"namespace", "other"}};
  const auto results = read({bad, request_, stolen});
  EXPECT_EQ(results[0].error().to_string(),
            "spec.metrics.seriesMatchLabels: \"a\\\"}\" is not a label name (a label name has "
            "letters, digits and _ and does not start with __)");
  EXPECT_TRUE(results[1]);
  EXPECT_EQ(results[2].error().message, "the label namespace cannot be chosen");
}

TEST_F(FleetReaderTest, AGatewayIsReadBesideTheEngine) {
  server_.gateway_namespaces = {"gw"};
  request_.metrics.engine = model::Engine::Auto;
  request_.metrics.series_match_labels = {{"model_name", "m"}};
  fake_.detection = rows(
      {fake_.row(R"("__name__":"vllm:num_requests_running","namespace":"ml","pod":"a")", "1"),
       fake_.row(R"("__name__":"llm_d_epp_request_total","namespace":"gw","pod":"epp")", "1")});
  fake_.heartbeats = fake_.beats("a", 5, 15, 10, R"(,"model_name":"m")");
  fake_.gauges = rows(
      {fake_.row(
           R"("namespace":"gw","pod":"epp","model_name":"m","tks_signal":"queued_requests/0")",
           "9"),
       fake_.row(
           R"("namespace":"gw","pod":"epp","model_name":"n","tks_signal":"queued_requests/0")",
           "99"),
       fake_.row(
           R"("namespace":"gw","pod":"epp","model_name":"m","tks_signal":"sampled_at:queued_requests/0")",
           "1699999990")});
  const Observation fleet = observe();
  ASSERT_TRUE(fleet.gateway);
  EXPECT_EQ(fleet.engine, model::Engine::Vllm);
  EXPECT_EQ(fleet.gateway->queued_requests,
            (scaling::Reading{ReadingState::Fresh, 9.0, Seconds(10)}));
}

TEST_F(FleetReaderTest, AStopEndsTheRead) {
  std::stop_source source;
  source.request_stop();
  FleetReader reader(server_, http_, clock_);
  const std::vector<ObservationRequest> requests = {request_};
  fake_.failures["time"] = json_response("", 503);
  EXPECT_FALSE(reader.read(requests, source.get_token()).front());
}

}  // namespace
}  // namespace tokenscaler::prom
