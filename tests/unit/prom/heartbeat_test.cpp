#include "prom/heartbeat.h"

#include <gtest/gtest.h>

namespace tokenscaler::prom {
namespace {

using std::chrono::seconds;

WallTime at(int second) {
  return WallTime(seconds(1'700'000'000 + second));
}

Series series(std::vector<std::pair<std::string, std::string>> labels, std::vector<int> times) {
  labels.emplace_back("namespace", "ml");
  Series made{.labels = Labels(std::move(labels)), .samples = {}};
  for (const int time : times) made.samples.push_back({.at = at(time), .value = 1.0});
  return made;
}

TEST(ScrapeInterval, IsTheLowerMedianRounded) {
  EXPECT_EQ(scrape_interval_of({}), seconds(0));
  EXPECT_EQ(scrape_interval_of({14.97, 15.02, 30.0}), seconds(15));  // one scrape lost
  EXPECT_EQ(scrape_interval_of({15.0, 30.0}), seconds(15));
  EXPECT_EQ(scrape_interval_of({1.001}), seconds(1));
  EXPECT_EQ(scrape_interval_of({0.2}), seconds(1));
  EXPECT_EQ(scrape_interval_of({29.2, 30.8, 30.0}), seconds(30));
}

TEST(Heartbeat, TakesTheFresherReplicaOfAPair) {
  // Replica b stopped 40 s ago; both are of the same series.
  Matrix matrix = {series({{"pod", "a"}, {"prometheus_replica", "a"}}, {55, 70, 85}),
                   series({{"pod", "a"}, {"prometheus_replica", "b"}}, {30, 45, 60})};
  const HeartbeatTable table(matrix, Server(), {}, at(100));
  const auto& pods = table.pods("ml", {});
  ASSERT_EQ(pods.size(), 1U);
  EXPECT_EQ(pods.at("a").freshest_age, Seconds(15));
  EXPECT_EQ(pods.at("a").oldest_age, Seconds(15));
  EXPECT_EQ(pods.at("a").sample_ages, (std::vector<double>{15.0, 30.0, 45.0}));
}

TEST(Heartbeat, KeepsTheAgeOfASilentRank) {
  Matrix matrix = {series({{"pod", "a"}, {"engine", "0"}}, {70, 85, 100}),
                   series({{"pod", "a"}, {"engine", "1"}}, {10, 25, 40})};
  const HeartbeatTable table(matrix, Server(), {}, at(100));
  const PodHeartbeat& pod = table.pods("ml", {}).at("a");
  EXPECT_EQ(pod.freshest_age, Seconds(0));
  EXPECT_EQ(pod.oldest_age, Seconds(60));
}

TEST(Heartbeat, AGapInterruptsWhatWasObserved) {
  Matrix matrix = {series({{"pod", "a"}}, {0, 15, 60, 75, 90})};
  const HeartbeatTable table(matrix, Server(), {}, at(100));
  const PodHeartbeat& pod = table.pods("ml", {}).at("a");
  EXPECT_EQ(pod.observed_for(Seconds(37.5)), Seconds(40));
  EXPECT_EQ(pod.observed_for(Seconds(50)), Seconds(100));
  EXPECT_EQ(PodHeartbeat().observed_for(Seconds(50)), Seconds(0));
}

TEST(Heartbeat, TellsTargetsApartByTheirLabels) {
  Matrix matrix = {series({{"pod", "a"}, {"model_name", "x"}}, {85, 100}),
                   series({{"pod", "b"}, {"model_name", "y"}}, {85, 100}),
                   series({{"model_name", "x"}}, {85, 100})};  // no pod: not an engine's
  const HeartbeatTable table(matrix, Server(), {"model_name"}, at(100));
  EXPECT_EQ(table.pods("ml", {{"model_name", "x"}}).size(), 1U);
  EXPECT_TRUE(table.pods("ml", {{"model_name", "x"}}).contains("a"));
  EXPECT_TRUE(table.pods("other", {{"model_name", "x"}}).empty());
}

}  // namespace
}  // namespace tokenscaler::prom
