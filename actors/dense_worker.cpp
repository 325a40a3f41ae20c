#include "neuract/actors/dense_worker.hpp"

#include <utility>

#include "neuract/actors/failure.hpp"

namespace neuract::actors {

namespace {

class DenseWorkerState {
 public:
  using Handle = DenseWorkerActor;
  static inline const char* name = "neuract.dense_worker";

  DenseWorkerState(Handle::pointer self, const SupervisorActor& supervisor) : self_(self) {
    report_failures(self_, supervisor, "dense worker");
  }

  Handle::behavior_type make_behavior() {
    return {
        [this](Project& request) {
          waiting_.push_back(std::move(request));
          // What is in the mailbox by then goes into the same product.
          if (waiting_.size() == 1) mail(self_, Continue{}).send(self_);
        },
        [this](Continue) { work(); },
    };
  }

 private:
  void work() {
    const std::vector<Project> requests = std::exchange(waiting_, {});
    std::vector<snn::DenseBatchPtr> batches;
    for (const Project& request : requests)
      batches.insert(batches.end(), request.batches.begin(), request.batches.end());
    std::optional<Error> error;
    try {
      snn::run_together(batches);
    } catch (...) {
      error = error_of(std::current_exception()).with_context("dense worker");
    }
    for (const Project& request : requests) mail(self_, Projected{request.request, error}).send(request.requester);
  }

  Handle::pointer self_;
  std::vector<Project> waiting_;
};

}  // namespace

DenseWorkerActor spawn_dense_worker(caf::actor_system& system, const SupervisorActor& supervisor) {
  return spawn_detached<DenseWorkerState>(system, supervisor);
}

}  // namespace neuract::actors
