#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "neuract/actors/caf.hpp"
#include "neuract/actors/state_snapshot.hpp"
#include "neuract/actors/weight_summary.hpp"
#include "neuract/snn/checkpoint_file.hpp"
#include "neuract/snn/shard.hpp"

/// What the actors tell each other. All of it can be serialised; large arrays as one block of bytes each.
///
///   supervisor -> population    Build, Connect, RunTo, Hold, Record, TakeState, WriteDown, Collect, Report,
///                               TakeWeights
///   population -> population    Delivery (a window's output), Consumed (credit, to producers that get nothing back)
///   population -> recorder      Recorded
///   recorder   -> population    Written (credit)
///   population -> supervisor    BuildProgress, Built, Reached, Held, GuardCounts, StateTaken, Collected, Position,
///                               WeightsTaken
///   supervisor -> recorder      ConnectRecorder, Recorded (the weights at the end), Flush, Finish
///   recorder   -> supervisor    Flushed, Finished
///   population -> checkpointer  WrittenDown
///   checkpointer -> population  PutAway (credit)
///   checkpointer -> recorder    Settle
///   recorder   -> checkpointer  Settled
///   supervisor -> checkpointer  ConnectCheckpointer, Expect
///   checkpointer -> supervisor  CheckpointDone
///   anybody    -> supervisor    Failed
///   population -> dense worker  Project
///   dense worker -> population  Projected
///   outside    -> supervisor    Adopt, Prepare, Run, Stop, TakeSnapshot, TakeCheckpoint, Summarise, Subscribe,
///                               Close
namespace neuract::actors {

struct Adopt;
struct Build;
struct BuildProgress;
struct Built;
struct CheckpointDone;
struct Close;
struct Collect;
struct Collected;
struct Connect;
struct ConnectCheckpointer;
struct ConnectRecorder;
struct Consumed;
struct Continue;
struct Delivery;
struct Expect;
struct Failed;
struct Finish;
struct Finished;
struct Flush;
struct Flushed;
struct GuardCounts;
struct Held;
struct Hold;
struct Position;
struct Prepare;
struct Project;
struct Projected;
struct PutAway;
struct Reached;
struct Record;
struct Recorded;
struct Report;
struct Run;
struct RunTo;
struct Settle;
struct Settled;
struct StateTaken;
struct Stop;
struct Subscribe;
struct Summarise;
struct TakeCheckpoint;
struct TakeSnapshot;
struct TakeState;
struct TakeWeights;
struct Tick;
struct WeightsTaken;
struct WriteDown;
struct Written;
struct WrittenDown;

using PopulationActor =
    caf::typed_actor<caf::result<void>(Build), caf::result<void>(Connect), caf::result<void>(RunTo),
                     caf::result<void>(Hold), caf::result<void>(Record), caf::result<void>(TakeState),
                     caf::result<void>(Collect), caf::result<void>(Report), caf::result<void>(Delivery),
                     caf::result<void>(Consumed), caf::result<void>(Written), caf::result<void>(Projected),
                     caf::result<void>(Continue), caf::result<void>(TakeWeights), caf::result<void>(WriteDown),
                     caf::result<void>(PutAway)>;

using DenseWorkerActor = caf::typed_actor<caf::result<void>(Project), caf::result<void>(Continue)>;

using RecorderActor = caf::typed_actor<caf::result<void>(ConnectRecorder), caf::result<void>(Recorded),
                                       caf::result<void>(Flush), caf::result<void>(Finish), caf::result<void>(Settle)>;

using CheckpointerActor = caf::typed_actor<caf::result<void>(ConnectCheckpointer), caf::result<void>(Expect),
                                           caf::result<void>(WrittenDown), caf::result<void>(Settled)>;

using SupervisorActor =
    caf::typed_actor<caf::result<void>(Adopt), caf::result<void>(Prepare), caf::result<void>(Run),
                     caf::result<void>(Stop), caf::result<void>(TakeSnapshot), caf::result<void>(Summarise),
                     caf::result<void>(Subscribe), caf::result<void>(Close), caf::result<void>(BuildProgress),
                     caf::result<void>(Built), caf::result<void>(Reached), caf::result<void>(Held),
                     caf::result<void>(GuardCounts), caf::result<void>(StateTaken), caf::result<void>(Collected),
                     caf::result<void>(Position), caf::result<void>(Flushed), caf::result<void>(Finished),
                     caf::result<void>(Failed), caf::result<void>(Tick), caf::result<void>(WeightsTaken),
                     caf::result<void>(TakeCheckpoint), caf::result<void>(CheckpointDone)>;

// ---- building

struct Adopt {
  std::vector<PopulationActor> populations;  ///< one per shard, in their order
  RecorderActor recorder;
  CheckpointerActor checkpointer;
};
struct Build {};
struct BuildProgress {
  std::uint32_t shard = 0;
  std::uint64_t synapses = 0;
};
struct Built {
  std::uint32_t shard = 0;
  std::uint64_t synapses = 0;
  Step quantum = 0;
};
struct Connect {
  std::vector<PopulationActor> populations;
  RecorderActor recorder;
  Step credit = 0;  ///< steps, see credit_steps()
  CheckpointerActor checkpointer;
};
struct ConnectRecorder {
  std::vector<PopulationActor> populations;
  Step now = 0;  ///< where the run begins
};
struct ConnectCheckpointer {
  std::vector<PopulationActor> populations;
  RecorderActor recorder;  ///< null when nothing is recorded
};

// ---- running

struct RunTo {
  Step goal = 0;
};
struct Reached {
  std::uint32_t shard = 0;
  Step now = 0;
  std::uint64_t spikes = 0;  ///< since the beginning, warm-up included
};
/// Stop where you are until the next RunTo.
struct Hold {
  std::uint64_t round = 0;
};
struct Held {
  std::uint32_t shard = 0;
  std::uint64_t round = 0;
  Step now = 0;
};
struct Delivery {
  snn::ShardOutputPtr output;
};
struct Consumed {
  std::uint32_t consumer = 0;
  Step now = 0;
};
/// To oneself: go on after a look at the mailbox.
struct Continue {};
struct GuardCounts {
  std::uint32_t shard = 0;
  Step now = 0;
  std::vector<std::uint64_t> spikes;  ///< per population, since the beginning
};
struct Report {};
struct Position {
  std::uint32_t shard = 0;
  Step now = 0;
  std::uint64_t spikes = 0;  ///< as in Reached
};

// ---- dense projections; these two stay within a process

/// Asks for products, each of which will be run. The requester leaves the batches alone until the answer has come.
struct Project {
  PopulationActor requester;
  std::uint64_t request = 0;
  std::vector<snn::DenseBatchPtr> batches;
};
struct Projected {
  std::uint64_t request = 0;
  std::optional<Error> error;
};

// ---- recording

struct Record {
  Step from = 0;
};
struct Recorded {
  std::uint32_t shard = 0;
  std::uint64_t bytes = 0;
  std::vector<snn::ShardOutputPtr> outputs;
};
struct Written {
  std::uint64_t bytes = 0;
};
/// Answered once everything before `step` has been written.
struct Flush {
  Step step = 0;
};
struct Flushed {};
/// The weights as they are now, for the recorder, when nothing more will come.
struct TakeWeights {};
struct WeightsTaken {
  std::uint32_t shard = 0;
  snn::ShardOutputPtr output;  ///< of no steps
};
struct Finish {};
struct Finished {
  std::optional<Error> error;
};

// ---- looking

struct TakeState {
  std::uint64_t request = 0;
  std::uint32_t population = 0;
  std::int32_t state = 0;
  Step step = 0;  ///< steps done
};
struct StateTaken {
  std::uint64_t request = 0;
  Step step = 0;
  std::optional<Error> error;
  std::vector<StatePart> parts;
};
struct ShardStatistics {
  std::vector<snn::CohortStatistics> cohorts;
  struct Projection {
    std::uint64_t synapses = 0;
    std::uint64_t bytes = 0;
    std::uint64_t events = 0;
    std::string representation;
    std::string path;
    std::string fallback_reason;
  };
  std::vector<Projection> projections;  ///< as many as the plan has
  std::vector<WeightMoments> weights;   ///< of what weight recorders see
};
struct Collect {
  std::uint64_t request = 0;
};
struct Collected {
  std::uint64_t request = 0;
  std::uint32_t shard = 0;
  ShardStatistics statistics;
};

// ---- checkpoints; request 0 are those of the schedule, which every population keeps for itself

/// Write down what a continued run needs, after `step` steps.
struct WriteDown {
  std::uint64_t request = 0;
  Step step = 0;
};
struct WrittenDown {
  std::uint64_t request = 0;
  std::uint32_t shard = 0;
  Step step = 0;
  bool skipped = false;  ///< the last one of the schedule is still on its way to the disk; the run does not wait for it
  std::optional<Error> error;
  std::vector<snn::CheckpointSection> sections;
};
/// The schedule's checkpoint of this step has reached the disk, or will not.
struct PutAway {
  Step step = 0;
};
/// What to make of the parts of a request: a file of this name, or of the folder's next one when it is empty.
struct Expect {
  std::uint64_t request = 0;
  std::string path;
};
struct CheckpointDone {
  std::uint64_t request = 0;
  std::optional<Error> error;
  std::string path;
};
/// Answered once everything before `step` is where it survives the end of this process.
struct Settle {
  CheckpointerActor asker;
  std::uint64_t ticket = 0;
  Step step = 0;
};
struct Settled {
  std::uint64_t ticket = 0;
};

// ---- from outside; `request` names the question that the port will see answered

struct Prepare {
  std::uint64_t request = 0;
};
struct Run {
  std::uint64_t request = 0;
  Step goal = 0;
};
struct Stop {};
struct TakeSnapshot {
  std::uint64_t request = 0;
  std::uint32_t population = 0;
  std::int32_t state = 0;
  std::optional<Step> step;  ///< none = now
};
struct TakeCheckpoint {
  std::uint64_t request = 0;
  std::string path;  ///< as in Expect
};
struct Summarise {
  std::uint64_t request = 0;
};
struct Subscribe {
  std::uint64_t request = 0;
};
struct Close {
  std::uint64_t request = 0;
};
struct Tick {};
struct Failed {
  Error error;
};

}  // namespace neuract::actors

