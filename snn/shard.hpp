#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "neuract/memory/result.hpp"
#include "neuract/snn/checkpoint.hpp"
#include "neuract/snn/dense.hpp"
#include "neuract/snn/plan.hpp"
#include "neuract/snn/spikes.hpp"

namespace neuract::snn {

/// Counts of one cohort since the end of the warm-up; all exact integers, so that sums do not depend on the partition.
struct CohortStatistics {
  CohortRange range;
  std::uint64_t spikes = 0;
  std::uint64_t spike_hash = 0;  ///< sum over spikes of mix(step, Plan::global_id), modulo 2^64
  struct Isi {                   ///< per neuron, intervals in steps
    std::uint64_t sum = 0;
    std::uint64_t sum_of_squares = 0;
    std::uint32_t count = 0;
  };
  std::vector<Isi> isi;  ///< range.count entries
  struct Classifier {
    std::uint64_t answers = 0;
    std::uint64_t correct = 0;
  };
  std::vector<Classifier> classifiers;  ///< of the population, in the order of the network's
};

/// Synapses as built, per projection of the plan.
struct ProjectionStatistics {
  std::uint64_t synapses = 0;
  std::uint64_t bytes = 0;
  std::uint64_t events = 0;  ///< synaptic events delivered since the end of the warm-up
  std::string representation;
  std::string path;
  std::string fallback_reason;  ///< empty where there is none
};

/// The cohorts of one actor, advanced together. Knows no actor: somebody hands it the output of the other shards and
/// publishes its own.
///
/// A shard may advance to step t when, for every projection from another shard into it, that shard has been received up
/// to t - minimum delay. Results do not depend on how cohorts are dealt out, nor on the window lengths. Threads: one at
/// a time; different shards are independent.
class Shard {
 public:
  /// Builds state and synapses. `placement` is the whole placement (all shards, the same everywhere), `index` this
  /// shard. `progress` (may be empty) is called now and then with the number of synapses built so far, and returns
  /// false to give up (cancelled). `store` holds the dense weights of the process; null = the shard has its own.
  static Result<std::unique_ptr<Shard>> build(PlanPtr plan, std::span<const std::vector<CohortRange>> placement,
                                              std::uint32_t index,
                                              const std::function<bool(std::uint64_t)>& progress = {},
                                              std::shared_ptr<DenseStore> store = nullptr);
  ~Shard();

  const Plan& plan() const noexcept;
  std::uint32_t index() const noexcept;
  /// Steps [0, now()) are done.
  Step now() const noexcept;

  /// Shards whose output this one must receive, ascending, itself excluded; and those that need this shard's output.
  std::span<const std::uint32_t> sources() const noexcept;
  std::span<const std::uint32_t> targets() const noexcept;
  /// Smallest delay in steps from `source_shard` into this one; a large number when nothing arrives from there.
  Step lookahead(std::uint32_t source_shard) const noexcept;

  /// Takes the next output of another shard; outputs of one shard come in order without gaps.
  void receive(ShardOutputPtr output);
  /// The step up to which (exclusive) inputs are complete: may be beyond any end of the run, but not of a presentation.
  Step horizon() const noexcept;
  /// Longest window that one advance() takes: smallest delay inside the shard, bounded by a fixed maximum.
  Step quantum() const noexcept;

  /// The products that advance(to) will need, for somebody to run; what is not done by then advance() does itself.
  /// Empty where no spikes meet dense weights.
  std::span<const DenseBatchPtr> dense_batches(Step to);

  /// Advances to `to`, now() < to <= min(horizon(), now() + quantum()), and returns what happened in these steps.
  ShardOutputPtr advance(Step to);

  std::span<const CohortRange> cohorts() const noexcept;
  /// Current state (end of step now()-1) of a state variable of cohort `cohort`; out.size() == range.count.
  void copy_state(std::size_t cohort, int state, std::span<float> out) const;

  /// All that a continued run needs of this shard: sections of a checkpoint at now().
  std::vector<CheckpointSection> save() const;
  /// Goes on from a checkpoint of the same network, whatever the cohorts and shards of the run that wrote it. To be
  /// called before anything else, on all shards. Errors: parse.
  Result<void> load(const Checkpoint& checkpoint, std::span<const std::vector<CohortRange>> placement);

  /// What weight recorders would see now, for the end of a run: one block for each of them and each cohort of its
  /// target population.
  std::vector<WeightBlock> weights() const;

  std::vector<CohortStatistics> statistics() const;
  std::vector<ProjectionStatistics> projection_statistics() const;  ///< one per projection of the plan
  std::uint64_t spikes_of(
      std::uint32_t population) const noexcept;  ///< all spikes so far, warm-up included (for the run guard)

 private:
  struct Impl;
  explicit Shard(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// Name of the instruction set the kernels run with: "base", "avx2" or "avx512" (NEURACT_ISA chooses a lower one).
const char* active_isa() noexcept;

}  // namespace neuract::snn
