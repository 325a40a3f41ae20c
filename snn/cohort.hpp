#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "neuract/kernels/deliver.hpp"
#include "neuract/kernels/input.hpp"
#include "neuract/kernels/poisson.hpp"
#include "neuract/memory/host_array.hpp"
#include "neuract/memory/result.hpp"
#include "neuract/snn/neurons.hpp"
#include "neuract/snn/plan.hpp"
#include "neuract/snn/shard.hpp"
#include "neuract/snn/spike_counts.hpp"
#include "neuract/snn/spikes.hpp"

namespace neuract::snn {

/// One cohort: its neurons, its stimuli, recorders and statistics. The rings that hold the inputs of the coming steps,
/// and what adds to them, belong to its bundle.
///
/// A step brings, in this order: the state moves on with what it held before; spikes that arrive in the step and the
/// generators' events act; the threshold is tested. Inputs are sums of whole quanta, so that their order does not
/// matter. Threads: one writer.
class Cohort {
 public:
  static Result<std::unique_ptr<Cohort>> build(PlanPtr plan, CohortRange range);

  const CohortRange& range() const noexcept { return range_; }
  /// Receptors that its stimuli send spikes to, through the rings.
  std::array<bool, 2> driven_receptors() const noexcept;
  /// Where its inputs are, by receptor, in whole blocks of 64; without data nothing arrives there.
  void take_inputs_from(const std::array<kernels::InputRing, 2>& rings) noexcept { rings_ = rings; }
  const std::array<kernels::InputRing, 2>& rings() const noexcept { return rings_; }
  /// The inputs of `receptor` in `step`, in quanta; range().count sums.
  std::int32_t* inputs(int receptor, Step step) noexcept {
    const kernels::InputRing& ring = rings_[static_cast<std::size_t>(receptor)];
    return ring.data + (static_cast<std::size_t>(step) & ring.mask) * ring.stride;
  }
  float quantum(int receptor) const noexcept { return quantum_[static_cast<std::size_t>(receptor)]; }
  /// Where a presentation begins: the state of the beginning of the run. Its bundle forgets the input.
  void start_presentation() noexcept;

  /// Advances over [from, to); all inputs of these steps have been delivered. Appends to `traces` what multimeters see.
  SpikeBatch advance(Step from, Step to, std::vector<TraceBlock>& traces);

  void copy_state(int state, std::span<float> out) const { neurons_->copy_state(state, out); }
  CohortStatistics statistics() const;
  std::uint64_t all_spikes() const noexcept { return all_spikes_; }

  /// What a continued run needs of every neuron, in arrays with an element for each, and back.
  void save_neurons(StateWriter& out) const;
  void load_neurons(NeuronReader& in);
  /// And of all of them together. Numbers of several cohorts add up.
  struct Totals {
    std::uint64_t spikes = 0;  ///< after the warm-up
    std::uint64_t spike_hash = 0;
    std::uint64_t all_spikes = 0;
    std::vector<CohortStatistics::Classifier> classifiers;
  };
  Totals totals() const;
  void set_totals(Totals totals);

 private:
  static constexpr std::uint32_t kMostStepsAtOnce = 64;
  /// Blocks times steps whose random input is drawn at once, and then used: they fit the first-level cache.
  static constexpr std::uint32_t kDrawnAtOnce = 32;

  struct Poisson {
    kernels::PoissonTable table;
    std::uint64_t key;
    int receptor;
    std::int32_t code;
    memory::HostArray<std::int32_t> codes;  // per neuron, where only some are driven
    Step start, stop;
  };
  struct Arrivals {                      // of a spike generator
    std::vector<Step> steps;             // ascending
    std::vector<std::uint32_t> neurons;  // in the cohort; empty = all
    int receptor;
    std::int32_t code;
  };
  struct Probe {  // a multimeter's part
    std::uint32_t multimeter;
    std::vector<int> states;
    std::vector<std::uint32_t> neurons;  // in the cohort
    Step interval;
  };
  struct Answer {  // what a classifier sees
    int state;     // -1: spikes
    std::vector<std::uint32_t> spikes;
    const std::vector<std::uint8_t>* labels;
  };

  Cohort(PlanPtr plan, CohortRange range);
  Result<void> build_stimuli();
  void build_probes();
  void build_answers();

  void add_arrivals(Step from, Step to) noexcept;
  Step constant_until(Step from, Step to) const noexcept;
  void run(Step from, Step to, std::uint64_t* fired);
  void sample(Step step, std::vector<TraceBlock>& traces) const;
  SpikeBatch collect_spikes(Step from, Step to);
  void classify(Step presentation);

  PlanPtr plan_;
  CohortRange range_;
  std::uint32_t blocks_ = 0;       // of 64 neurons
  std::uint32_t padded_ = 0;       // neurons, whole blocks
  std::uint32_t first_block_ = 0;  // number of the first block among those of all samples
  std::unique_ptr<Neurons> neurons_;
  std::array<float, 2> quantum_{1.0f, 1.0f};
  std::array<kernels::InputRing, 2> rings_;
  std::vector<Poisson> poisson_;
  std::vector<Arrivals> arrivals_;
  std::vector<Probe> probes_;
  std::vector<Answer> answers_;
  std::array<std::vector<kernels::PoissonInput>, 2> active_;  // generators that are on, by receptor
  std::array<memory::HostArray<std::int32_t>, 2> drawn_;      // inputs from generators where there is no ring
  std::vector<std::uint64_t> fired_;                          // by step and block
  std::size_t expected_spikes_ = 0;                           // of a window
  SpikeCounts counts_;
  std::vector<CohortStatistics::Classifier> classifiers_;
  std::uint64_t all_spikes_ = 0;
};

}  // namespace neuract::snn