// Ids go over the wire: append only.
CAF_BEGIN_TYPE_ID_BLOCK(neuract, caf::first_custom_type_id)
CAF_ADD_TYPE_ID(neuract, (neuract::actors::Adopt))
CAF_ADD_TYPE_ID(neuract, (neuract::actors::Build))
CAF_ADD_TYPE_ID(neuract, (neuract::actors::BuildProgress))
CAF_ADD_TYPE_ID(neuract, (neuract::actors::Built))
CAF_ADD_TYPE_ID(neuract, (neuract::actors::Close))
CAF_ADD_TYPE_ID(neuract, (neuract::actors::Collect))
CAF_ADD_TYPE_ID(neuract, (neuract::actors::Collected))
CAF_ADD_TYPE_ID(neuract, (neuract::actors::Connect))
CAF_ADD_TYPE_ID(neuract, (neuract::actors::ConnectRecorder))
CAF_ADD_TYPE_ID(neuract, (neuract::actors::Consumed))
CAF_ADD_TYPE_ID(neuract, (neuract::actors::Continue))
CAF_ADD_TYPE_ID(neuract, (neuract::actors::Delivery))
CAF_ADD_TYPE_ID(neuract, (neuract::actors::Failed))
CAF_ADD_TYPE_ID(neuract, (neuract::actors::Finish))
CAF_ADD_TYPE_ID(neuract, (neuract::actors::Finished))
CAF_ADD_TYPE_ID(neuract, (neuract::actors::Flush))
CAF_ADD_TYPE_ID(neuract, (neuract::actors::Flushed))
CAF_ADD_TYPE_ID(neuract, (neuract::actors::GuardCounts))
CAF_ADD_TYPE_ID(neuract, (neuract::actors::Held))
CAF_ADD_TYPE_ID(neuract, (neuract::actors::Hold))
CAF_ADD_TYPE_ID(neuract, (neuract::actors::Position))
CAF_ADD_TYPE_ID(neuract, (neuract::actors::Prepare))
CAF_ADD_TYPE_ID(neuract, (neuract::actors::Reached))
CAF_ADD_TYPE_ID(neuract, (neuract::actors::Record))
CAF_ADD_TYPE_ID(neuract, (neuract::actors::Recorded))
CAF_ADD_TYPE_ID(neuract, (neuract::actors::Report))
CAF_ADD_TYPE_ID(neuract, (neuract::actors::Run))
CAF_ADD_TYPE_ID(neuract, (neuract::actors::RunTo))
CAF_ADD_TYPE_ID(neuract, (neuract::actors::StateTaken))
CAF_ADD_TYPE_ID(neuract, (neuract::actors::Stop))
CAF_ADD_TYPE_ID(neuract, (neuract::actors::Subscribe))
CAF_ADD_TYPE_ID(neuract, (neuract::actors::Summarise))
CAF_ADD_TYPE_ID(neuract, (neuract::actors::TakeSnapshot))
CAF_ADD_TYPE_ID(neuract, (neuract::actors::TakeState))
CAF_ADD_TYPE_ID(neuract, (neuract::actors::Tick))
CAF_ADD_TYPE_ID(neuract, (neuract::actors::Written))
CAF_ADD_TYPE_ID(neuract, (neuract::actors::Project))
CAF_ADD_TYPE_ID(neuract, (neuract::actors::Projected))
CAF_ADD_TYPE_ID(neuract, (neuract::actors::TakeWeights))
CAF_ADD_TYPE_ID(neuract, (neuract::actors::WeightsTaken))
CAF_ADD_TYPE_ID(neuract, (neuract::actors::WriteDown))
CAF_ADD_TYPE_ID(neuract, (neuract::actors::WrittenDown))
CAF_ADD_TYPE_ID(neuract, (neuract::actors::PutAway))
CAF_ADD_TYPE_ID(neuract, (neuract::actors::ConnectCheckpointer))
CAF_ADD_TYPE_ID(neuract, (neuract::actors::Expect))
CAF_ADD_TYPE_ID(neuract, (neuract::actors::CheckpointDone))
CAF_ADD_TYPE_ID(neuract, (neuract::actors::Settle))
CAF_ADD_TYPE_ID(neuract, (neuract::actors::Settled))
CAF_ADD_TYPE_ID(neuract, (neuract::actors::TakeCheckpoint))
CAF_END_TYPE_ID_BLOCK(neuract)

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(neuract::actors::Project)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(neuract::actors::Projected)
