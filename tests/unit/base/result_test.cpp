// Goal: a Result holds exactly one of value and error, and an error prints what, where and what to
// do.
#include "base/result.h"

#include <memory>
#include <string>

#include <gtest/gtest.h>

namespace tokenscaler {
namespace {

Error missing() {
  return make_error(ErrorCode::NotFound, "there is no such file");
}

Result<int> half(int number) {
  if (number % 2 != 0) return make_error(ErrorCode::Invalid, std::to_string(number) + " is odd");
  return number / 2;
}

Result<int> quarter(int number) {
  ASSIGN_OR_RETURN(const int first, half(number));
  ASSIGN_OR_RETURN(const int second, half(first));
  return second;
}

Status check_even(int number) {
  RETURN_IF_ERROR(half(number).transform([](int) { return true; }));
  return {};
}

TEST(Error, PrintsWhereWhatAndAdvice) {
  EXPECT_EQ(missing().to_string(), "there is no such file");
  EXPECT_EQ(missing().at("a.yaml").to_string(), "a.yaml: there is no such file");
  EXPECT_EQ(missing().at("spec").within("a.yaml:3").advise("create it").to_string(),
            "a.yaml:3: spec: there is no such file (create it)");
  EXPECT_EQ(missing().within("a.yaml").where, "a.yaml");
}

TEST(Error, EveryCodeHasANameAndAnAction) {
  for (int i = 0; i <= static_cast<int>(ErrorCode::Internal); ++i) {
    const auto code = static_cast<ErrorCode>(i);
    EXPECT_EQ(make_error(code, "").action, default_action(code));
    EXPECT_EQ(to_string(code) == "Internal", code == ErrorCode::Internal);
    EXPECT_FALSE(to_string(default_action(code)).empty());
  }
  EXPECT_EQ(default_action(ErrorCode::Throttled), Action::Retry);
  EXPECT_EQ(default_action(ErrorCode::Gone), Action::Relist);
  EXPECT_EQ(default_action(ErrorCode::Invalid), Action::FixInput);
}

TEST(Result, PropagatesThroughMacros) {
  EXPECT_EQ(*quarter(12), 3);
  EXPECT_EQ(quarter(7).error().message, "7 is odd");
  EXPECT_EQ(quarter(6).error().message, "3 is odd");
  EXPECT_TRUE(check_even(4).has_value());
  EXPECT_EQ(check_even(5).error().message, "5 is odd");
}

TEST(Result, ComposesLikeExpected) {
  EXPECT_EQ(half(8).and_then(half).transform([](int n) { return n + 1; }).value(), 3);
  EXPECT_EQ(half(2).and_then(half).error().message, "1 is odd");
  const auto at_field = [](Error error) { return std::move(error).at("field"); };
  EXPECT_EQ(half(1).transform_error(at_field).error().where, "field");
  EXPECT_EQ(half(2).transform_error(at_field).value(), 1);
  EXPECT_EQ(half(1).value_or(9), 9);
  EXPECT_EQ(half(4).value_or(9), 2);
}

TEST(Result, CarriesValuesThatOnlyMove) {
  Result<std::unique_ptr<int>> result(std::make_unique<int>(5));
  const std::unique_ptr<int> taken = std::move(result).value();
  EXPECT_EQ(*taken, 5);
}

TEST(ResultDeathTest, ReadingTheWrongKindStopsTheProcessWithAReason) {
  EXPECT_DEATH(static_cast<void>(half(1).value()), "defect: Result::value\\(\\) of an error");
  EXPECT_DEATH(static_cast<void>(half(2).error()), "defect: Result::error\\(\\) of a value");
}

}  // namespace
}  // namespace tokenscaler
