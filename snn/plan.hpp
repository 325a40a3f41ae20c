#pragma once

#include <cstdint>

#include <memory>
#include <string>
#include <vector>

#include "neuract/memory/result.hpp"
#include "neuract/snn/connectivity.hpp"
#include "neuract/snn/geometry/positions.hpp"
#include "neuract/snn/model.hpp"
#include "neuract/snn/spec.hpp"
#include "neuract/snn/spikes.hpp"

namespace neuract::snn {

/// A contiguous part of one population, updated by one writer. At most 65,536 neurons: a target index is 16 bits.
struct CohortRange {
  std::uint32_t population = 0;
  std::uint32_t first = 0;
  std::uint32_t count = 0;
  std::uint32_t sample = 0;  ///< every sample of a batch has cohorts of its own
};

inline constexpr std::uint32_t kCohortAlignment = 64;  ///< cohorts begin at multiples of it
inline constexpr std::uint32_t kMaxCohortSize = 65536;

/// In what form a projection's synapses are kept, and what delivers spikes to them.
enum class Kept : std::uint8_t {
  lists,       ///< static synapses as lists of targets (snn/bundle.hpp)
  dense,       ///< a weight for every pair (snn/dense.hpp)
  bit_planes,  ///< a bit for every pair (snn/bit_planes.hpp)
  procedural,  ///< not at all (snn/procedural.hpp)
  dynamic,     ///< with a synapse model (snn/synapses/)
};

/// A projection in steps and integers.
///
/// Weights are whole multiples of the receptor's quantum (a power of two), so that sums are exact in 32-bit integers
/// and the same in any order. The quantum is the finest with which the largest possible sum of one step still fits.
struct ProjectionPlan {
  std::uint32_t source = 0;
  std::uint32_t target = 0;
  bool uniform_weight = true;
  bool uniform_delay = true;
  int delay_min = 1;  ///< steps
  int delay_max = 1;
  int receptor_positive = 0;  ///< receptor of weights >= 0
  int receptor_negative = 0;
  double expected_synapses = 0.0;
  double weight_quantum = 1.0;  ///< of the stored 16-bit codes, when the weight is not uniform
  Kept kept = Kept::lists;
  double largest_weight = 0.0;  ///< magnitude that any weight can reach, before a dense format rounds it
  bool dense() const noexcept { return kept == Kept::dense; }
  /// By a snn::Pathway of every cohort.
  bool by_pathway() const noexcept {
    return kept == Kept::bit_planes || kept == Kept::procedural || kept == Kept::dynamic;
  }
};

struct PopulationPlan {
  const ModelInfo* model = nullptr;
  std::uint32_t n = 0;
  std::uint64_t first_gid = 0;  ///< global id of neuron 0
  double receptor_quantum[2] = {1.0, 1.0};
};

/// Estimated before anything is built.
struct Estimate {
  std::uint64_t neurons = 0;
  double synapses = 0.0;
  double synapse_bytes = 0.0;
  double state_bytes = 0.0;
  double build_bytes = 0.0;  ///< peak of temporary memory while building
  Step epoch_steps = 0;      ///< smallest delay of all projections; 0 = no projections
};

/// A validated network in steps: what every cohort, on any machine, derives from the same specification.
class Plan {
 public:
  /// Error: the first fault of validate(spec).
  static Result<std::shared_ptr<const Plan>> make(NetworkSpec spec);

  const NetworkSpec& spec() const noexcept { return spec_; }
  const std::vector<PopulationPlan>& populations() const noexcept { return populations_; }
  const std::vector<ProjectionPlan>& projections() const noexcept { return projections_; }
  /// Which neurons a projection connects.
  const Connectivity& connectivity(std::uint32_t projection) const noexcept { return connectivity_[projection]; }
  /// Where the neurons of a population are; null when nobody says.
  const Positions* positions(std::uint32_t population) const noexcept { return positions_[population].get(); }
  double dt() const noexcept { return spec_.dt; }
  Step warmup_steps() const noexcept { return warmup_steps_; }
  Step total_steps() const noexcept { return total_steps_; }  ///< warm-up included
  Step steps_of(double ms) const noexcept;                    ///< round(ms / dt)
  /// Steps of a presentation; one that never ends where the network has none.
  Step presentation_steps() const noexcept { return presentation_steps_; }
  Step presentation_begin(Step step) const noexcept { return step - step % presentation_steps_; }
  /// Number of a neuron among all neurons of all samples.
  std::uint64_t global_id(std::uint32_t population, std::uint32_t sample, std::uint32_t neuron) const noexcept {
    return sample * estimate_.neurons + populations_[population].first_gid + neuron;
  }
  double time_of(Step step) const noexcept { return static_cast<double>(step + 1) * spec_.dt; }
  const Estimate& estimate() const noexcept { return estimate_; }

 private:
  Plan() = default;
  Estimate make_estimate() const;
  NetworkSpec spec_;
  std::vector<PopulationPlan> populations_;
  std::vector<ProjectionPlan> projections_;
  std::vector<PositionsPtr> positions_;
  std::vector<Connectivity> connectivity_;
  Estimate estimate_;
  Step warmup_steps_ = 0;
  Step total_steps_ = 0;
  Step presentation_steps_ = 0;
};
using PlanPtr = std::shared_ptr<const Plan>;

/// How the lists onto a population would best keep delays that differ (snn/delay_groups.hpp).
enum class DelayLists : std::uint8_t { none, grouped, per_synapse };
DelayLists delay_lists(const Plan& plan, std::uint32_t population);

/// How many neurons should take their input together (snn/bundle.hpp): what is touched at random stays in the cache.
std::uint32_t bundle_size(const Plan& plan);

/// Cuts the populations into cohorts and deals them out to `shards` shards (one per actor) in contiguous runs of about
/// equal estimated work; of a batch, every shard gets whole samples. `cohort_size` 0 = chosen for the cache. Every shard
/// gets at least one cohort; there may be fewer shards than asked.
std::vector<std::vector<CohortRange>> place(const Plan& plan, std::uint32_t shards, std::uint32_t cohort_size = 0);

}  // namespace neuract::snn
