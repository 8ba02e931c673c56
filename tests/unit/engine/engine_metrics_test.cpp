// Each engine's page against the list of names, types and labels taken from that engine's source
// (testdata/README.md), and the behaviour of counters over a run of the scheduler.
#include "engine/engine_metrics.h"

#include <cstdio>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tokenscaler::engine {
namespace {

struct Family {
  std::string type;
  std::string labels;  // sorted, comma-separated; "-" for none
  bool operator==(const Family&) const = default;
};

void PrintTo(const Family& family, std::ostream* out) {
  *out << family.type << " {" << family.labels << "}";
}

using Page = std::map<std::string, Family>;

// The families of a page that have series, `_created` ones left out.
Page families_of(const std::string& text) {
  Page page;
  std::istringstream lines(text);
  std::string line;
  std::string name;
  std::string type;
  const std::regex label("([a-zA-Z_]+)=\"");
  while (std::getline(lines, line)) {
    if (line.starts_with("# TYPE ")) {
      std::istringstream words(line.substr(7));
      words >> name >> type;
      continue;
    }
    if (line.empty() || line[0] == '#' || name.ends_with("_created")) continue;
    std::set<std::string> labels;
    const std::string before_value = line.substr(0, line.rfind(' '));
    for (auto it = std::sregex_iterator(before_value.begin(), before_value.end(), label);
         it != std::sregex_iterator(); ++it) {
      if ((*it)[1] != "le") labels.insert((*it)[1]);
    }
    std::string joined;
    for (const std::string& one : labels) joined += (joined.empty() ? "" : ",") + one;
    page[name] = {type, joined.empty() ? "-" : joined};
  }
  return page;
}

Page listed(const std::string& file) {
  std::ifstream in(std::string(TOKENSCALER_SOURCE_DIR) + "/tests/unit/engine/testdata/" + file);
  EXPECT_TRUE(in.good()) << file;
  Page page;
  std::string name;
  Family family;
  while (in >> name >> family.type >> family.labels) page[name] = family;
  return page;
}

double value_of(const std::string& text, const std::string& series) {
  const std::size_t at = ("\n" + text).find("\n" + series + " ");
  if (at == std::string::npos) return -1;
  return std::stod(text.substr(at + series.size() + 1));
}

constexpr IterationModel kStep = {.weights = Seconds(0.010), .prefill_tokens_per_second = 1e6};
const SchedulerConfig kConfig = {.max_num_batched_tokens = 100,
                                 .max_num_seqs = 8,
                                 .num_gpu_blocks = 200,
                                 .block_size = 10,
                                 .max_model_len = 1000,
                                 .enable_prefix_caching = true,
                                 .frontend = Seconds(0)};

class EnginePage {
 public:
  explicit EnginePage(MetricDialect dialect, std::size_t ranks = 1)
      : metrics_(make_engine_metrics(
            dialect, {.model_name = "m", .data_parallel_size = ranks, .scheduler = kConfig})) {
    for (std::size_t i = 0; i < ranks; ++i) schedulers_.emplace_back(kStep, kConfig);
  }

  void add(const RequestSpec& spec, double at, std::size_t rank = 0) {
    advance(at);
    metrics_->record_arrival(spec);
    ASSERT_TRUE(schedulers_[rank].add(spec, SimTime(at)));
  }
  void advance(double until) {
    for (std::size_t rank = 0; rank < schedulers_.size(); ++rank) {
      for (const auto& stats : schedulers_[rank].advance(SimTime(until))) {
        metrics_->record_iteration(rank, stats);
      }
      metrics_->record_state(rank, schedulers_[rank].state());
    }
  }
  EngineMetrics& metrics() { return *metrics_; }
  [[nodiscard]] std::string text() const { return metrics_->text(); }

