#pragma once

#include <map>
#include <utility>
#include <vector>

#include "neuract/actors/state_snapshot.hpp"
#include "neuract/memory/result.hpp"
#include "neuract/memory/versioned.hpp"
#include "neuract/snn/shard.hpp"

namespace neuract::actors {

/// Publishes state variables of a shard's cohorts as versioned snapshots, when somebody asks; nobody pays otherwise.
/// The owner of the shard is the one writer; snapshots are immutable and may be held for as long as one likes.
class StatePublisher {
 public:
  /// Snapshots of one variable that may be held at a time.
  static constexpr unsigned kBuffers = 64;

  /// The variable `state` (index in the model's states) of all cohorts of `population` in the shard, after `step`
  /// steps. Errors: stale (the shard is at another step), exhausted (too many snapshots are held), out_of_memory.
  Result<std::vector<StatePart>> take(const snn::Shard& shard, std::uint32_t population, int state, Step step);

 private:
  struct Channel {
    memory::Versioned<memory::Tensor> tensor;
    memory::Versioned<memory::Tensor>::Writer writer;
  };
  Result<Channel*> channel(const snn::Shard& shard, std::size_t cohort, int state);

  std::map<std::pair<std::size_t, int>, Channel> channels_;  ///< by cohort in the shard and state variable
};

}  // namespace neuract::actors
