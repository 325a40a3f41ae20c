#include "neuract/snn/delay_groups.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <tuple>
#include <vector>

namespace neuract::snn {
namespace {

using Synapse = std::tuple<std::uint32_t, int, std::uint32_t, std::int32_t>;  // source, delay, target, weight

std::vector<SynapseTable> build(double highest_delay, Value weight, std::uint64_t indegree) {
  NetworkSpec spec;
  spec.populations = {{"S", 20, "iaf_psc_delta", {}}, {"T", 300, "iaf_psc_delta", {}}};
  spec.projections = {{"S->T",
                       0,
                       1,
                       {Rule::Kind::fixed_indegree, indegree},
                       std::move(weight),
                       Distribution{Distribution::Kind::uniform, 0.5, highest_delay}}};
  return build_synapse_tables(*Plan::make(spec).value(), 0, {1, 64, 200}).value();
}

std::vector<Synapse> synapses(const SynapseTable& t) {
  std::vector<Synapse> all;
  for (std::uint32_t row = 0; row < t.sources; ++row) {
    for (std::uint32_t i = t.offsets[row]; i < t.offsets[row + 1]; ++i) {
      int delay = !t.delays.empty() ? t.delays[i] : !t.wide_delays.empty() ? t.wide_delays[i] : 0;
      if (!t.groups.empty()) {
        const std::uint16_t* const groups = t.groups.data() + std::size_t{row} * t.group_stride;
        while (t.offsets[row] + groups[delay + 1] <= i) ++delay;
      }
      all.emplace_back(row, delay, t.target(i), t.weight(i));
    }
  }
  return all;
}

TEST(DelayGroups, HoldTheSameSynapsesSortedByDelayAndTarget) {
  for (const double highest : {1.0, 3.0, 40.0}) {
    for (const bool own_weights : {false, true}) {
      const Value weight = own_weights ? Value{Distribution{Distribution::Kind::normal, 1.0, 0.5}} : Value{0.25};
      SynapseTable table = std::move(build(highest, weight, 200).front());
      std::vector<Synapse> before = synapses(table);
      std::stable_sort(before.begin(), before.end(), [](const Synapse& a, const Synapse& b) {
        return std::tie(std::get<0>(a), std::get<1>(a)) < std::tie(std::get<0>(b), std::get<1>(b));
      });
      ASSERT_TRUE(group_by_delay({&table, 1}));
      EXPECT_FALSE(table.groups.empty());
      EXPECT_TRUE(table.delays.empty() && table.wide_delays.empty());
      EXPECT_EQ(synapses(table), before);
    }
  }
}

TEST(DelayGroups, AreNotMadeForShortRows) {
  SynapseTable table = std::move(build(40.0, 1.0, 3).front());
  const std::uint64_t bytes = table.bytes();
  ASSERT_TRUE(group_by_delay({&table, 1}));
  EXPECT_TRUE(table.groups.empty());
  EXPECT_EQ(table.bytes(), bytes);
}

TEST(DelayGroups, AreMadeForAllTablesOfACohortOrNone) {
  for (const std::uint64_t others : {3u, 200u}) {
    std::vector<SynapseTable> tables = build(3.0, 1.0, others);
    std::vector<SynapseTable> more = build(3.0, 1.0, 1);
    for (SynapseTable& table : more) tables.push_back(std::move(table));
    ASSERT_TRUE(group_by_delay(tables));
    EXPECT_EQ(tables[0].groups.empty(), tables[1].groups.empty());
    EXPECT_EQ(tables[0].groups.empty(), others == 3);
  }
}

TEST(DelayGroups, HardlyTakeMoreMemoryThanTheDelays) {
  for (const std::uint64_t indegree : {1u, 5u, 20u, 60u, 200u}) {
    SynapseTable table = std::move(build(3.0, 1.0, indegree).front());
    const std::uint64_t bytes = table.bytes();
    ASSERT_TRUE(group_by_delay({&table, 1}));
    EXPECT_LE(4 * table.bytes(), 5 * bytes) << indegree;
  }
}

}  // namespace
}  // namespace neuract::snn