 private:
  std::unique_ptr<EngineMetrics> metrics_;
  std::vector<Scheduler> schedulers_;
};

class Dialects : public testing::TestWithParam<std::pair<MetricDialect, std::string>> {};

TEST_P(Dialects, WritesExactlyTheListedFamilies) {
  EnginePage page(GetParam().first);
  page.add({.prompt_tokens = 100, .cached_tokens = 40, .max_tokens = 3, .streaming = true}, 0);
  page.add({.prompt_tokens = 50, .max_tokens = 2}, 0);
  page.advance(1);
  page.metrics().record_abort(0);
  const Page expected = listed(GetParam().second);
  ASSERT_FALSE(expected.empty());
  EXPECT_THAT(families_of(page.text()), testing::ContainerEq(expected));
}

TEST_P(Dialects, PassesPromtoolsParser) {
  if (std::system("command -v promtool >/dev/null 2>&1") != 0) {  // NOLINT(cert-env33-c)
    GTEST_SKIP() << "promtool is not installed";
  }
  EnginePage page(GetParam().first);
  page.add({.prompt_tokens = 100, .cached_tokens = 40, .max_tokens = 3}, 0);
  page.advance(1);
  // Exit status 1 means that the text cannot be parsed; 3 are lint remarks on names, which the real
  // engines earn too (a counter without _total, a name with a colon).
  FILE* pipe = popen("promtool check metrics >/dev/null 2>&1", "w");  // NOLINT(cert-env33-c)
  ASSERT_NE(pipe, nullptr);
  const std::string text = page.text();
  std::fwrite(text.data(), 1, text.size(), pipe);
  const int status = pclose(pipe);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_THAT(WEXITSTATUS(status), testing::AnyOf(0, 3)) << text;
}

INSTANTIATE_TEST_SUITE_P(All, Dialects,
                         testing::Values(std::pair(MetricDialect::Vllm, "vllm.txt"),
                                         std::pair(MetricDialect::VllmV0, "vllm-v0.txt"),
                                         std::pair(MetricDialect::Sglang, "sglang.txt"),
                                         std::pair(MetricDialect::Tgi, "tgi.txt")),
                         [](const auto& dialect) {
                           std::string name = dialect.param.second;
                           name.resize(name.find('.'));
                           std::erase(name, '-');
                           return name;
                         });

TEST(VllmMetrics, AllSeriesExistAtZeroFromTheStart) {
  const EnginePage page(MetricDialect::Vllm);
  EXPECT_EQ(value_of(page.text(), R"(vllm:prompt_tokens_total{engine="0",model_name="m"})"), 0);
  EXPECT_EQ(
      value_of(page.text(),
               R"(vllm:request_success_total{engine="0",finished_reason="length",model_name="m"})"),
      0);
  EXPECT_EQ(
      value_of(page.text(), R"(vllm:time_to_first_token_seconds_count{engine="0",model_name="m"})"),
      0);
}

TEST(VllmMetrics, PromptCounterJumpsAtTheEndOfPrefillAndGenerationGrowsWithEachStep) {
  EnginePage page(MetricDialect::Vllm);
  const std::string prompt = R"(vllm:prompt_tokens_total{engine="0",model_name="m"})";
  const std::string generation = R"(vllm:generation_tokens_total{engine="0",model_name="m"})";
  page.add({.prompt_tokens = 250, .max_tokens = 10}, 0);  // chunks of 100, 100, 50: 10 ms each
  page.advance(0.025);
  EXPECT_EQ(value_of(page.text(), prompt), 0);
  EXPECT_EQ(value_of(page.text(), R"(vllm:num_requests_running{engine="0",model_name="m"})"), 1);
  page.advance(0.035);
  EXPECT_EQ(value_of(page.text(), prompt), 250);
  EXPECT_EQ(value_of(page.text(), generation), 1);
  page.advance(0.055);
  EXPECT_EQ(value_of(page.text(), generation), 3);
  // 250 + 2 computed tokens, one more block for the token in work: 26 blocks of 200.
  EXPECT_NEAR(value_of(page.text(), R"(vllm:kv_cache_usage_perc{engine="0",model_name="m"})"),
              26.0 / 200, 1e-9);
  page.advance(1);
  EXPECT_EQ(value_of(page.text(), generation), 10);
  EXPECT_EQ(
      value_of(page.text(), R"(vllm:e2e_request_latency_seconds_count{engine="0",model_name="m"})"),
      1);
}

TEST(VllmMetrics, SplitsPromptTokensBySource) {
  EnginePage page(MetricDialect::Vllm);
  page.add({.prompt_tokens = 95, .cached_tokens = 45, .max_tokens = 1}, 0);
  page.advance(1);
  const std::string text = page.text();
  EXPECT_EQ(
      value_of(
          text,
          R"(vllm:prompt_tokens_by_source_total{engine="0",model_name="m",source="local_compute"})"),
      55);
  EXPECT_EQ(
      value_of(
          text,
          R"(vllm:prompt_tokens_by_source_total{engine="0",model_name="m",source="local_cache_hit"})"),
      40);
  EXPECT_EQ(value_of(text, R"(vllm:prompt_tokens_cached_total{engine="0",model_name="m"})"), 40);
  EXPECT_EQ(value_of(text, R"(vllm:prompt_tokens_total{engine="0",model_name="m"})"), 95);
}

TEST(VllmMetrics, KeepsDataParallelRanksApart) {
  EnginePage page(MetricDialect::Vllm, 2);
  page.add({.prompt_tokens = 10, .max_tokens = 1}, 0, 0);
  page.add({.prompt_tokens = 30, .max_tokens = 1}, 0, 1);
  page.advance(1);
  EXPECT_EQ(value_of(page.text(), R"(vllm:prompt_tokens_total{engine="0",model_name="m"})"), 10);
  EXPECT_EQ(value_of(page.text(), R"(vllm:prompt_tokens_total{engine="1",model_name="m"})"), 30);
}

TEST(VllmV0Metrics, BearsCountersAtOnceAndHistogramsWithTheirFirstObservation) {
  EnginePage page(MetricDialect::VllmV0);
  EXPECT_EQ(value_of(page.text(), R"(vllm:prompt_tokens_total{model_name="m"})"), 0);
  EXPECT_EQ(value_of(page.text(), R"(vllm:time_to_first_token_seconds_count{model_name="m"})"), -1);
  page.add({.prompt_tokens = 10, .max_tokens = 1}, 0);
  page.advance(1);
  EXPECT_EQ(value_of(page.text(), R"(vllm:time_to_first_token_seconds_count{model_name="m"})"), 1);
  EXPECT_THAT(page.text(), testing::Not(testing::HasSubstr("_created")));
}

TEST(SglangMetrics, CountsOnlyWhenARequestEnds) {
  EnginePage page(MetricDialect::Sglang);
  const std::string generation =
      R"(sglang:generation_tokens_total{engine_type="unified",is_streaming="true",model_name="m"})";
  page.add({.prompt_tokens = 10, .max_tokens = 100, .streaming = true}, 0);
  page.advance(0.905);
  EXPECT_EQ(value_of(page.text(), generation), -1);  // not born yet
  // 40 passes of 10 ms with one token each.
  EXPECT_NEAR(
      value_of(
          page.text(),
          R"(sglang:gen_throughput{engine_type="unified",model_name="m",moe_ep_rank="0",pp_rank="0",tp_rank="0"})"),
      100, 1e-6);
  page.advance(2);
  EXPECT_EQ(value_of(page.text(), generation), 100);
}

TEST(TgiMetrics, KnowsTokensOnlyAsSumsAndNothingBeforeTheFirstRequest) {
  EnginePage page(MetricDialect::Tgi);
  page.advance(1);
  EXPECT_THAT(families_of(page.text()), testing::SizeIs(1));  // tgi_batch_max_total_tokens
  page.add({.prompt_tokens = 100, .max_tokens = 3}, 1);
  page.advance(2);
  EXPECT_EQ(value_of(page.text(), "tgi_request_input_length_sum"), 100);
  EXPECT_EQ(value_of(page.text(), "tgi_request_generated_tokens_sum"), 3);
  EXPECT_EQ(value_of(page.text(), "tgi_batch_current_size"), 0);
}

}  // namespace
}  // namespace tokenscaler::engine
