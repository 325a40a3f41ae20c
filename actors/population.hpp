#pragma once

#include <chrono>
#include <stop_token>

#include "neuract/actors/inspect.hpp"
#include "neuract/snn/checkpoint.hpp"

namespace neuract::actors {

using Placement = std::vector<std::vector<snn::CohortRange>>;

struct PopulationConfig {
  SupervisorActor supervisor;
  snn::PlanPtr plan;
  std::shared_ptr<const Placement> placement;
  std::uint32_t shard = 0;
  std::stop_token cancel;  ///< gives up building
  /// How long to look for input at once, instead of sleeping until a message wakes the thread up.
  std::chrono::microseconds spin{0};
  std::shared_ptr<snn::DenseStore> dense_store;  ///< of the process
  DenseWorkerActor dense_worker;                 ///< null: dense projections are computed by the actor itself
  Step checkpoint_every = 0;                     ///< steps; 0 = only on demand
  snn::CheckpointPtr resume;                     ///< null: from the beginning
};

/// Hosts one shard, the only one to touch it, in a thread of its own.
///
/// It advances as soon as its inputs are complete (Shard::horizon), sends each window's output to the shards that need
/// it, and looks into its mailbox after about a millisecond of work at the latest. No step waits for an actor that it
/// does not depend on.
PopulationActor spawn_population(caf::actor_system& system, PopulationConfig config);

}  // namespace neuract::actors
