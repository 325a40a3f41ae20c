#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <vector>

#include "geometry_networks.hpp"
#include "neuract/snn/geometry/cells.hpp"
#include "neuract/snn/geometry/positions.hpp"
#include "neuract/snn/geometry/profile.hpp"

namespace neuract::snn {
namespace {

using testing::free_positions;
using testing::grid_positions;

TEST(Positions, OfAGridAreTheMiddlesOfItsCellsFirstAxisFirst) {
  PositionSpec spec = grid_positions({3, 2, 1}, {6.0, 2.0, 1.0});
  spec.center = {10.0, 0.0, 0.0};
  const Positions positions(spec, 6, 1, 0);
  const std::vector<Point> expected = {{8, -0.5, 0}, {10, -0.5, 0}, {12, -0.5, 0},
                                       {8, 0.5, 0},  {10, 0.5, 0},  {12, 0.5, 0}};
  for (std::uint32_t i = 0; i < 6; ++i) EXPECT_EQ(positions[i], expected[i]) << i;
}

TEST(Positions, OfAGridInSpaceFillLayerAfterLayer) {
  const Positions positions(grid_positions({2, 3, 4}, {2.0, 3.0, 4.0}, false, 3), 24, 1, 0);
  EXPECT_EQ(positions[0], (Point{-0.5, -1.0, -1.5}));
  EXPECT_EQ(positions[6], (Point{-0.5, -1.0, -0.5}));
  EXPECT_EQ(positions[23], (Point{0.5, 1.0, 1.5}));
}

TEST(Positions, ThatAreFreeFillTheExtentEvenly) {
  constexpr std::uint32_t n = 64'000;
  const Positions positions(free_positions({2.0, 1.0, 4.0}, false, 3), n, 7, 3);
  std::vector<int> counts(64);
  for (std::uint32_t i = 0; i < n; ++i) {
    const Point p = positions[i];
    std::size_t cell = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      const double place = p[k] / std::array{2.0, 1.0, 4.0}[k] + 0.5;
      ASSERT_TRUE(place > 0.0 && place < 1.0);
      cell = cell * 4 + static_cast<std::size_t>(place * 4.0);
    }
    ++counts[cell];
  }
  double chi_square = 0.0;
  for (const int count : counts) chi_square += (count - 1000.0) * (count - 1000.0) / 1000.0;
  EXPECT_LT(chi_square, 63.0 + 6.0 * std::sqrt(2.0 * 63.0));
}

TEST(Positions, DependOnSeedPopulationAndNeuronAlone) {
  const PositionSpec spec = free_positions({1.0, 1.0, 1.0});
  const Positions few(spec, 65, 1, 0);
  const Positions many(spec, 1000, 1, 0);
  for (std::uint32_t i = 0; i < 65; ++i) EXPECT_EQ(few[i], many[i]);
  EXPECT_NE(Positions(spec, 1, 2, 0)[0], few[0]);
  EXPECT_NE(Positions(spec, 1, 1, 1)[0], few[0]);
  EXPECT_NE(few[0][0], few[0][1]);
}

RC_GTEST_PROP(Space, TakesTheShortestWayRoundATorus, ()) {
  const auto coordinate = [] { return *rc::gen::inRange(0, 1001) * 1e-3 - 0.5; };
  const Space torus = space_of(free_positions({1.0, 1.0, 1.0}, true), free_positions({1.0, 1.0, 1.0}, true));
  const Point a = {coordinate(), coordinate(), 0.0};
  const Point b = {coordinate(), coordinate(), 0.0};
  double shortest = 1e9;
  for (const double x : {-1.0, 0.0, 1.0}) {
    for (const double y : {-1.0, 0.0, 1.0})
      shortest = std::min(shortest, Space::length({b[0] - a[0] + x, b[1] - a[1] + y, 0.0}));
  }
  RC_ASSERT(std::abs(Space::length(torus.way(a, b)) - shortest) < 1e-12);
  RC_ASSERT(Space::length(torus.way(a, b)) == Space::length(torus.way(b, a)));
}

TEST(Space, NoDistanceIsLargerThanTheLargest) {
  for (const bool periodic : {false, true}) {
    const PositionSpec spec = grid_positions({7, 9, 1}, {1.0, 2.0, 1.0}, periodic);
    const Positions positions(spec, 63, 1, 0);
    const Space space = space_of(spec, spec);
    double largest = 0.0;
    for (std::uint32_t i = 0; i < 63; ++i) {
      for (std::uint32_t k = 0; k < 63; ++k)
        largest = std::max(largest, Space::length(space.way(positions[i], positions[k])));
    }
    EXPECT_LE(largest, largest_distance(spec, spec));
    EXPECT_GE(largest, 0.8 * largest_distance(spec, spec));
  }
}

RC_GTEST_PROP(Profile, LiesWithinItsBounds, ()) {
  Profile profile;
  profile.kind = *rc::gen::element(Profile::Kind::constant, Profile::Kind::linear, Profile::Kind::exponential,
                                   Profile::Kind::gaussian, Profile::Kind::gaussian2d);
  const auto length = [] { return *rc::gen::inRange(1, 300) * 0.01; };
  profile.length = length();
  profile.length_y = length();
  profile.mean = *rc::gen::inRange(0, 200) * 0.01;
  profile.rho = *rc::gen::inRange(-95, 96) * 0.01;
  const double near = *rc::gen::inRange(0, 300) * 0.01;
  const double far = near + *rc::gen::inRange(0, 300) * 0.01;
  const double distance = near + (far - near) * *rc::gen::inRange(0, 101) * 0.01;
  const double angle = *rc::gen::inRange(0, 628) * 0.01;
  const Point way = {distance * std::cos(angle), distance * std::sin(angle), 0.0};
  const auto [low, high] = profile_range(profile, near, far);
  const double g = profile_at(profile, way, distance);
  RC_ASSERT(low <= g * (1.0 + 1e-9) + 1e-300);
  RC_ASSERT(g <= high * (1.0 + 1e-9));
  RC_ASSERT(g >= 0.0);
  RC_ASSERT(g <= 1.0);
}

TEST(CellGrid, FindsEveryNeuronWithinReachOnce) {
  for (const bool periodic : {false, true}) {
    for (const int dimensions : {2, 3}) {
      for (const double edge : {0.02, 0.13, 0.4, 3.0}) {
        const PositionSpec spec = free_positions({1.0, 0.6, 0.8}, periodic, dimensions);
        const Positions positions(spec, 300, 5, 0);
        const Space space = space_of(spec, spec);
        const CellGrid grid(positions, CellShape(box_of(spec), space, edge, 150.0));
        const CellShape& cells = grid.shape();
        for (const double cutoff : {0.05, 0.3, 2.0}) {
          const auto offsets = cells.offsets(cutoff);
          for (std::uint32_t i = 0; i < 300; i += 7) {
            std::vector<int> found(300);
            const CellShape::Cell from = cells.cell_of(positions[i]);
            for (const CellShape::Offset& offset : offsets) {
              CellShape::Cell cell = from;
              if (!cells.move(cell, offset.step)) continue;
              const std::size_t index = cells.index(cell);
              for (std::size_t m = grid.begin(index); m < grid.end(index); ++m) {
                ++found[grid.neuron(m)];
                const double distance = Space::length(space.way(positions[i], grid.point(m)));
                ASSERT_GE(distance, offset.nearest);
                ASSERT_LE(distance, offset.farthest);
                ASSERT_EQ(grid.point(m), positions[grid.neuron(m)]);
              }
            }
            for (std::uint32_t k = 0; k < 300; ++k) {
              const double distance = Space::length(space.way(positions[i], positions[k]));
              ASSERT_LE(found[k], 1);
              ASSERT_GE(found[k], distance <= cutoff ? 1 : 0) << "edge " << edge << " cutoff " << cutoff;
            }
          }
        }
      }
    }
  }
}

TEST(Positions, AreRefusedWithWhatIsWrong) {
  const auto faults = [](const PositionSpec& spec, std::uint32_t n) {
    std::string text;
    for (const Fault& fault : validate_positions(spec, n, "E", "E")) text += fault.path + " " + fault.message + "\n";
    return text;
  };
  const PositionSpec fine = grid_positions({3, 2, 1}, {1.0, 1.0, 1.0});
  EXPECT_EQ(faults(fine, 6), "");
  EXPECT_EQ(faults(fine, 5), "E.shape E: a grid of 3 x 2 has 6 places, the population has 5 neurons\n");
  PositionSpec spec = fine;
  spec.extent[1] = 0.0;
  EXPECT_EQ(faults(spec, 6), "E.extent E: extent has 0, expected lengths above 0, at most 1000000000\n");
  spec = fine;
  spec.dimensions = 4;
  EXPECT_EQ(faults(spec, 6), "E E: positions have 4 dimensions, expected 2 or 3\n");
  spec = fine;
  spec.kind = PositionSpec::Kind::list;
  EXPECT_EQ(faults(spec, 6), "E.points E: there are no points\n");
  spec.points = std::make_shared<const std::vector<double>>(std::vector<double>{0.0, 0.0, 0.0, 0.7});
  EXPECT_EQ(faults(spec, 2), "");
  EXPECT_EQ(faults(spec, 3), "E.points E: there are 2 positions for 3 neurons\n");
  spec.periodic = true;
  EXPECT_EQ(faults(spec, 2),
            "E.points E: neuron 1 is at 0.7 of axis 2, outside the extent from -0.5 to 0.5, which must hold all when "
            "periodic\n");
}

}  // namespace
}  // namespace neuract::snn
