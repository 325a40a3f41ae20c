#pragma once

#include <functional>
#include <mutex>
#include <vector>

#include "neuract/actors/inspect.hpp"
#include "neuract/actors/record_sink.hpp"

namespace neuract::actors {

using SpikeCallback = std::function<void(const snn::SpikeBatch&)>;

/// Who wants to hear of spikes. Threads: add() from any, for_population() from the recorder's.
class Listeners {
 public:
  void add(std::uint32_t population, SpikeCallback callback) {
    const std::lock_guard lock(mutex_);
    listeners_.push_back({population, std::make_shared<const SpikeCallback>(std::move(callback))});
  }
  std::vector<std::shared_ptr<const SpikeCallback>> for_population(std::uint32_t population) const {
    const std::lock_guard lock(mutex_);
    std::vector<std::shared_ptr<const SpikeCallback>> found;
    for (const auto& listener : listeners_) {
      if (listener.population == population) found.push_back(listener.callback);
    }
    return found;
  }

 private:
  struct Listener {
    std::uint32_t population;
    std::shared_ptr<const SpikeCallback> callback;
  };
  mutable std::mutex mutex_;
  std::vector<Listener> listeners_;
};

struct RecorderConfig {
  SupervisorActor supervisor;
  snn::PlanPtr plan;
  std::vector<RecordSinkPtr> sinks;
  std::shared_ptr<const Listeners> listeners;
};

/// Takes outputs of all shards to the sinks and listeners, in a thread of its own because they may wait for disks.
/// Confirms what it has taken, so that a fast network never fills the memory of a machine with a slow disk.
RecorderActor spawn_recorder(caf::actor_system& system, RecorderConfig config);

}  // namespace neuract::actors
