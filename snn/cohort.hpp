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
#include "neuract/snn/plan.hpp"
#include "neuract/snn/shard.hpp"
#include "neuract/snn/spikes.hpp"
#include "neuract/snn/update.hpp"

namespace neuract::snn {

/// One cohort: the state of its neurons, its stimuli, recorders and statistics. The rings that hold the inputs of the
/// coming steps, and what adds to them, belong to its bundle.
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
  /// Where its inputs are, by receptor; without data nothing arrives there.
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

  void copy_state(int state, std::span<float> out) const;
  const CohortStatistics& statistics() const noexcept { return statistics_; }
  std::uint64_t all_spikes() const noexcept { return all_spikes_; }

 private:
  struct Poisson {
    kernels::PoissonTable table;
    std::uint64_t key;
    int receptor;
    std::int32_t code;
    memory::HostArray<std::int32_t> codes;  // per neuron, where only some are driven
    Step start, stop;
  };
  struct Current {  // dc, noise and image generators
    std::uint32_t stimulus;
    float mean;
    float std;
    Step interval;    // of noise and images; 0 = constant
    Step drawn = -1;  // number of the interval whose values are in `values`
    const ImageSet* images = nullptr;
    memory::HostArray<float> values;  // per neuron; amplitude or current noise, 0 where not driven
    std::vector<bool> driven;         // empty = all
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
  Result<void> build_state();
  Result<void> build_stimuli();
  void build_probes();
  void build_answers();

  void add_arrivals(Step from, Step to) noexcept;
  Step constant_until(Step from, Step to) const noexcept;
  void prepare_currents(Step step);
  void draw_noise(Current& noise, Step interval);
  void show_image(Current& current, Step presentation);
  void classify(Step presentation);
  void run(Step from, Step to, std::uint64_t* masks) noexcept;
  void sample(Step step, std::vector<TraceBlock>& traces) const;
  SpikeBatch collect_spikes(Step from, Step to, std::span<const std::uint64_t> masks);

  PlanPtr plan_;
  CohortRange range_;
  std::uint32_t blocks_ = 0;       // of 64 neurons
  std::uint32_t padded_ = 0;       // neurons, whole blocks
  std::uint32_t first_block_ = 0;  // number of the first block among those of all samples
  std::uint32_t receptors_ = 1;
  UpdateKernel kernel_ = nullptr;
  bool individual_ = false;
  std::vector<memory::HostArray<float>> state_;
  std::vector<std::vector<float>> initial_state_;       // where there are presentations
  std::vector<memory::HostArray<float>> coefficients_;  // one number, or one per neuron
  std::vector<std::vector<float>> origins_;  // per public state variable: empty (0), one number, or one per neuron
  std::array<float, 2> quantum_{1.0f, 1.0f};
  std::array<kernels::InputRing, 2> rings_;
  std::vector<Poisson> poisson_;
  std::vector<Current> currents_;
  std::vector<Arrivals> arrivals_;
  std::vector<Probe> probes_;
  std::vector<Answer> answers_;
  memory::HostArray<float> current_;  // sum of the current generators, or one block of zeros
  std::array<std::vector<kernels::PoissonInput>, 2> active_;
  std::vector<std::uint64_t> masks_;
  std::vector<Step> last_spike_;
  CohortStatistics statistics_;
  std::uint64_t all_spikes_ = 0;
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
