#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "neuract/snn/geometry/positions.hpp"

namespace neuract::snn {

/// A box cut into equal cells.
class CellShape {
 public:
  using Cell = std::array<std::int32_t, 3>;

  /// From a cell to another one, and how far apart points in the two may be.
  struct Offset {
    Cell step = {};
    double nearest = 0.0;
    double farthest = 0.0;
  };

  /// `box` holds everything of which cell_of() will be asked. Cells are at least as long as `edge`, or longer where there
  /// would be more than `most`.
  CellShape(const Box& box, const Space& space, double edge, double most);

  [[nodiscard]] std::size_t cells() const noexcept { return counts_[0] * counts_[1] * counts_[2]; }
  [[nodiscard]] Cell cell_of(const Point& point) const noexcept;
  [[nodiscard]] std::size_t index(const Cell& cell) const noexcept {
    return (static_cast<std::size_t>(cell[2]) * counts_[1] + static_cast<std::size_t>(cell[1])) * counts_[0] +
           static_cast<std::size_t>(cell[0]);
  }
  /// The cell at `step` from another one; false when there is none.
  bool move(Cell& cell, const Cell& step) const noexcept {
    for (std::size_t k = 0; k < 3; ++k) {
      const auto count = static_cast<std::int32_t>(counts_[k]);
      cell[k] += step[k];
      if (circle_[k])
        cell[k] -= cell[k] >= count ? count : 0;
      else if (cell[k] < 0 || cell[k] >= count)
        return false;
    }
    return true;
  }
  /// All offsets of cells that may hold points within `cutoff` of each other.
  [[nodiscard]] std::vector<Offset> offsets(double cutoff) const;

 private:
  Box box_;
  std::array<std::size_t, 3> counts_ = {1, 1, 1};
  Point width_ = {};
  std::array<bool, 3> circle_ = {};
};

/// Neurons sorted into cells, so that those within reach of a point are found without looking at the others. Depends on
/// nothing but the positions and the shape. Memory: 28 bytes a neuron. Threads: immutable.
class CellGrid {
 public:
  CellGrid(const Positions& neurons, const CellShape& shape);

  [[nodiscard]] const CellShape& shape() const noexcept { return shape_; }
  [[nodiscard]] std::size_t size() const noexcept { return neurons_.size(); }
  /// Members [begin, end) of a cell, in ascending order of the neurons.
  [[nodiscard]] std::size_t begin(std::size_t cell) const noexcept { return begins_[cell]; }
  [[nodiscard]] std::size_t end(std::size_t cell) const noexcept { return begins_[cell + 1]; }
  [[nodiscard]] std::uint32_t neuron(std::size_t member) const noexcept { return neurons_[member]; }
  [[nodiscard]] const Point& point(std::size_t member) const noexcept { return points_[member]; }
  /// Of the fullest cell.
  [[nodiscard]] std::size_t most_members() const noexcept { return most_members_; }

 private:
  CellShape shape_;
  std::vector<std::uint32_t> begins_;
  std::vector<std::uint32_t> neurons_;
  std::vector<Point> points_;
  std::size_t most_members_ = 0;
};

}  // namespace neuract::snn
