#include "neuract/config/expression.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numbers>
#include <string>
#include <variant>
#include <vector>

namespace neuract::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

double value_of(const std::string& text, const Scope& scope = Scope()) {
  const auto result = evaluate(text, scope);
  EXPECT_TRUE(result) << result.error().message;
  return result ? std::get<double>(*result) : 0.0;
}

TEST(Expression, BeginsWithAnEqualsSign) {
  EXPECT_TRUE(is_expression("= 1"));
  EXPECT_TRUE(is_expression("  =1"));
  EXPECT_FALSE(is_expression("1 + 1"));
  EXPECT_FALSE(is_expression(""));
}

TEST(Expression, KnowsTheUsualArithmetic) {
  EXPECT_DOUBLE_EQ(value_of("= 1 + 2 * 3 ^ 2"), 19.0);
  EXPECT_DOUBLE_EQ(value_of("= -2 ^ 2"), -4.0);
  EXPECT_DOUBLE_EQ(value_of("= ln(exp(2)) + log(exp(1)) + log10(100)"), 5.0);
  EXPECT_DOUBLE_EQ(value_of("= round(2.5) + floor(-0.5) + ceil(0.5)"), 3.0);
  EXPECT_DOUBLE_EQ(value_of("= max(1, 2, 3) - min(4, 5)"), -1.0);
  EXPECT_DOUBLE_EQ(value_of("= 1 < 2 ? 10 : 20"), 10.0);
  EXPECT_DOUBLE_EQ(value_of("= 2 * pi"), 2.0 * std::numbers::pi);
  EXPECT_DOUBLE_EQ(value_of("= 1e-3 * 5"), 0.005);
}

TEST(Expression, FindsNamesInTheNearestScope) {
  Scope outer;
  outer.set("a", 1.0);
  outer.set("b", 2.0);
  Scope inner(&outer);
  inner.set("a", 10.0);
  EXPECT_DOUBLE_EQ(value_of("= a + b", inner), 12.0);
  EXPECT_DOUBLE_EQ(value_of("= a + b", outer), 3.0);
}

TEST(Expression, GivesOneValuePerNeuronWhenAVariableDoes) {
  Scope scope;
  scope.set("r", std::vector<double>{0.0, 0.5, 1.0});
  scope.set("k", 4.0);
  const auto result = evaluate("= k * r^2", scope);
  ASSERT_TRUE(result);
  EXPECT_THAT(std::get<std::vector<double>>(*result), ElementsAre(0.0, 1.0, 4.0));
}

TEST(Expression, TellsUnknownNamesFromUnusableOnes) {
  Scope scope;
  scope.set("weight", 1.0);
  scope.set_unusable("broken");
  const auto unknown = evaluate("= 2 * wieght", scope);
  EXPECT_EQ(unknown.error().code, ErrorCode::not_found);
  EXPECT_THAT(unknown.error().message, HasSubstr("did you mean \"weight\"?"));
  EXPECT_EQ(evaluate("= broken + 1", scope).error().code, ErrorCode::cancelled);
}

TEST(Expression, RefusesWhatNobodyMeans) {
  Scope scope;
  scope.set("a", 1.0);
  for (const char* text : {"=", "= a = 3", "= 1, 2", "= 2 ** 3", "= 1 / 0", "= sqrt(-1)", "= (1", "= 1)", "= a a",
                           "= \"a\"", "= f(1)", "= ,"}) {
    EXPECT_FALSE(evaluate(text, scope)) << text;
  }
  EXPECT_DOUBLE_EQ(value_of("= a", scope), 1.0);
}

TEST(Expression, NamesMustNotHideFunctions) {
  EXPECT_TRUE(is_usable_name("tau_m"));
  EXPECT_TRUE(is_usable_name("_x9"));
  for (const char* name : {"", "9x", "a-b", "sin", "pi", "round", "é"}) EXPECT_FALSE(is_usable_name(name)) << name;
}

}  // namespace
}  // namespace neuract::config
