#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <vector>

#include "neuract/memory/result.hpp"
#include "neuract/snn/hdf5.hpp"
#include "neuract/snn/plan.hpp"
#include "neuract/snn/recording.hpp"
#include "neuract/snn/spec.hpp"
#include "neuract/snn/spikes.hpp"

/// Recorded weights as a SONATA edges file: weights.h5 (layout: docs/output.md). Private to snn: SonataWriter is the way
/// to it.
namespace neuract::snn {

/// All functions but write() need an hdf5::Session of their caller's.
class WeightFile {
 public:
  /// With `placement` a list is written once all its cohorts have delivered it, in the order of targets; without it, at
  /// the end.
  static Result<std::unique_ptr<WeightFile>> create(const NetworkSpec& spec, const std::filesystem::path& name,
                                                    std::span<const std::vector<CohortRange>> placement);

  /// Every list of weights is the current one until the next comes. Those of the recorder's interval also go into the
  /// history.
  Result<void> write(const WeightBlock& block);
  Result<void> flush();
  /// Writes the current weights, and completes the file.
  Result<void> finish();

 private:
  struct Recorded {
    WeightMerger merger;
    hdf5::Dataset sources, targets, types, groups, indices;
    hdf5::Dataset weights;
    hdf5::Dataset delays;   ///< where all synapses have the same
    hdf5::Dataset history;  ///< only with an interval, as `times`
    hdf5::Dataset times;
    Step interval = 0;
    Step recorded = -1;  ///< last step in the history
    hsize_t rows = 0;    ///< in the history
    bool listed = false;
    hsize_t synapses = 0;
    std::vector<double> current;
  };

  Result<void> add(const NetworkSpec& spec, const WeightRecorderSpec& recorder, const std::string& group_name,
                   const hdf5::Group& edges);
  Result<void> drain(Recorded& recorded, bool at_end);
  Result<void> take(Recorded& recorded, WeightMerger::List list);
  Result<void> list_synapses(Recorded& recorded, const WeightMerger::List& list);

  std::unique_ptr<hdf5::OutputFile> file_;  // before the datasets: those are closed first
  double dt_ = 0.1;
  Step warmup_ = 0;
  std::vector<Recorded> recorded_;  ///< by recorder
};

}  // namespace neuract::snn
