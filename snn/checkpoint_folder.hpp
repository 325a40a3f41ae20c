#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "neuract/memory/result.hpp"
#include "neuract/snn/spikes.hpp"

/// The folder into which a run writes one checkpoint after another.
namespace neuract::snn {

/// Beside the recorded files, unless the user says otherwise.
inline constexpr const char* kCheckpointFolder = "checkpoints";

/// FOLDER/NETWORK-STEP.checkpoint, the step with leading zeros, characters that are unusual in file names replaced.
std::filesystem::path checkpoint_path(const std::filesystem::path& folder, const std::string& network, Step step);

/// The checkpoint that `where` means: the file itself; or of a folder, or its folder "checkpoints", the latest of this
/// network, of others where it has none. Errors: not_found, with where it was looked for; io.
Result<std::filesystem::path> find_checkpoint(const std::filesystem::path& where, const std::string& network);

/// Keeps the last few checkpoints of a run, and none of an earlier run of the network in the same folder.
class CheckpointFolder {
 public:
  /// `resumed`: the file the run goes on from; empty where it begins.
  CheckpointFolder(std::filesystem::path folder, std::string network, std::size_t keep, std::filesystem::path resumed);

  /// Makes the folder and checks that it can be written. Error: io.
  [[nodiscard]] Result<void> prepare() const;

  [[nodiscard]] std::filesystem::path path(Step step) const { return checkpoint_path(folder_, network_, step); }
  /// A checkpoint is complete: removes those that are not among the last ones, and what a killed run has left of one.
  void written(const std::filesystem::path& path);

 private:
  std::filesystem::path folder_;
  std::string network_;
  std::size_t keep_;
  std::vector<std::filesystem::path> kept_;  ///< oldest first
};

}  // namespace neuract::snn
