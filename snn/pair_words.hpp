#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "neuract/snn/random.hpp"

namespace neuract::snn {

/// Random words for the weight and the delay of synapses that are looked at from either side: functions of (seed,
/// projection, source, target, the synapse's place among those of the pair). Threads: one at a time; spans are good
/// until the next call.
class PairWords {
 public:
  PairWords(std::uint64_t seed, std::uint32_t projection) : stream_(seed, Purpose::weight, projection, 2) {}

  struct Words {
    std::span<const std::uint32_t> weight;
    std::span<const std::uint32_t> delay;
  };

  /// For synapses of one target: `sources` ascending, each as often as it has synapses.
  Words of_target(std::uint32_t target, std::span<const std::uint32_t> sources);

  /// For synapses of one source: `targets` in any order, in [first, first + count), each as often as it has synapses.
  Words of_source(std::uint32_t source, std::span<const std::uint32_t> targets, std::uint32_t first,
                  std::uint32_t count);

 private:
  Words draw(std::span<const std::uint32_t> targets, std::span<const std::uint32_t> sources);

  Stream stream_;
  std::vector<std::uint32_t> same_;  // the one neuron, for every synapse
  std::vector<std::uint32_t> places_;
  std::vector<std::uint32_t> seen_;  // by target
  std::vector<std::uint32_t> weight_;
  std::vector<std::uint32_t> delay_;
};

}  // namespace neuract::snn
