#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "neuract/memory/host_array.hpp"
#include "neuract/memory/result.hpp"
#include "neuract/snn/shard.hpp"
#include "neuract/snn/spikes.hpp"
#include "neuract/snn/state_io.hpp"

namespace neuract::snn {

class NeuronReader;  // snn/checkpoint.hpp

/// What is counted of a cohort's spikes after the warm-up: how many, their hash, and the intervals of every neuron.
class SpikeCounts {
 public:
  /// `first_gid`: global id of the first of `count` neurons.
  static Result<SpikeCounts> make(std::uint32_t count, std::uint64_t first_gid);

  /// Spikes of these neurons in `step`.
  void add(Step step, std::span<const std::uint16_t> ids) noexcept;
  /// No interval ends with the next spikes.
  void restart() noexcept;

  [[nodiscard]] std::uint64_t spikes() const noexcept { return spikes_; }
  [[nodiscard]] std::uint64_t hash() const noexcept { return hash_; }
  [[nodiscard]] std::vector<CohortStatistics::Isi> intervals() const;

  /// What is kept of each neuron, an array for every number, and back.
  void save(StateWriter& out) const;
  void load(NeuronReader& in);
  /// What is kept of them all, from a checkpoint.
  void set_totals(std::uint64_t spikes, std::uint64_t hash) noexcept {
    spikes_ = spikes;
    hash_ = hash;
  }

 private:
  struct Neuron {        // half a cache line
    Step last_plus_one;  // 0: no spike yet
    std::uint64_t sum;
    std::uint64_t sum_of_squares;
    std::uint32_t count;
  };

  memory::HostArray<Neuron> neurons_;
  std::uint64_t first_gid_ = 0;
  std::uint64_t spikes_ = 0;
  std::uint64_t hash_ = 0;
};

/// The 64-bit number that a spike adds to spike_hash.
constexpr std::uint64_t spike_mix(Step step, std::uint64_t gid) noexcept {
  // SplitMix64's finaliser (Steele, Lea and Flood 2014) over both numbers.
  std::uint64_t x = static_cast<std::uint64_t>(step) * 0x9E3779B97F4A7C15u + gid;
  for (int round = 0; round < 2; ++round) {
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
    x ^= x >> 31;
  }
  return x;
}

}  // namespace neuract::snn
