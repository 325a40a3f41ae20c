#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "neuract/memory/result.hpp"
#include "neuract/snn/plan.hpp"
#include "neuract/snn/spikes.hpp"
#include "neuract/snn/state_io.hpp"

namespace neuract::snn {

class NeuronReader;  // snn/checkpoint.hpp

/// Blocks of 64 neurons of a cohort over some steps, and what arrives there.
struct NeuronRun {
  std::uint32_t first_block = 0;
  std::uint32_t n_blocks = 0;
  Step from = 0;
  std::uint32_t n_steps = 0;
  /// Per receptor, sums[r][s]: the inputs of these blocks in step from + s, in quanta, zero afterwards; null: none.
  std::array<std::int32_t* const*, 2> sums = {nullptr, nullptr};
  std::uint64_t* fired = nullptr;  ///< bit k of fired[s · fired_stride + b]: neuron k of the b-th of the blocks fires
  std::size_t fired_stride = 0;
};

/// The neurons of a cohort in the network's precision: their state, what the model makes of their parameters, and the
/// currents into them. Threads: one writer.
class Neurons {
 public:
  /// `plan` must outlive them.
  static Result<std::unique_ptr<Neurons>> build(const Plan& plan, const CohortRange& range);
  virtual ~Neurons() = default;
  Neurons(const Neurons&) = delete;
  Neurons& operator=(const Neurons&) = delete;

  /// The last step up to which (exclusive) one update() may go from `from`, `to` at most: currents stay the same.
  [[nodiscard]] virtual Step constant_until(Step from, Step to) const noexcept = 0;
  virtual void update(const NeuronRun& run) noexcept = 0;

  /// Where a presentation begins: the state of the beginning of the run.
  virtual void restart() noexcept = 0;

  /// The values of a public state variable, of all neurons.
  virtual void copy_state(int state, std::span<float> out) const = 0;
  /// Those of some neurons, appended.
  virtual void append_state(int state, std::span<const std::uint32_t> neurons, std::vector<double>& out) const = 0;
  /// The neuron with the largest value, the first of equals.
  [[nodiscard]] virtual std::uint32_t largest(int state) const = 0;

  /// Every state variable as an array with one element per neuron, and back.
  virtual void save(StateWriter& out) const = 0;
  virtual void load(NeuronReader& in) = 0;

 protected:
  Neurons() = default;
};

}  // namespace neuract::snn
