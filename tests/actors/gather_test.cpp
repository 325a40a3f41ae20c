#include "neuract/actors/gather.hpp"

#include <gtest/gtest.h>

namespace neuract::actors {
namespace {

TEST(Rendezvous, TakesPlaceAtTheFurthestStepOnceAllHaveAnswered) {
  Rendezvous rendezvous;
  EXPECT_FALSE(rendezvous.under_way());
  const std::uint64_t round = rendezvous.begin(3);
  EXPECT_TRUE(rendezvous.under_way());
  EXPECT_FALSE(rendezvous.add({0, round, 15}));
  EXPECT_FALSE(rendezvous.add({0, round - 1, 99})) << "an answer to an earlier question";
  EXPECT_FALSE(rendezvous.add({2, round, 30}));
  EXPECT_EQ(rendezvous.add({1, round, 20}), Step{30});
  EXPECT_FALSE(rendezvous.under_way());
  EXPECT_FALSE(rendezvous.add({1, round, 20}));
}

StatePart part(std::uint32_t first, float value) {
  auto data = std::make_shared<float>(value);
  return {first, 1, 1, data};
}

TEST(SnapshotParts, MakeAWholeInTheOrderOfThePopulation) {
  SnapshotParts parts;
  parts.expect(7, 2, 500, 0.1);
  StateTaken late{7, 500, std::nullopt, {part(2, 3.0f)}};
  StateTaken early{7, 500, std::nullopt, {part(0, 1.0f), part(1, 2.0f)}};
  StateTaken unknown{8, 500, std::nullopt, {part(0, 9.0f)}};
  EXPECT_FALSE(parts.add(late));
  EXPECT_FALSE(parts.add(unknown));
  const auto whole = parts.add(early);
  ASSERT_TRUE(whole && whole->has_value());
  EXPECT_EQ((*whole)->values(), (std::vector<float>{1.0f, 2.0f, 3.0f}));
  EXPECT_EQ((*whole)->step, 500);
  EXPECT_DOUBLE_EQ((*whole)->time_ms, 50.0);
  EXPECT_TRUE(parts.give_up().empty());
}

TEST(SnapshotParts, ReportTheFirstErrorWhenAllHaveAnswered) {
  SnapshotParts parts;
  parts.expect(1, 2, 10, 0.1);
  parts.expect(2, 1, 10, 0.1);
  StateTaken bad{1, 10, Error{ErrorCode::stale, "too late", {}}, {}};
  StateTaken good{1, 10, std::nullopt, {part(0, 1.0f)}};
  EXPECT_FALSE(parts.add(bad));
  const auto answer = parts.add(good);
  ASSERT_TRUE(answer && !answer->has_value());
  EXPECT_EQ(answer->error().message, "too late");
  EXPECT_EQ(parts.give_up(), std::vector<std::uint64_t>{2});
}

}  // namespace
}  // namespace neuract::actors
