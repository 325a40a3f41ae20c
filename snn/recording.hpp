#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <vector>

#include "neuract/snn/plan.hpp"
#include "neuract/snn/spikes.hpp"

/// Puts the pieces that cohorts deliver, each in its own time, into the order in which files want them. Private to snn;
/// knows no file.
namespace neuract::snn {

/// The spikes of one population, from pieces to one stream ordered by (step, neuron).
class SpikeMerger {
 public:
  SpikeMerger() = default;
  explicit SpikeMerger(Step first_step) : first_step_(first_step) {}

  /// Announces a cohort: nothing of a step is ready before this cohort has delivered it.
  void expect(std::uint32_t first_neuron) { ends_.try_emplace(first_neuron, 0); }
  /// `first_neuron`: of the batch's cohort, as announced.
  void add(const SpikeBatch& batch, std::uint32_t first_neuron);

  std::size_t buffered() const noexcept { return ids_.size(); }

  /// Calls emit(step, first neuron of the cohort, indices in the cohort) for everything that is ready (all: for all
  /// there is), in order.
  template <class Emit>
  void drain(bool all, Emit emit) {
    const std::size_t ready = order(all);
    for (std::size_t r = 0; r < ready; ++r) {
      const Run& run = runs_[r];
      emit(run.step, run.first, std::span<const std::uint16_t>(ids_.data() + run.begin, run.count));
    }
    drop(ready);
  }

 private:
  struct Run {
    Step step;
    std::uint32_t first;
    std::uint32_t count;
    std::size_t begin;  ///< in ids_
  };

  std::size_t order(bool all);
  void drop(std::size_t ready);

  Step first_step_ = 0;
  std::map<std::uint32_t, Step> ends_;  ///< per cohort, by its first neuron: delivered up to here
  std::vector<Run> runs_;
  std::vector<std::uint16_t> ids_;
};

/// The samples of one multimeter, from blocks to whole rows (one time, all neurons). Columns are grouped by neuron,
/// then variable.
class TraceMerger {
 public:
  TraceMerger() = default;
  /// `neurons` ascending.
  TraceMerger(std::vector<std::uint32_t> neurons, std::size_t variables, Step first_step);

  std::size_t columns() const noexcept { return neurons_.size() * variables_; }
  void add(const TraceBlock& block);

  /// Whole rows in time order, row-major; they stay until clear().
  const std::vector<double>& rows() const noexcept { return rows_; }
  std::size_t row_count() const noexcept { return columns() == 0 ? 0 : rows_.size() / columns(); }
  void clear() noexcept { rows_.clear(); }
  /// Step of the first row ever completed; -1 before.
  Step first_row() const noexcept { return first_row_; }

 private:
  struct Row {
    std::vector<double> values;
    std::size_t missing = 0;
  };

  std::vector<std::uint32_t> neurons_;
  std::size_t variables_ = 0;
  Step first_step_ = 0;
  Step first_row_ = -1;
  std::map<Step, Row> pending_;
  std::vector<double> rows_;
};

/// The weights of one recorder, from the blocks of cohorts to lists of all synapses, ordered as the blocks are.
class WeightMerger {
 public:
  struct List {
    Step step = 0;
    std::vector<std::uint32_t> sources;
    std::vector<std::uint32_t> targets;
    std::vector<double> weights;
  };

  /// Announces a cohort: a step is complete when all have delivered theirs.
  void expect(std::uint32_t first_neuron) { expected_.insert(first_neuron); }
  void add(const WeightBlock& block) { pending_[block.step].insert_or_assign(block.first, block); }

  /// The next complete list, in the order of steps. Without announced cohorts a list is complete `at_end`.
  std::optional<List> next(bool at_end);

 private:
  std::set<std::uint32_t> expected_;
  std::map<Step, std::map<std::uint32_t, WeightBlock>> pending_;  ///< by the cohorts' first neurons
};

}  // namespace neuract::snn
