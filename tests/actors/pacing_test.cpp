#include "neuract/actors/pacing.hpp"

#include <gtest/gtest.h>

#include "networks.hpp"

namespace neuract::actors {
namespace {

TEST(Windows, EndAtTheNearestOfGoalHorizonCreditAndQuantum) {
  Windows windows(0, 0);
  windows.run_to(100);
  EXPECT_EQ(windows.next(0, kNever, 64, kNever), 64);
  EXPECT_EQ(windows.next(64, kNever, 64, kNever), 100);
  EXPECT_EQ(windows.next(0, 15, 64, kNever), 15);
  EXPECT_EQ(windows.next(0, 15, 64, 7), 7);
  EXPECT_EQ(windows.next(100, kNever, 64, kNever), 100);
  windows.run_to(90);
  EXPECT_EQ(windows.next(64, kNever, 64, kNever), 90) << "a run that is stopped gets a nearer goal";
}

TEST(Windows, DoNothingWithoutInputOrCredit) {
  Windows windows(0, 0);
  windows.run_to(100);
  EXPECT_EQ(windows.next(15, 15, 64, kNever), 15);
  EXPECT_EQ(windows.next(15, 40, 64, 15), 15);
  EXPECT_EQ(windows.next(15, 40, 64, 3), 15);
}

TEST(Windows, EndWithTheWarmupAndWithEveryGuardWindow) {
  Windows windows(30, 100);
  windows.run_to(1000);
  EXPECT_EQ(windows.next(0, kNever, 64, kNever), 30);
  EXPECT_EQ(windows.next(30, kNever, 64, kNever), 94);
  EXPECT_EQ(windows.next(94, kNever, 64, kNever), 100);
  EXPECT_EQ(windows.next(100, kNever, 64, kNever), 164);
  EXPECT_FALSE(windows.guard_due(0));
  EXPECT_TRUE(windows.guard_due(100));
  EXPECT_FALSE(windows.guard_due(164));
}

TEST(Windows, EndWhereASnapshotIsWanted) {
  Windows windows(0, 0);
  windows.run_to(1000);
  windows.cut_at(10);
  windows.cut_at(12);
  EXPECT_EQ(windows.next(0, kNever, 64, kNever), 10);
  EXPECT_EQ(windows.next(10, kNever, 64, kNever), 12);
  windows.passed(12);
  EXPECT_EQ(windows.next(0, kNever, 64, kNever), 64);
}

TEST(ChooseThreads, UsesAsManyAsHaveWorkBetweenTwoExchanges) {
  const auto plan = [](std::uint32_t n) { return snn::Plan::make(testing::balanced(200.0, n).spec()).value(); };
  EXPECT_EQ(choose_threads(*plan(100), 16), 1u);
  EXPECT_EQ(choose_threads(*plan(100'000), 16), 16u);
  EXPECT_EQ(choose_threads(*plan(100'000), 1), 1u);
  EXPECT_LT(choose_threads(*plan(2'000), 16), 16u);

  auto batch = testing::balanced(200.0, 100);
  batch.settings().batch = 16;
  EXPECT_EQ(choose_threads(*snn::Plan::make(batch.spec()).value(), 4), 4u) << "samples exchange nothing";

  snn::NetworkBuilder lonely("lonely");
  lonely.population("A", 1000, "iaf_psc_delta");
  EXPECT_EQ(choose_threads(*snn::Plan::make(lonely.spec()).value(), 4), 4u) << "nothing is ever exchanged";
}

TEST(Credit, IsNotNeededForPairsThatExchangeBothWays) {
  const std::uint32_t both[] = {1, 2};
  EXPECT_EQ(Credit(both, both, 100).limit(), kNever);
}

TEST(Credit, FollowsTheSlowestOneWayConsumer) {
  const std::uint32_t targets[] = {1, 2, 3};
  const std::uint32_t sources[] = {2};
  Credit credit(targets, sources, 100);
  EXPECT_EQ(credit.limit(), 100);
  credit.confirm(1, 60);
  EXPECT_EQ(credit.limit(), 100);
  credit.confirm(3, 40);
  EXPECT_EQ(credit.limit(), 140);
}

TEST(RateWatch, ReportsAPopulationOnceAllShardsHaveFinishedTheWindow) {
  auto net = testing::balanced();
  net.settings().stop_if = snn::RateGuard{.rate = 50.0, .window = 100.0};
  const auto plan = snn::Plan::make(net.spec()).value();
  RateWatch watch(*plan, 2);
  EXPECT_EQ(watch.window(), 1000);
  // 400 neurons in E: 2000 spikes in 100 ms are 50 Hz.
  EXPECT_TRUE(watch.add(1000, std::vector<std::uint64_t>{1500, 0}).empty());
  EXPECT_TRUE(watch.add(2000, std::vector<std::uint64_t>{2600, 0}).empty()) << "one shard is a window ahead";
  EXPECT_TRUE(watch.add(1000, std::vector<std::uint64_t>{500, 0}).empty()) << "50 Hz is not above 50 Hz";
  const auto excess = watch.add(2000, std::vector<std::uint64_t>{1500, 10});
  ASSERT_EQ(excess.size(), 1u);
  EXPECT_EQ(excess[0].population, 0u);
  EXPECT_EQ(excess[0].end, 2000);
  EXPECT_DOUBLE_EQ(excess[0].rate_hz, 52.5);
}

}  // namespace
}  // namespace neuract::actors
