#include "engine/exposition.h"

#include <cmath>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tokenscaler::engine {
namespace {

constexpr WallTime kStart{std::chrono::milliseconds(1'743'859'381'250)};

// Expected texts are those of prometheus_client's floatToGoString.
TEST(PythonNumber, WritesAsThePythonClient) {
  EXPECT_EQ(python_number(0), "0.0");
  EXPECT_EQ(python_number(1), "1.0");
  EXPECT_EQ(python_number(0.001), "0.001");
  EXPECT_EQ(python_number(0.00001), "1e-05");
  EXPECT_EQ(python_number(123456), "123456.0");
  EXPECT_EQ(python_number(1234567), "1.234567e+06");
  EXPECT_EQ(python_number(1e6), "1e+06");
  EXPECT_EQ(python_number(1743859381.25), "1.74385938125e+09");
  EXPECT_EQ(python_number(-2.5), "-2.5");
  EXPECT_EQ(python_number(std::numeric_limits<double>::infinity()), "+Inf");
  EXPECT_EQ(python_number(std::nan("")), "NaN");
}

TEST(PlainNumber, WritesWithoutExponent) {
  EXPECT_EQ(plain_number(1), "1");
  EXPECT_EQ(plain_number(0.00015), "0.00015");
  EXPECT_EQ(plain_number(12500000), "12500000");
}

TEST(MetricPage, WritesACounterWithItsCreatedSeries) {
  MetricPage page(ExpositionStyle::Python, kStart);
  page.counter("vllm:prompt_tokens_total", "Number of prefill tokens processed.")
      .with({{"engine", "0"}, {"model_name", "m"}})
      .add(1234);
  EXPECT_EQ(page.text(),
            "# HELP vllm:prompt_tokens_total Number of prefill tokens processed.\n"
            "# TYPE vllm:prompt_tokens_total counter\n"
            "vllm:prompt_tokens_total{engine=\"0\",model_name=\"m\"} 1234.0\n"
            "# HELP vllm:prompt_tokens_created Number of prefill tokens processed.\n"
            "# TYPE vllm:prompt_tokens_created gauge\n"
            "vllm:prompt_tokens_created{engine=\"0\",model_name=\"m\"} 1.74385938125e+09\n");
}

TEST(MetricPage, WritesCumulativeBucketsWithInclusiveBounds) {
  MetricPage page(ExpositionStyle::PythonWithoutCreated, kStart);
  Series& series = page.histogram("h", "help", {0.5, 1.0}).with({{"a", "x"}, {"model", "m"}});
  series.observe(0.5);
  series.observe(0.75, 2);
  series.observe(7);
  EXPECT_EQ(page.text(),
            "# HELP h help\n"
            "# TYPE h histogram\n"
            "h_bucket{a=\"x\",le=\"0.5\",model=\"m\"} 1.0\n"
            "h_bucket{a=\"x\",le=\"1.0\",model=\"m\"} 3.0\n"
            "h_bucket{a=\"x\",le=\"+Inf\",model=\"m\"} 4.0\n"
            "h_count{a=\"x\",model=\"m\"} 4.0\n"
            "h_sum{a=\"x\",model=\"m\"} 9.0\n");
}

TEST(MetricPage, EscapesLabelsAndHelp) {
  MetricPage page(ExpositionStyle::KubeStateMetrics, kStart);
  page.gauge("g", "a \"b\" \\ c\nd").with({{"l", "a \"b\" \\ c\nd"}}).set(1);
  EXPECT_EQ(page.text(),
            "# HELP g a \"b\" \\\\ c\\nd\n"
            "# TYPE g gauge\n"
            "g{l=\"a \\\"b\\\" \\\\ c\\nd\"} 1\n");
}

TEST(MetricPage, HidesUnusedFamiliesAsRustDoesAndShowsThemAsPythonDoes) {
  MetricPage rust(ExpositionStyle::Rust, kStart);
  rust.counter("tgi_request_count", "Total number of requests");
  EXPECT_EQ(rust.text(), "");
  MetricPage python(ExpositionStyle::Python, kStart);
  python.counter("c_total", "help");
  EXPECT_EQ(python.text(), "# HELP c_total help\n# TYPE c_total counter\n");
}

}  // namespace
}  // namespace tokenscaler::engine
