#pragma once

#include "neuract/actors/inspect.hpp"

namespace neuract::actors {

/// Multiplies spikes with dense weights for all population actors, in a thread of its own: the owner of a device, where
/// there is one, and otherwise the CPU kernels.
///
/// Requests that wait for the same weights become one product. Every request is answered once, with what was asked for
/// or with an error.
DenseWorkerActor spawn_dense_worker(caf::actor_system& system, const SupervisorActor& supervisor);

}  // namespace neuract::actors
