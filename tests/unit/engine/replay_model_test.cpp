// Trace reading, routing and the replay's figures.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/json_reader.h"
#include "engine/replay_record.h"
#include "engine/router.h"
#include "engine/trace.h"

namespace tokenscaler::engine {
namespace {

class TraceFile : public testing::Test {
 protected:
  void SetUp() override {
    path_ = testing::TempDir() + "trace_" +
            testing::UnitTest::GetInstance()->current_test_info()->name() + ".csv";
  }
  void TearDown() override { std::filesystem::remove(path_); }
  Result<std::vector<TraceRequest>> read(const std::string& text, const TraceSlice& slice = {}) {
    std::ofstream(path_, std::ios::binary) << text;
    return read_trace(path_, slice);
  }
  // With the gzip of the system, as traces are made.
  void compress(const std::string& text) {
    std::ofstream(path_, std::ios::binary) << text;
    ASSERT_EQ(std::system(("gzip -f '" + path_ + "'").c_str()), 0);  // NOLINT(cert-env33-c)
    std::filesystem::rename(path_ + ".gz", path_);
  }
  std::string path_;
};

TEST_F(TraceFile, ReadsColumnsByNameInAnyOrder) {
  const auto trace = read(
      "prompt_tokens,model,arrival_seconds,generated_tokens,prefix_hit_tokens\n"
      "10,m,0.500,3,4\r\n20,m,1.000,5,0\n");
  ASSERT_TRUE(trace) << trace.error().to_string();
  ASSERT_EQ(trace->size(), 2U);
  EXPECT_EQ((*trace)[0].prompt_tokens, 10);
  EXPECT_EQ((*trace)[0].generated_tokens, 3);
  EXPECT_EQ((*trace)[0].cached_tokens, 4);
  EXPECT_DOUBLE_EQ((*trace)[1].arrival.count(), 1.0);
}

TEST_F(TraceFile, ReadsGzip) {
  compress("arrival_seconds,prompt_tokens,generated_tokens\n1,2,3\n");
  const auto trace = read_trace(path_, {});
  ASSERT_TRUE(trace) << trace.error().to_string();
  EXPECT_EQ(trace->at(0).generated_tokens, 3);
}

TEST_F(TraceFile, TakesASlice) {
  const std::string text =
      "arrival_seconds,prompt_tokens,generated_tokens\n0,1,1\n10,2,1\n11,3,1\n20,4,1\n";
  const auto slice = read(text, {.start = Seconds(10), .length = Seconds(10)});
  ASSERT_TRUE(slice);
  ASSERT_EQ(slice->size(), 2U);
  EXPECT_DOUBLE_EQ((*slice)[0].arrival.count(), 0);
  EXPECT_EQ((*slice)[1].prompt_tokens, 3);
  EXPECT_EQ(read(text, {.max_requests = 3})->size(), 3U);
}

TEST_F(TraceFile, SaysWhereAndWhatIsWrong) {
  const std::string header = "arrival_seconds,prompt_tokens,generated_tokens\n";
  const auto message = [&](const std::string& text) {
    const auto trace = read(text);
    return trace ? std::string("accepted") : trace.error().to_string();
  };
  EXPECT_THAT(message(header + "1,2,3\nx,2,3\n"), testing::HasSubstr(".csv:3: "));
  EXPECT_THAT(message(header + "1,2\n"), testing::HasSubstr("2 columns where the header has 3"));
  EXPECT_THAT(message(header + "2,2,3\n1,2,3\n"), testing::HasSubstr("back in time"));
  EXPECT_THAT(message(header + "1,-2,3\n"), testing::HasSubstr("not a number of at least 0"));
  EXPECT_THAT(message(header + "nan,2,3\n"), testing::HasSubstr("not a number of at least 0"));
  EXPECT_THAT(message("second,requests\n1,2\n"), testing::HasSubstr("bins cannot be replayed"));
  EXPECT_THAT(message(""), testing::HasSubstr("empty"));
  EXPECT_THAT(message(header + std::string(10'000, '1') + "\n"), testing::HasSubstr("too long"));
  EXPECT_EQ(read_trace("/nonexistent/trace.csv", {}).error().code, ErrorCode::NotFound);
}

TEST_F(TraceFile, SeesATruncatedGzip) {
  std::string text = "arrival_seconds,prompt_tokens,generated_tokens\n";
  for (int i = 0; i < 20'000; ++i) {
    text += std::to_string(i) + "," + std::to_string(i * 7919 % 1000) + ",3\n";
  }
  compress(text);
  std::filesystem::resize_file(path_, std::filesystem::file_size(path_) / 2);
  const auto trace = read_trace(path_, {});
  ASSERT_FALSE(trace);
  EXPECT_EQ(trace.error().code, ErrorCode::Invalid);
}

TEST(Router, ChoosesTheLeastOutstandingAndSharesAmongEquals) {
  Router router(RoutingPolicy::LeastOutstanding);
  router.set_endpoints({"a", "b", "c"});
  std::set<std::string> first = {*router.choose({}), *router.choose({}), *router.choose({})};
  EXPECT_EQ(first, (std::set<std::string>{"a", "b", "c"}));
  router.release("b");
  EXPECT_EQ(router.choose({}), "b");
}

TEST(Router, GoesRoundWhateverTheLoad) {
  Router router(RoutingPolicy::RoundRobin);
  router.set_endpoints({"a", "b"});
  EXPECT_EQ(router.choose({}), "a");
  EXPECT_EQ(router.choose({}), "b");
  router.release("b");
  EXPECT_EQ(router.choose({}), "a");
  EXPECT_EQ(router.choose({}), "b");
}

TEST(Router, SkipsThoseThatRefusedAndThoseThatWent) {
  Router router(RoutingPolicy::LeastOutstanding);
  router.set_endpoints({"a", "b"});
  EXPECT_EQ(router.choose({"a"}), "b");
  EXPECT_EQ(router.choose({"a", "b"}), std::nullopt);
  router.set_endpoints({"b", "c"});
  EXPECT_EQ(router.choose({}), "c");  // b still has one of ours
  router.release("a");                // gone: no effect
  router.set_endpoints({});
  EXPECT_EQ(router.choose({}), std::nullopt);
}

TEST(Router, ReadsTheEndpointsFile) {
  EXPECT_THAT(parse_endpoints("# ready engines\nhttp://a:1\n\n  \nhttp://b:2/\r\nhttp://c:3"),
              testing::ElementsAre("http://a:1", "http://b:2", "http://c:3"));
}

TEST(ReplayRecord, PercentilesAreNearestRank) {
  std::vector<double> values;
  for (int i = 100; i >= 1; --i) values.push_back(i);
  const auto all = percentiles(values);
  ASSERT_TRUE(all);
  EXPECT_EQ(all->p50, 50);
  EXPECT_EQ(all->p90, 90);
  EXPECT_EQ(all->p99, 99);
  EXPECT_EQ(all->max, 100);
  EXPECT_EQ(all->mean, 50.5);
  EXPECT_EQ(percentiles({7.0})->p99, 7);
  EXPECT_EQ(percentiles({}), std::nullopt);
}

TEST(ReplayRecord, SumsUp) {
  ReplayRecord done;
  done.outcome = ReplayOutcome::Completed;
  done.arrival = Seconds(2);
  done.e2e = Seconds(8);
  done.prompt_tokens = 100;
  done.generated_tokens = 50;
  done.time_to_first_token = Seconds(0.5);
  ReplayRecord broken;
  broken.outcome = ReplayOutcome::Broken;
  broken.refusals = 2;
  broken.prompt_tokens = 999;  // not served
  const ReplaySummary summary = summarize({done, broken});
  EXPECT_EQ(summary.outcomes.at("completed"), 1U);
  EXPECT_EQ(summary.outcomes.at("broken"), 1U);
  EXPECT_EQ(summary.refusals, 2U);
  const auto json = read_json(to_json(summary));
  ASSERT_TRUE(json) << to_json(summary);
  EXPECT_EQ(json->find("promptTokensPerSecond")->number(), 10);  // 100 tokens in 10 s
  EXPECT_EQ(json->find("generatedTokensPerSecond")->number(), 5);
  EXPECT_TRUE(json->find("timePerOutputTokenSeconds")->is_null());
}

TEST(ReplayRecord, WritesCsvThatStaysInItsRow) {
  ReplayRecord record;
  record.error = "a \"b\",\nc";
  const std::string row = csv_row(record);
  EXPECT_TRUE(row.ends_with(",\"a \"\"b\"\",c\"\n")) << row;
  EXPECT_EQ(std::count(row.begin(), row.end(), '\n'), 1);
}

}  // namespace
}  // namespace tokenscaler::engine
