#include "neuract/memory/result.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <string>

namespace neuract {
namespace {

Result<int> half(int n) {
  if (n % 2 != 0) return fail(ErrorCode::invalid_argument, n, " is odd");
  return n / 2;
}

Result<int> quarter(int n) {
  NEURACT_TRY_ASSIGN(const int once, half(n));
  NEURACT_TRY_ASSIGN(const int twice, half(once));
  return twice;
}

Result<void> check_quarter(int n) {
  NEURACT_TRY(quarter(n));
  return {};
}

TEST(Error, EveryCodeHasItsOwnNameAndSentence) {
  std::set<std::string_view> names, sentences;
  for (int i = 0; i <= static_cast<int>(ErrorCode::internal); ++i) {
    names.insert(name_of(static_cast<ErrorCode>(i)));
    sentences.insert(describe(static_cast<ErrorCode>(i)));
  }
  EXPECT_EQ(names.size(), static_cast<std::size_t>(ErrorCode::internal) + 1);
  EXPECT_EQ(sentences.size(), names.size());
  EXPECT_FALSE(names.contains("unknown"));
}

TEST(Error, ReadsFromTheOutermostPlaceToTheCause) {
  const Error error = Error{ErrorCode::io, "disk full", {}}.with_context("spikes.h5").with_context("recorder \"r\"");
  EXPECT_EQ(error.to_string(), "recorder \"r\": spikes.h5: disk full");
}

TEST(Error, WithoutAMessageSaysWhatItsCodeMeans) {
  EXPECT_EQ((Error{ErrorCode::stale, "", {}}.to_string()), std::string(describe(ErrorCode::stale)));
}

TEST(Error, MessageShowsSmallIntegersAsNumbers) {
  EXPECT_EQ(fail(ErrorCode::io, std::uint8_t{65}, " and ", std::int8_t{-1}, ' ', 'c').error().message, "65 and -1 c");
}

TEST(Result, HoldsAValueOrAnError) {
  EXPECT_EQ(half(4).value(), 2);
  EXPECT_TRUE(half(4));
  EXPECT_FALSE(half(3));
  EXPECT_EQ(half(3).error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(half(3).error().message, "3 is odd");
  EXPECT_EQ(half(3).value_or(-1), -1);
  EXPECT_EQ(half(4).value_or(-1), 2);
}

TEST(Result, ReturnsTheFirstErrorEarly) {
  EXPECT_EQ(quarter(8).value(), 2);
  EXPECT_EQ(quarter(6).error().message, "3 is odd");
  EXPECT_TRUE(check_quarter(8));
  EXPECT_EQ(check_quarter(5).error().message, "5 is odd");
}

TEST(Result, ChainsStepsAndSkipsThemAfterAnError) {
  const auto text = [](int n) { return std::to_string(n); };
  EXPECT_EQ(half(8).and_then(half).transform(text).value(), "2");
  EXPECT_EQ(half(2).and_then(half).transform(text).error().message, "1 is odd");
  const Result<int> kept = half(8);
  EXPECT_EQ(kept.and_then(half).value(), 2);
  EXPECT_EQ(kept.transform([](int) {}).has_value(), true);
}

TEST(Result, RecoversFromAnErrorOrAddsToIt) {
  EXPECT_EQ(half(3).or_else([](const Error&) -> Result<int> { return 7; }).value(), 7);
  EXPECT_EQ(half(4).or_else([](const Error&) -> Result<int> { return 7; }).value(), 2);
  const auto named = half(3).transform_error([](Error error) { return std::move(error).with_context("n"); });
  EXPECT_EQ(named.error().to_string(), "n: 3 is odd");
}

TEST(Result, MovesWhatCannotBeCopied) {
  Result<std::unique_ptr<int>> owner = std::make_unique<int>(5);
  const std::unique_ptr<int> taken = *std::move(owner);
  EXPECT_EQ(*taken, 5);
  EXPECT_EQ(Result<std::unique_ptr<int>>(std::make_unique<int>(6))
                .transform([](std::unique_ptr<int> p) { return *p; })
                .value(),
            6);
}

TEST(Result, TakesAnErrorAsItIs) {
  const Result<std::string> result = Error{ErrorCode::parse, "no", {}};
  EXPECT_EQ(result.error().code, ErrorCode::parse);
  const Result<void> nothing = Error{ErrorCode::parse, "no", {}};
  EXPECT_FALSE(nothing);
}

TEST(Result, ThrowsTheErrorWhenItsValueIsAskedFor) {
  try {
    (void)half(3).value();
    FAIL() << "no exception";
  } catch (const BadResultAccess& exception) {
    EXPECT_STREQ(exception.what(), "3 is odd");
    EXPECT_EQ(exception.error().code, ErrorCode::invalid_argument);
  }
  EXPECT_THROW(check_quarter(5).value(), BadResultAccess);
}

TEST(ResultDeathTest, UncheckedUseOfAnErrorAbortsWithItsText) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH((void)*half(3), "3 is odd");
  EXPECT_DEATH((void)half(4).error(), "successful result");
}

TEST(VoidResult, ChainsLikeTheOthers) {
  EXPECT_EQ(check_quarter(8).and_then([] { return half(4); }).value(), 2);
  EXPECT_EQ(check_quarter(8).transform([] { return 3; }).value(), 3);
  EXPECT_EQ(check_quarter(5).transform([] { return 3; }).error().message, "5 is odd");
  EXPECT_TRUE(check_quarter(5).or_else([](const Error&) { return Result<void>(); }));
  EXPECT_EQ(
      check_quarter(5).transform_error([](Error e) { return std::move(e).with_context("here"); }).error().to_string(),
      "here: 5 is odd");
}

}  // namespace
}  // namespace neuract
