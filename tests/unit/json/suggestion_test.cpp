#include "json/suggestion.h"

#include <array>
#include <string>

#include <gtest/gtest.h>

namespace tokenscaler::json {
namespace {

constexpr std::array<std::string_view, 5> kFields{"minReplicas", "maxReplicas", "mode",
                                                  "windowSeconds", "scaleTargetRef"};

TEST(Closest, FindsTypingErrorsAndNothingFarther) {
  EXPECT_EQ(closest("minreplicas", kFields), "minReplicas");
  EXPECT_EQ(closest("maxReplica", kFields), "maxReplicas");
  EXPECT_EQ(closest("mdoe", kFields), "mode");
  EXPECT_EQ(closest("windowSecond", kFields), "windowSeconds");
  EXPECT_EQ(closest("scaleTarget", kFields), "scaleTargetRef");
  EXPECT_EQ(closest("window", kFields), "windowSeconds");
  EXPECT_EQ(closest("m", kFields), std::nullopt);
  EXPECT_EQ(closest("banana", kFields), std::nullopt);
  EXPECT_EQ(closest("", kFields), std::nullopt);
  EXPECT_EQ(closest(std::string(1'000'000, 'm'), kFields), std::nullopt);
  EXPECT_EQ(closest("mode", {}), std::nullopt);
}

}  // namespace
}  // namespace tokenscaler::json
