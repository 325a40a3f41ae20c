#include "neuract/actors/runtime.hpp"

#include <algorithm>
#include <thread>

#include "neuract/actors/checkpointer.hpp"
#include "neuract/actors/dense_worker.hpp"

namespace neuract::actors {

namespace {

/// Looking for input instead of sleeping pays as long as every shard has a core to itself: a thread wakes up 10-50 us
/// after the message it waits for. Measured with two shards of 30 us of work (tests/bench/actors_bench.cpp): 36 us an
/// epoch with it, 52 us without.
std::chrono::microseconds spin_time(std::size_t shards) {
  return std::chrono::microseconds(shards > 1 && shards <= std::thread::hardware_concurrency() ? 100 : 0);
}

bool has_dense_projections(const snn::Plan& plan) {
  return std::any_of(plan.projections().begin(), plan.projections().end(),
                     [](const snn::ProjectionPlan& projection) { return projection.dense(); });
}

void register_message_types() {
  static std::once_flag once;
  std::call_once(once, [] {
    caf::init_global_meta_objects<caf::id_block::neuract>();
    caf::core::init_global_meta_objects();
  });
}

}  // namespace

std::uint64_t Desk::open(Receiver receiver) {
  std::unique_lock lock(mutex_);
  const std::uint64_t request = next_++;
  if (!gone_) {
    open_.emplace(request, std::move(receiver));
  } else {
    lock.unlock();
    receiver(*gone_);
  }
  return request;
}

void Desk::answer(std::uint64_t request, Result<Answer> answer) {
  std::unique_lock lock(mutex_);
  auto found = open_.extract(request);
  lock.unlock();
  if (found) found.mapped()(std::move(answer));
}

void Desk::close_all(const Error& error) {
  std::unique_lock lock(mutex_);
  if (!gone_) gone_ = error;
  auto open = std::exchange(open_, {});
  lock.unlock();
  for (auto& [request, receiver] : open) receiver(error);
}

struct Runtime::Config : caf::actor_system_config {
  Config() { configure(*this, SystemOptions{}); }
};

Runtime::Runtime(const snn::PlanPtr& plan, Placement placement, Options options)
    : desk_(std::make_shared<Desk>(std::move(options.progress), options.stop)) {
  register_message_types();
  config_ = std::make_unique<Config>();
  system_ = std::make_unique<caf::actor_system>(*config_);

  const auto shared_placement = std::make_shared<const Placement>(std::move(placement));
  std::stop_source cancel;
  supervisor_ =
      spawn_supervisor(*system_, {plan, shared_placement, desk_, cancel, !options.sinks.empty(), options.resume});
  supervisor_->attach_functor([desk = desk_](const caf::error& reason) {
    desk->close_all(
        failed(reason) && reason != caf::exit_reason::user_shutdown
            ? Error{ErrorCode::internal, "it has ended unexpectedly (" + to_string(reason) + ")", {"supervisor"}}
            : Error{ErrorCode::cancelled, "the simulation has been closed", {}});
  });
  DenseWorkerActor dense_worker;
  if (options.dense_worker == DenseWorker::actor && has_dense_projections(*plan))
    dense_worker = spawn_dense_worker(*system_, supervisor_);
  const auto dense_store = std::make_shared<snn::DenseStore>();
  const auto shards = static_cast<std::uint32_t>(shared_placement->size());
  const CheckpointOptions& checkpoints = options.checkpoints;
  const Step every = checkpoints.every_ms > 0.0 ? std::max<Step>(1, plan->steps_of(checkpoints.every_ms)) : 0;
  for (std::uint32_t shard = 0; shard < shards; ++shard) {
    populations_.push_back(
        spawn_population(*system_, {supervisor_, plan, shared_placement, shard, cancel.get_token(), spin_time(shards),
                                    dense_store, dense_worker, every, options.resume}));
  }
  snn::CheckpointFolder folder(checkpoints.folder, plan->spec().name, checkpoints.keep,
                               options.resume ? options.resume->name() : "");
  checkpointer_ = spawn_checkpointer(*system_, {supervisor_, plan, std::move(folder), checkpoints.recordings});
  recorder_ = spawn_recorder(*system_, {supervisor_, plan, std::move(options.sinks), listeners_});
  anon_mail(Adopt{populations_, recorder_, checkpointer_}).send(supervisor_);
}

Runtime::~Runtime() {
  (void)ask(Close{});
  // The actor system's destructor waits for all actors; a handle held here would do no harm, but nobody needs it any
  // more.
  checkpointer_ = nullptr;
  recorder_ = nullptr;
  populations_.clear();
  supervisor_ = nullptr;
}

}  // namespace neuract::actors
