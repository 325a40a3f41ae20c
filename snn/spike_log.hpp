#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "neuract/snn/spikes.hpp"

namespace neuract::snn {

/// The recent spikes of all populations of one sample, as far as they are known and may still be needed: by step, as
/// indices in the population. The order within a step depends on how spikes came in; no neuron is there twice.
class SpikeLog {
 public:
  SpikeLog() = default;
  explicit SpikeLog(std::size_t populations) : populations_(populations) {}

  /// Adds the spikes of one cohort. Steps before those that were forgotten are left out.
  void append(const SpikeBatch& batch);

  /// Who fired in `step`; empty where nothing is known.
  [[nodiscard]] std::span<const std::uint32_t> at(std::uint32_t population, Step step) const noexcept {
    const Population& spikes = populations_[population];
    if (step < forgotten_ || step >= forgotten_ + static_cast<Step>(spikes.ring.size())) return {};
    return spikes.ring[static_cast<std::size_t>(step) & (spikes.ring.size() - 1)];
  }

  /// Nobody will ask for steps before `step`.
  void forget_before(Step step);

 private:
  struct Population {
    std::vector<std::vector<std::uint32_t>> ring;  // by step, a power of two of them
  };
  std::vector<Population> populations_;
  Step forgotten_ = 0;
};

}  // namespace neuract::snn
