#include "neuract/actors/summary.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "networks.hpp"

namespace neuract::actors {
namespace {

using Isi = snn::CohortStatistics::Isi;

TEST(CvIsi, IsTheMeanOverNeuronsWithAtLeastTwoIntervals) {
  snn::CohortStatistics cohort;
  cohort.range = {0, 0, 4};
  cohort.isi = {Isi{30, 500, 2},     // 10 and 20 steps: sd 5, mean 15
                Isi{400, 40000, 4},  // four times 100: regular
                Isi{7, 49, 1}, Isi{}};
  EXPECT_DOUBLE_EQ(mean_cv_isi({&cohort}), (1.0 / 3.0 + 0.0) / 2.0);
}

TEST(CvIsi, IsNotANumberWithoutIntervals) {
  snn::CohortStatistics cohort;
  cohort.isi = {Isi{7, 49, 1}};
  EXPECT_TRUE(std::isnan(mean_cv_isi({&cohort})));
  EXPECT_TRUE(std::isnan(mean_cv_isi({})));
}

TEST(Summary, HasTheSameBitsForAnyPartition) {
  const auto plan = snn::Plan::make(testing::balanced().spec()).value();
  snn::CohortStatistics whole;
  whole.range = {0, 0, 400};
  whole.spikes = 900;
  whole.spike_hash = 0xfedcba9876543210;
  for (std::uint64_t n = 0; n < 400; ++n) {
    const std::uint64_t a = 50 + n * 7 % 90, b = 40 + n * 13 % 70;
    whole.isi.push_back({a + b, a * a + b * b, 2});
  }
  snn::CohortStatistics first = whole, second = whole;
  first.range.count = 128;
  first.isi.resize(128);
  second.range.first = 128;
  second.range.count = 272;
  second.isi.erase(second.isi.begin(), second.isi.begin() + 128);
  first.spikes = 300;
  second.spikes = 600;
  first.spike_hash = 0xfffffffffffffff0;
  second.spike_hash = whole.spike_hash - first.spike_hash;

  const RunResult one = summarise(*plan, 2000, std::vector{whole}, {});
  const RunResult two = summarise(*plan, 2000, std::vector{second, first}, {});
  EXPECT_EQ(one.populations[0].cv_isi, two.populations[0].cv_isi);
  EXPECT_EQ(one.spike_hash, two.spike_hash);
  EXPECT_EQ(two.spikes, 900u);
  EXPECT_DOUBLE_EQ(two.populations[0].rate_hz, 900 / (400 * 0.2));
  EXPECT_EQ(two.cohorts, 2u);
}

TEST(Summary, CountsRatesAfterTheWarmupOnly) {
  auto net = testing::balanced();
  net.settings().warmup = 100.0;
  const auto plan = snn::Plan::make(net.spec()).value();
  snn::CohortStatistics cohort;
  cohort.range = {0, 0, 400};
  cohort.spikes = 400;
  const RunResult during = summarise(*plan, 500, std::vector{cohort}, {});
  EXPECT_DOUBLE_EQ(during.warmup_ms, 50.0);
  EXPECT_DOUBLE_EQ(during.duration_ms, 0.0);
  EXPECT_EQ(during.populations[0].rate_hz, 0.0);
  const RunResult after = summarise(*plan, 1500, std::vector{cohort}, {});
  EXPECT_DOUBLE_EQ(after.populations[0].rate_hz, 20.0);
}

}  // namespace
}  // namespace neuract::actors
