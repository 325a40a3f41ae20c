#include "neuract/snn/geometry/cells.hpp"

#include <algorithm>
#include <numeric>

namespace neuract::snn {

CellShape::CellShape(const Box& box, const Space& space, double edge, double most) : box_(box) {
  constexpr double kMostAlongAxis = 1024.0;
  for (std::size_t k = 0; k < 3; ++k) edge = std::max(edge, (box.high[k] - box.low[k]) / kMostAlongAxis);
  for (bool fits = false; !fits; edge *= 1.25) {
    for (std::size_t k = 0; k < 3; ++k) {
      const double size = box.high[k] - box.low[k];
      counts_[k] = size > edge ? static_cast<std::size_t>(std::min(std::floor(size / edge), kMostAlongAxis)) : 1;
    }
    fits = static_cast<double>(cells()) <= std::max(1.0, most);
  }
  for (std::size_t k = 0; k < 3; ++k) {
    width_[k] = (box.high[k] - box.low[k]) / static_cast<double>(counts_[k]);
    circle_[k] = space.period[k] > 0.0;
  }
}

CellGrid::CellGrid(const Positions& neurons, const CellShape& shape) : shape_(shape) {
  // Counting sort: neurons of a cell stay in ascending order.
  begins_.assign(shape.cells() + 1, 0);
  std::vector<std::uint32_t> cell_of_neuron(neurons.size());
  for (std::uint32_t i = 0; i < neurons.size(); ++i) {
    cell_of_neuron[i] = static_cast<std::uint32_t>(shape.index(shape.cell_of(neurons[i])));
    ++begins_[cell_of_neuron[i] + 1];
  }
  most_members_ = *std::max_element(begins_.begin(), begins_.end());
  std::partial_sum(begins_.begin(), begins_.end(), begins_.begin());
  std::vector<std::uint32_t> next(begins_.begin(), begins_.end() - 1);
  neurons_.resize(neurons.size());
  points_.resize(neurons.size());
  for (std::uint32_t i = 0; i < neurons.size(); ++i) {
    const std::uint32_t place = next[cell_of_neuron[i]]++;
    neurons_[place] = i;
    points_[place] = neurons[i];
  }
}

CellShape::Cell CellShape::cell_of(const Point& point) const noexcept {
  Cell cell = {};
  for (std::size_t k = 0; k < 3; ++k) {
    if (counts_[k] == 1) continue;
    const double place = std::floor((point[k] - box_.low[k]) / width_[k]);
    cell[k] = static_cast<std::int32_t>(std::clamp(place, 0.0, static_cast<double>(counts_[k] - 1)));
  }
  return cell;
}

std::vector<CellShape::Offset> CellShape::offsets(double cutoff) const {
  struct Along {
    std::int32_t step;
    double nearest;
    double farthest;
  };
  std::array<std::vector<Along>, 3> along;
  for (std::size_t k = 0; k < 3; ++k) {
    const auto count = static_cast<std::int32_t>(counts_[k]);
    const double size = box_.high[k] - box_.low[k];
    for (std::int32_t step = circle_[k] ? 0 : 1 - count; step < count; ++step) {
      // On a circle the other way round may be shorter.
      const std::int32_t cells = circle_[k] ? std::min(step, count - step) : std::abs(step);
      const double farthest = std::min((cells + 1) * width_[k], circle_[k] ? 0.5 * size : size);
      along[k].push_back({step, std::max(0, cells - 1) * width_[k], farthest});
    }
  }
  std::vector<Offset> offsets;
  for (const Along& z : along[2]) {
    for (const Along& y : along[1]) {
      for (const Along& x : along[0]) {
        // A point at the border of a cell may have been rounded into the next one.
        const double nearest = Space::length({x.nearest, y.nearest, z.nearest}) * (1.0 - 1e-9);
        const double farthest = Space::length({x.farthest, y.farthest, z.farthest}) * (1.0 + 1e-9);
        if (nearest <= cutoff) offsets.push_back({{x.step, y.step, z.step}, nearest, farthest});
      }
    }
  }
  return offsets;
}

}  // namespace neuract::snn
