#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <vector>

#include "neuract/memory/result.hpp"
#include "neuract/snn/plan.hpp"
#include "neuract/snn/spec.hpp"
#include "neuract/snn/spikes.hpp"

/// Recorded spikes, traces and weights as SONATA HDF5 files: DIR/spikes.h5, DIR/traces.h5 and DIR/weights.h5 (layout:
/// docs/output.md).
///
/// While a run goes on, a file is called NAME.partial and can be read (HDF5's single-writer/multiple-readers mode keeps
/// it valid after every write, so that what was flushed outlives even SIGKILL); finish() completes it and gives it its
/// name. A file called NAME is complete.
namespace neuract::snn {

/// Makes `directory` (with parents) and checks that files can be written there. Meant to be called before a network is
/// built. Error: io, with the path and the system's reason.
Result<void> prepare_output_directory(const std::filesystem::path& directory);

/// Threads: one at a time per writer; all HDF5 work of the process is serialised inside.
/// Errors: io, with the file's name and the system's reason. After one, further calls return the same error and do
/// nothing.
class SonataWriter {
 public:
  /// Creates the files that the recorders of `spec` ask for (none is fine), and removes files of the same name from an
  /// earlier run. With `placement` (all cohorts that will deliver, as for Shard::build) the spikes of each population
  /// come out ordered by (time, node id), whatever the interleaving of the pieces; without it, they are ordered as far
  /// as the cohorts seen at the time of a write tell.
  static Result<std::unique_ptr<SonataWriter>> create(const NetworkSpec& spec, const std::filesystem::path& directory,
                                                      std::span<const std::vector<CohortRange>> placement = {});
  /// Finishes, if nobody has; a failure is then lost.
  ~SonataWriter();
  SonataWriter(const SonataWriter&) = delete;
  SonataWriter& operator=(const SonataWriter&) = delete;

  /// Takes pieces in any interleaving; those of one cohort in step order. Steps of the warm-up, populations without a
  /// spike recorder and pieces after finish() are ignored. Buffers; writes when much has come together or a second has
  /// passed.
  Result<void> write(const SpikeBatch& batch);
  Result<void> write(const TraceBlock& block);
  Result<void> write(const WeightBlock& block);
  Result<void> write(const ShardOutput& output);

  /// Everything that is complete (all cohorts have delivered the step) reaches the files.
  Result<void> flush();

  /// Writes what is left, closes the files and gives them their names. Also after an orderly stop: then the files end
  /// where the run did. Trace rows and weights that not all neurons have delivered are left out. Further calls do nothing.
  Result<void> finish();

  /// Final names of the files, for messages and the summary.
  const std::vector<std::filesystem::path>& files() const noexcept;

 private:
  struct Impl;
  explicit SonataWriter(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace neuract::snn
