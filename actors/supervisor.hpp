#pragma once

#include <memory>
#include <stop_token>

#include "neuract/actors/inspect.hpp"
#include "neuract/actors/population.hpp"
#include "neuract/actors/port.hpp"

namespace neuract::actors {

struct SupervisorConfig {
  snn::PlanPtr plan;
  std::shared_ptr<const Placement> placement;
  std::shared_ptr<Port> port;
  std::stop_source cancel;              ///< gives up building
  bool records = false;                 ///< there are sinks
  snn::CheckpointPtr resume = nullptr;  ///< null: from the beginning
};

/// Starts, watches and stops the others; answers the questions from outside. It does no work of an epoch and is in the
/// way of none.
///
/// Stopping in the middle, and a snapshot of "now": all populations are told to hold, each says where it is, and the
/// run goes on to the furthest of these steps, which all can reach. So a run always ends with all populations at one
/// step.
///
/// The first failure of any actor (error, exception, death) is the error of the run: the others stop, what has been
/// recorded is finished, and every open and later question is answered with it.
SupervisorActor spawn_supervisor(caf::actor_system& system, SupervisorConfig config);

}  // namespace neuract::actors
