#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "neuract/kernels/deliver.hpp"
#include "neuract/snn/spike_log.hpp"
#include "neuract/snn/spikes.hpp"
#include "neuract/snn/state_io.hpp"

namespace neuract::snn {

/// The synapses of one projection onto one cohort, in a form that is more than a list of static synapses: plastic,
/// depressing, as bits, or drawn again at every spike. Static lists and dense weights have ways of their own through a
/// shard.
///
/// Threads: one at a time; a pathway belongs to its cohort.
class Pathway {
 public:
  /// Steps [from, to), at most as many as the smallest delay: all spikes that arrive in them are in the log. Spikes
  /// sent before `begin` (of a presentation) do not count; those sent before `counted` act but do not enter events().
  struct Window {
    Step from = 0;
    Step to = 0;
    Step begin = 0;
    Step counted = 0;
    const SpikeLog* spikes = nullptr;
    std::array<kernels::InputRing, 2> rings;  ///< by receptor; neuron n of the cohort is element n of a row
  };

  Pathway() = default;
  Pathway(const Pathway&) = delete;
  Pathway& operator=(const Pathway&) = delete;
  virtual ~Pathway() = default;

  /// Adds to the inputs of the window's steps, in quanta, what arrives in them. Windows follow each other without gaps.
  virtual void deliver(const Window& window) = 0;

  /// What the cohort itself fired in the window that deliver() was last called for.
  virtual void fired(const SpikeBatch& /*spikes*/) {}
  [[nodiscard]] virtual bool wants_fired() const noexcept { return false; }

  /// Longest delay, in steps: the log keeps spikes for so long.
  [[nodiscard]] virtual Step longest_delay() const noexcept = 0;

  /// Synapses and traces begin anew with a presentation; weights stay.
  virtual void start_presentation() {}

  [[nodiscard]] virtual std::uint64_t synapses() const noexcept = 0;
  [[nodiscard]] virtual std::uint64_t bytes() const noexcept = 0;
  [[nodiscard]] virtual std::uint64_t events() const noexcept = 0;  ///< synaptic events delivered and counted
  [[nodiscard]] virtual const char* representation() const noexcept = 0;

  /// All that a continued run needs beyond what is built from the network.
  virtual void save(StateWriter& out) const = 0;
  virtual void load(StateReader& in) = 0;

  /// Weights of a plastic pathway as they are when the spikes of the last step that has arrived everywhere have acted
  /// (docs/synapses.md): for each synapse its source (index in the population), target (index in the cohort) and weight,
  /// ordered by target, then source; synapses between the same two by delay, then order of drawing.
  struct WeightList {
    std::vector<std::uint32_t> sources;
    std::vector<std::uint32_t> targets;
    std::vector<double> weights;
  };
  [[nodiscard]] virtual WeightList weights() const { return {}; }
};

}  // namespace neuract::snn
