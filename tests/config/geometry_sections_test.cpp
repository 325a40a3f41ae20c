#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "data_files.hpp"
#include "neuract/config/network_file.hpp"
#include "neuract/snn/connection_list.hpp"

/// Positions, distances and lists as the network file writes them.
namespace neuract::config {
namespace {

using snn::PositionSpec;
using snn::Profile;
using snn::Rule;

NetworkFile parse(const std::string& text, const std::string& name = "net.toml") {
  ParsedNetwork parsed = parse_network(text, name);
  EXPECT_TRUE(parsed) << parsed.report();
  return parsed ? *std::move(parsed.network) : NetworkFile{};
}

TEST(Positions, OfAGridSayHowManyNeuronsThereAre) {
  const auto spec = parse(R"(
[constants]
side = 2.0
[populations.E]
model = "iaf_psc_exp"
positions = { grid = { shape = [40, "= 3 * 10"], extent = ["= side", 1.0], center = [1.0, 0.5], periodic = true } }
)")
                        .spec;
  ASSERT_EQ(spec.populations.size(), 1U);
  EXPECT_EQ(spec.populations[0].n, 1200U);
  const PositionSpec& positions = *spec.populations[0].positions;
  EXPECT_EQ(positions.kind, PositionSpec::Kind::grid);
  EXPECT_EQ(positions.dimensions, 2);
  EXPECT_EQ(positions.shape, (std::array<std::uint32_t, 3>{40, 30, 1}));
  EXPECT_EQ(positions.extent, (std::array<double, 3>{2.0, 1.0, 1.0}));
  EXPECT_EQ(positions.center, (std::array<double, 3>{1.0, 0.5, 0.0}));
  EXPECT_TRUE(positions.periodic);
}

TEST(Positions, AreFreeOrListedToo) {
  const test::TemporaryDirectory folder;
  std::ofstream(folder.path() / "points.csv") << "y,x,z\n1,2,3\n4,5,6\n";
  const auto spec = parse(R"(
[populations.free]
n = 50
model = "iaf_psc_exp"
positions = { free = { extent = [1, 2, 3] } }
[populations.listed]
model = "iaf_psc_exp"
positions = { list = { points = [[0.0, 0.5], [1, "= 2^2"]] } }
[populations.filed]
model = "iaf_psc_exp"
positions = { list = { file = "points.csv" } }
)",
                          (folder.path() / "net.toml").string())
                        .spec;
  ASSERT_EQ(spec.populations.size(), 3U);
  EXPECT_EQ(spec.populations[0].positions->kind, PositionSpec::Kind::free);
  EXPECT_EQ(spec.populations[0].positions->dimensions, 3);
  EXPECT_EQ(spec.populations[1].n, 2U);
  EXPECT_EQ(*spec.populations[1].positions->points, (std::vector<double>{0.0, 0.5, 1.0, 4.0}));
  EXPECT_EQ(spec.populations[2].n, 2U);
  EXPECT_EQ(spec.populations[2].positions->dimensions, 3);
  EXPECT_EQ(*spec.populations[2].positions->points, (std::vector<double>{2, 1, 3, 5, 4, 6}));
}

TEST(Distances, DecideWhoConnectsHowStronglyAndHowLate) {
  const auto spec = parse(R"(
[populations.E]
model = "iaf_psc_exp"
positions = { grid = { shape = [10, 10] } }
[[projections]]
source = "E"
target = "E"
rule = { pairwise_bernoulli = { p = 0.3, gaussian = 0.1, cutoff = 0.4 } }
velocity = 0.5
[[projections]]
source = "E"
target = "E"
rule = { fixed_indegree = { count = "= n_source / 10", gaussian2d = [0.1, 0.2, -0.5], offset = 0.01 } }
weight = { normal = [1.0, 0.1] }
weight_profile = { exponential = { length = 0.25 }, offset = -0.5 }
[[projections]]
source = "E"
target = "E"
rule = { pairwise_bernoulli = { p = 1.0, cutoff = 0.11 } }
[[projections]]
source = "E"
target = "E"
rule = { pairwise_bernoulli = { p = 0.5, gaussian = { mean = 0.2, std = 0.1 } } }
[[projections]]
source = "E"
target = "E"
rule = { pairwise_bernoulli = 0.5 }
)")
                        .spec;
  ASSERT_EQ(spec.projections.size(), 5U);
  const Rule& gaussian = spec.projections[0].rule;
  EXPECT_EQ(gaussian.kind, Rule::Kind::pairwise_bernoulli);
  EXPECT_EQ(gaussian.p, 0.3);
  EXPECT_EQ(gaussian.cutoff, 0.4);
  EXPECT_EQ(gaussian.profile->kind, Profile::Kind::gaussian);
  EXPECT_EQ(gaussian.profile->length, 0.1);
  EXPECT_EQ(spec.projections[0].velocity, 0.5);
  const Rule& tilted = spec.projections[1].rule;
  EXPECT_EQ(tilted.count, 10U);
  EXPECT_EQ(tilted.profile->kind, Profile::Kind::gaussian2d);
  EXPECT_EQ(tilted.profile->length, 0.1);
  EXPECT_EQ(tilted.profile->length_y, 0.2);
  EXPECT_EQ(tilted.profile->rho, -0.5);
  EXPECT_EQ(tilted.profile->offset, 0.01);
  EXPECT_EQ(spec.projections[1].weight_profile->kind, Profile::Kind::exponential);
  EXPECT_EQ(spec.projections[1].weight_profile->length, 0.25);
  EXPECT_EQ(spec.projections[1].weight_profile->offset, -0.5);
  EXPECT_FALSE(spec.projections[2].rule.profile);
  EXPECT_TRUE(spec.projections[2].rule.spatial());
  EXPECT_EQ(spec.projections[3].rule.profile->mean, 0.2);
  EXPECT_EQ(spec.projections[3].rule.profile->length, 0.1);
  EXPECT_FALSE(spec.projections[4].rule.spatial());
}

TEST(ConnectionLists, AreSharedByThoseWhoNameThem) {
  const test::TemporaryDirectory folder;
  std::ofstream(folder.path() / "edges.csv") << "source,target,weight\n0,1,2.5\n1,1,3\n";
  const auto spec = parse(R"(
[populations.E]
n = 2
model = "iaf_psc_exp"
[populations.I]
n = 2
model = "iaf_psc_exp"
[[projections]]
source = "E"
target = ["E", "I"]
rule = { connections = "edges.csv" }
delay = 2.0
[[projections]]
source = "E"
target = "I"
rule = { connections = { file = "edges.csv" } }
)",
                          (folder.path() / "net.toml").string())
                        .spec;
  ASSERT_EQ(spec.projections.size(), 3U);
  for (const auto& projection : spec.projections) {
    EXPECT_EQ(projection.rule.kind, Rule::Kind::connections);
    ASSERT_TRUE(projection.connections);
    EXPECT_EQ(projection.connections->weights, (std::vector<double>{2.5, 3.0}));
  }
  EXPECT_EQ(spec.projections[1].connections, spec.projections[2].connections);
  EXPECT_EQ(std::get<double>(spec.projections[0].delay), 2.0);
}

}  // namespace
}  // namespace neuract::config
