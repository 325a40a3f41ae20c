#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "neuract/memory/result.hpp"
#include "neuract/snn/checkpoint.hpp"
#include "neuract/snn/plan.hpp"
#include "neuract/snn/sonata_reader.hpp"
#include "neuract/snn/sonata_writer.hpp"

namespace neuract::snn {

/// What a run had recorded before the checkpoint that another one continues, so that the files of the second end up as
/// if there had been one run.
///
/// The files may be complete or those of a killed run, and hold more than the checkpoint knows of: what came after its
/// step is left out. Where the continued run writes into the same folder they are set aside as NAME.earlier until their
/// contents are in the new files, so that a run that is killed in between loses nothing.
class EarlierRecording {
 public:
  /// Reads all that the recorders of the network have seen before the checkpoint's step. Errors: not_found (no file
  /// where the checkpoint says), io, parse; invalid_argument (it holds less than the checkpoint counts).
  static Result<EarlierRecording> read(const Plan& plan, const Checkpoint& checkpoint);

  /// Before a writer begins in `directory`. Error: io.
  Result<void> set_aside(const std::filesystem::path& directory);
  /// Hands everything to the writer, which has been made for the same placement, and brings it to its files. Errors:
  /// those of the writer.
  Result<void> copy_to(SonataWriter& writer, const Plan& plan, std::span<const std::vector<CohortRange>> placement);

  /// Of a run that begins anew in `directory`: what another one may have left aside goes. Error: io.
  static Result<void> discard(const std::filesystem::path& directory);

 private:
  struct File {
    std::filesystem::path path;
    std::string name;  ///< without .partial or .earlier
  };
  Result<void> find(const std::filesystem::path& folder, const char* name);
  Result<void> read_spikes_of(const Plan& plan, const Checkpoint& checkpoint);
  Result<void> read_traces_of(const Plan& plan);
  Result<void> read_weights_of(const Plan& plan);

  Step step_ = 0;
  std::vector<File> files_;
  std::vector<std::filesystem::path> aside_;
  std::vector<std::optional<PopulationSpikes>> spikes_;  ///< by population
  std::vector<Report> traces_;                           ///< by multimeter
  std::vector<RecordedWeights> weights_;                 ///< by weight recorder
};

}  // namespace neuract::snn
