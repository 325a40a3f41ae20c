#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "neuract/snn/spikes.hpp"

namespace neuract::actors {

using snn::Step;

/// One state variable of one cohort, as published by the actor that owns it: immutable for as long as it is held.
struct StatePart {
  std::uint32_t first = 0;  ///< index in the population of the cohort's first neuron
  std::uint32_t count = 0;
  std::uint64_t version = 0;  ///< of the cohort's versioned tensor; grows with every snapshot taken of this variable
  std::shared_ptr<const float> data;  ///< keeps the snapshot's buffer alive

  std::span<const float> values() const noexcept { return {data.get(), count}; }
};

/// One state variable of a population after steps [0, step), that is at time `step` · dt.
struct StateSnapshot {
  Step step = 0;
  double time_ms = 0.0;
  std::vector<StatePart> parts;  ///< ascending in `first`; together all neurons

  /// All neurons in one array (copies).
  std::vector<float> values() const {
    std::vector<float> all;
    for (const StatePart& part : parts) all.insert(all.end(), part.values().begin(), part.values().end());
    return all;
  }
};

}  // namespace neuract::actors
