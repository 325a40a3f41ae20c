#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <vector>

#include "neuract/memory/result.hpp"
#include "neuract/snn/checkpoint.hpp"
#include "neuract/snn/plan.hpp"
#include "neuract/snn/spikes.hpp"

namespace neuract::actors {

/// Where the recorder puts what the network does: a file, a socket, a test.
///
/// Threads: begin() is called by whoever creates the simulation, all others by the recorder's thread, one at a time.
/// Errors: the first error of a call ends the run in an orderly way, with that error; of this sink only finish() is
/// called after it.
class RecordSink {
 public:
  virtual ~RecordSink() = default;

  /// Before anything is built. `placement` is who will deliver: one entry per shard.
  virtual Result<void> begin(const snn::Plan& plan, std::span<const std::vector<snn::CohortRange>> placement) = 0;

  /// What one shard did in some steps after the warm-up. Outputs of one shard come in order and without gaps; shards
  /// interleave. Where weights are recorded, one of no steps comes last, with the weights at the end.
  virtual Result<void> write(const snn::ShardOutput& output) = 0;

  /// All shards have delivered up to the same step, and the run pauses; or a checkpoint of a step that all have
  /// delivered will be complete when this has survived the end of the process.
  virtual Result<void> flush() { return {}; }

  /// Nothing more will come: leaves valid what was written. Called exactly once after a successful begin(), also after
  /// errors.
  virtual Result<void> finish() = 0;
};
using RecordSinkPtr = std::shared_ptr<RecordSink>;

/// Writes `directory`/spikes.h5, traces.h5 and weights.h5 as the recorders of the network ask for (snn/sonata_writer.hpp).
/// `resume`: the checkpoint from which the run goes on, whose files are found by CheckpointOptions::recordings; what
/// they hold of the time before comes first (snn/earlier_recording.hpp).
RecordSinkPtr make_sonata_sink(std::filesystem::path directory, snn::CheckpointPtr resume = nullptr);

}  // namespace neuract::actors
