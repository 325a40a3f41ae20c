#pragma once

#include <filesystem>
#include <string>

#include "neuract/actors/inspect.hpp"
#include "neuract/snn/checkpoint_folder.hpp"

namespace neuract::actors {

struct CheckpointerConfig {
  SupervisorActor supervisor;
  snn::PlanPtr plan;
  snn::CheckpointFolder folder;
  std::filesystem::path recordings;  ///< folder of what is recorded; empty where nothing is
};

/// Puts together what the population actors write down at a common step, and brings it to the disk, in a thread of its
/// own. The run goes on meanwhile. A checkpoint appears when everything recorded before its step is where it survives
/// the end of the process, so that a continued run finds the beginning of its files.
///
/// Of the schedule's checkpoints one at a time is under way; those that come due before it is on the disk are left out.
/// One that cannot be written is a failure of the run; one that somebody asks for is answered with the error.
CheckpointerActor spawn_checkpointer(caf::actor_system& system, CheckpointerConfig config);

}  // namespace neuract::actors
