#pragma once

#include <future>
#include <map>
#include <memory>
#include <mutex>

#include "neuract/actors/recorder.hpp"
#include "neuract/actors/simulation.hpp"
#include "neuract/actors/supervisor.hpp"

namespace neuract::actors {

/// Matches answers to questions. Thread-safe.
class Desk final : public Port {
 public:
  Desk(std::function<void(const Progress&)> progress, const std::atomic<bool>* stop)
      : progress_(std::move(progress)), stop_(stop) {}

  using Receiver = std::function<void(Result<Answer>)>;

  /// The number of a new question. `receiver` is called once, with the answer or with why there will be none; not with
  /// the lock held.
  std::uint64_t open(Receiver receiver);
  void close_all(const Error& error);

  void answer(std::uint64_t request, Result<Answer> answer) override;
  bool wants_progress() const override { return static_cast<bool>(progress_); }
  void progress(const Progress& progress) override { progress_(progress); }
  bool stop_requested() const override { return stop_ != nullptr && stop_->load(std::memory_order_relaxed); }

 private:
  std::mutex mutex_;
  std::uint64_t next_ = 1;
  std::map<std::uint64_t, Receiver> open_;
  std::optional<Error> gone_;

  std::function<void(const Progress&)> progress_;
  const std::atomic<bool>* stop_;
};

/// The actor system of one simulation.
class Runtime {
 public:
  Runtime(const snn::PlanPtr& plan, Placement placement, Options options);
  ~Runtime();

  /// Sends `question`, with its number filled in.
  template <class T = std::monostate, class Question>
  std::future<Result<T>> ask_later(Question question) {
    auto promise = std::make_shared<std::promise<Result<T>>>();
    auto future = promise->get_future();
    question.request = desk_->open([promise](Result<Answer> answer) {
      promise->set_value(answer ? Result<T>(std::get<T>(*std::move(answer))) : Result<T>(std::move(answer).error()));
    });
    anon_mail(std::move(question)).send(supervisor_);
    return future;
  }
  /// As ask_later(), and waits for the answer.
  template <class T = std::monostate, class Question>
  Result<T> ask(Question question) {
    return ask_later<T>(std::move(question)).get();
  }

  caf::actor_system& system() const noexcept { return *system_; }
  const SupervisorActor& supervisor() const noexcept { return supervisor_; }
  const std::vector<PopulationActor>& populations() const noexcept { return populations_; }
  const RecorderActor& recorder() const noexcept { return recorder_; }
  Listeners& listeners() noexcept { return *listeners_; }

 private:
  struct Config;
  std::shared_ptr<Desk> desk_;
  std::shared_ptr<Listeners> listeners_ = std::make_shared<Listeners>();
  std::unique_ptr<Config> config_;
  std::unique_ptr<caf::actor_system> system_;
  SupervisorActor supervisor_;
  std::vector<PopulationActor> populations_;
  RecorderActor recorder_;
  CheckpointerActor checkpointer_;
};

}  // namespace neuract::actors
