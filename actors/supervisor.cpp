#include "neuract/actors/supervisor.hpp"

#include <algorithm>
#include <chrono>
#include <optional>
#include <set>
#include <sstream>

#include "neuract/actors/failure.hpp"
#include "neuract/actors/gather.hpp"
#include "neuract/actors/pacing.hpp"

namespace neuract::actors {

namespace {

using Clock = std::chrono::steady_clock;
constexpr auto kTick = std::chrono::milliseconds(50);
constexpr int kTicksPerReport = 2;  ///< progress ten times a second

double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

class Supervisor {
 public:
  using Handle = SupervisorActor;
  static inline const char* name = "neuract.supervisor";

  Supervisor(Handle::pointer self, SupervisorConfig config)
      : self_(self),
        config_(std::move(config)),
        watch_(*config_.plan, config_.placement->size()),
        positions_(config_.placement->size()),
        synapses_(config_.placement->size()) {
    if (config_.resume) {
      now_ = config_.resume->step();
      watch_.resume(snn::guarded_spikes(*config_.resume, *config_.plan));
      for (Position& position : positions_) position.now = now_;
      config_.resume = nullptr;
    }
    self_->set_exception_handler([this](std::exception_ptr& exception) -> caf::error {
      fail(error_of(exception).with_context("supervisor"));
      return caf::make_error(caf::sec::runtime_error, "supervisor");
    });
  }

  Handle::behavior_type make_behavior() {
    return {
        [this](Adopt& children) { adopt(children); },
        [this](Prepare prepare) { this->prepare(prepare.request); },
        [this](Run run) { this->run(run); },
        [this](Stop) { stop(StopReason::requested, "stopped on request"); },
        [this](const TakeSnapshot& request) { take_snapshot(request); },
        [this](const TakeCheckpoint& request) { take_checkpoint(request); },
        [this](Summarise question) { summarise(question.request); },
        [this](Subscribe request) { subscribe(request.request); },
        [this](Close request) { close(request.request); },
        [this](BuildProgress progress) { synapses_[progress.shard] = progress.synapses; },
        [this](Built built) { on_built(built); },
        [this](Reached reached) { on_reached(reached); },
        [this](Held held) { on_held(held); },
        [this](const GuardCounts& counts) { on_guard_counts(counts); },
        [this](StateTaken& taken) { on_state_taken(taken); },
        [this](Collected& collected) { on_collected(collected); },
        [this](Position position) { positions_[position.shard] = position; },
        [this](CheckpointDone& done) { on_checkpoint_done(done); },
        [this](Flushed) { end_run(); },
        [this](Finished& finished) { on_finished(finished); },
        [this](Failed& failure) { fail(std::move(failure.error)); },
        [this](Tick) { tick(); },
        [this](WeightsTaken& taken) { on_weights_taken(taken); },
    };
  }

 private:
  enum class Phase : std::uint8_t { starting, building, idle, running, flushing, weighing, failing, failed, closing };

  // ---- building

  void adopt(Adopt& children) {
    populations_ = std::move(children.populations);
    recorder_ = std::move(children.recorder);
    checkpointer_ = std::move(children.checkpointer);
    for (std::size_t i = 0; i < populations_.size(); ++i) {
      monitor(self_, populations_[i],
              [this, i](const caf::error& reason) { on_down("shard " + std::to_string(i), reason); });
    }
    monitor(self_, recorder_, [this](const caf::error& reason) { on_recorder_down(reason); });
    monitor(self_, checkpointer_, [this](const caf::error& reason) {
      checkpointer_ = nullptr;
      on_down("checkpointer", reason);
    });
  }

  void prepare(std::uint64_t request) {
    open_request_ = request;
    phase_ = Phase::building;
    began_ = Clock::now();
    to_all(Build{});
    start_ticking();
  }

  void on_built(const Built& built) {
    synapses_[built.shard] = built.synapses;
    longest_window_ = std::max(longest_window_, built.quantum);
    if (++built_ < populations_.size() || phase_ != Phase::building) return;
    mail(self_, ConnectRecorder{populations_, now_}).send(recorder_);
    mail(self_, ConnectCheckpointer{populations_, config_.records ? recorder_ : RecorderActor()}).send(checkpointer_);
    to_all(Connect{populations_, recorder_, credit_steps(longest_window_), checkpointer_});
    if (config_.records) record_from(config_.plan->warmup_steps());
    const double build_s = seconds_since(began_);
    if (!report_progress()) return;
    phase_ = Phase::idle;
    answer_open(Answer{BuildReport{build_s}});
  }

  void record_from(Step from) {
    recorded_from_ = std::min(recorded_from_, std::max(from, now_));
    to_all(Record{from});
  }

  // ---- running

  void run(const Run& run) {
    if (refuse(run.request, "a run")) return;
    open_request_ = run.request;
    phase_ = Phase::running;
    began_ = Clock::now();
    report_ = RunReport{now_, run.goal, StopReason::goal, {}, 0.0};
    stopping_ = false;
    for (std::size_t i = 0; i < positions_.size(); ++i) positions_[i].now = now_;
    reached_ = 0;
    to_all(RunTo{run.goal});
    start_ticking();
  }

  void stop(StopReason reason, std::string message) {
    if (phase_ == Phase::building) {
      config_.cancel.request_stop();
    } else if (phase_ == Phase::running && !stopping_) {
      stopping_ = true;
      report_.reason = reason;
      report_.message = std::move(message);
      hold();
    }
  }

  void hold() {
    if (!rendezvous_.under_way()) to_all(Hold{rendezvous_.begin(populations_.size())});
  }

  void on_held(const Held& held) {
    const auto furthest = rendezvous_.add(held);
    if (!furthest || phase_ != Phase::running) return;
    for (const TakeSnapshot& request : snapshots_of_now_) ask_for_state(request, *furthest);
    snapshots_of_now_.clear();
    for (const TakeCheckpoint& request : checkpoints_of_now_) ask_for_checkpoint(request, *furthest);
    checkpoints_of_now_.clear();
    if (stopping_) report_.end = *furthest;
    reached_ = 0;
    to_all(RunTo{report_.end});
  }

  void on_reached(const Reached& reached) {
    positions_[reached.shard] = {reached.shard, reached.now, reached.spikes};
    ++reached_;
    // While a hold is under way, every population will be sent on and reports again.
    if (rendezvous_.under_way() || phase_ != Phase::running || reached_ < populations_.size()) return;
    now_ = report_.end;
    if (now_ > recorded_from_) {
      phase_ = Phase::flushing;
      mail(self_, Flush{now_}).send(recorder_);
    } else {
      end_run();
    }
  }

  void end_run() {
    if (phase_ != Phase::flushing && phase_ != Phase::running) return;
    report_.wall_s = seconds_since(began_);
    if (!report_progress()) return;
    phase_ = Phase::idle;
    answer_open(Answer{report_});
  }

  void on_guard_counts(const GuardCounts& counts) {
    for (const auto& excess : watch_.add(counts.now, counts.spikes)) {
      const auto& spec = config_.plan->spec();
      std::ostringstream text;
      text << "stopped: population \"" << spec.populations[excess.population].name << "\" fires at " << excess.rate_hz
           << " Hz in the " << spec.stop_if->window << " ms before t = " << static_cast<double>(excess.end) * spec.dt
           << " ms; stop_if allows " << spec.stop_if->rate << " Hz";
      stop(StopReason::rate, text.str());
    }
  }

  // ---- looking

  void take_snapshot(const TakeSnapshot& request) {
    if (error_ || phase_ == Phase::closing) {
      config_.port->answer(request.request, refusal());
    } else if (request.step || phase_ != Phase::running) {
      ask_for_state(request, request.step.value_or(now_));
    } else {
      snapshots_of_now_.push_back(request);
      hold();
    }
  }

  void ask_for_state(const TakeSnapshot& request, Step step) {
    std::vector<PopulationActor> owners;
    for (std::size_t i = 0; i < populations_.size(); ++i) {
      const auto& cohorts = (*config_.placement)[i];
      const auto owned = [&](const snn::CohortRange& c) { return c.population == request.population; };
      if (std::any_of(cohorts.begin(), cohorts.end(), owned)) owners.push_back(populations_[i]);
    }
    snapshot_parts_.expect(request.request, owners.size(), step, config_.plan->dt());
    for (const auto& owner : owners) {
      mail(self_, TakeState{request.request, request.population, request.state, step}).send(owner);
    }
  }

  void on_state_taken(StateTaken& taken) {
    if (auto snapshot = snapshot_parts_.add(taken)) {
      config_.port->answer(taken.request, std::move(*snapshot).transform([](StateSnapshot s) { return Answer(s); }));
    }
  }

  void refuse_looks() {
    for (const auto& request : std::exchange(snapshots_of_now_, {})) config_.port->answer(request.request, refusal());
    for (const std::uint64_t request : snapshot_parts_.give_up()) config_.port->answer(request, refusal());
    for (const auto& request : std::exchange(checkpoints_of_now_, {})) config_.port->answer(request.request, refusal());
    for (const std::uint64_t request : std::exchange(open_checkpoints_, {})) config_.port->answer(request, refusal());
  }

  // ---- checkpoints

  void take_checkpoint(const TakeCheckpoint& request) {
    if (error_ || phase_ == Phase::closing) {
      config_.port->answer(request.request, refusal());
    } else if (phase_ != Phase::running) {
      ask_for_checkpoint(request, now_);
    } else {
      checkpoints_of_now_.push_back(request);
      hold();
    }
  }

  void ask_for_checkpoint(const TakeCheckpoint& request, Step step) {
    open_checkpoints_.insert(request.request);
    mail(self_, Expect{request.request, request.path}).send(checkpointer_);
    to_all(WriteDown{request.request, step});
  }

  void on_checkpoint_done(CheckpointDone& done) {
    if (open_checkpoints_.erase(done.request) == 0) return;
    config_.port->answer(done.request, done.error ? Result<Answer>(*std::move(done.error))
                                                  : Result<Answer>(Answer(std::move(done.path))));
  }

  void summarise(std::uint64_t request) {
    if (refuse(request, "a summary")) return;
    open_request_ = request;
    statistics_.assign(populations_.size(), {});
    collected_ = 0;
    to_all(Collect{request});
  }

  void on_collected(Collected& collected) {
    if (collected.request != open_request_) return;
    statistics_[collected.shard] = std::move(collected.statistics);
    if (++collected_ == populations_.size()) answer_open(Answer{std::move(statistics_)});
  }

  void subscribe(std::uint64_t request) {
    if (refuse(request, "a subscription")) return;
    record_from(0);
    config_.port->answer(request, Answer{});
  }

  // ---- progress

  void start_ticking() {
    ticks_ = 0;
    if (!std::exchange(ticking_, true)) mail(self_, Tick{}).delay(kTick).send(self_);
  }

  void tick() {
    ticking_ = false;
    if (phase_ != Phase::building && phase_ != Phase::running && phase_ != Phase::flushing) return;
    if (config_.port->stop_requested()) stop(StopReason::requested, "stopped on request");
    if (++ticks_ % kTicksPerReport == 0 && config_.port->wants_progress()) {
      if (!report_progress()) return;
      if (phase_ == Phase::running) to_all(Report{});
    }
    ticking_ = true;
    mail(self_, Tick{}).delay(kTick).send(self_);
  }

  /// False when the callback has thrown, which ends the run.
  bool report_progress() {
    if (!config_.port->wants_progress()) return true;
    Progress progress;
    progress.phase = phase_ == Phase::building ? Progress::Phase::building : Progress::Phase::running;
    progress.elapsed_s = seconds_since(began_);
    for (const std::uint64_t synapses : synapses_) progress.synapses += synapses;
    progress.expected_synapses = config_.plan->estimate().synapses;
    progress.begin = report_.begin;
    progress.goal = report_.end;
    progress.dt_ms = config_.plan->dt();
    progress.now = positions_.empty() ? 0 : kNever;
    for (const Position& position : positions_) {
      progress.now = std::min(progress.now, position.now);
      progress.spikes += position.spikes;
    }
    try {
      config_.port->progress(progress);
      return true;
    } catch (...) {
      fail(error_of(std::current_exception()).with_context("progress callback"));
      return false;
    }
  }

  // ---- failing and closing

  void on_down(const std::string& who, const caf::error& reason) {
    if (phase_ == Phase::closing || error_) return;
    fail(Error{ErrorCode::internal, "it has ended unexpectedly (" + to_string(reason) + ")", {who}});
  }

  void on_recorder_down(const caf::error& reason) {
    recorder_ = nullptr;
    on_down("recorder", reason);
    if (phase_ == Phase::failing || (phase_ == Phase::closing && close_request_)) on_finished(Finished{});
  }

  void fail(Error error) {
    if (phase_ == Phase::closing || error_) return;
    error_ = std::move(error);
    if (phase_ == Phase::weighing) weighing_error_ = error_;
    phase_ = Phase::failing;
    config_.cancel.request_stop();
    for (const auto& population : populations_) self_->send_exit(population, caf::exit_reason::user_shutdown);
    finish_recording();
  }

  /// Ends in on_finished().
  void finish_recording() {
    if (recorder_) {
      mail(self_, Finish{}).send(recorder_);
    } else {
      on_finished(Finished{});
    }
  }

  void on_finished(const Finished& finished) {
    if (phase_ == Phase::failing) {
      phase_ = Phase::failed;
      answer_open(*error_);
      refuse_looks();
    }
    if (close_request_) end(finished.error ? finished.error : weighing_error_);
  }

  void close(std::uint64_t request) {
    close_request_ = request;
    if (phase_ == Phase::failing) return;  // on_finished() will go on
    if (phase_ == Phase::failed) return end(std::nullopt);
    if (phase_ == Phase::idle && config_.records && !config_.plan->spec().weight_recorders.empty()) {
      phase_ = Phase::weighing;
      weights_missing_ = populations_.size();
      to_all(TakeWeights{});
    } else {
      finish_closing();
    }
  }

  /// Through here rather than straight to the recorder, so that they arrive before Finish.
  void on_weights_taken(WeightsTaken& taken) {
    if (phase_ != Phase::weighing) return;
    mail(self_, Recorded{taken.shard, 0, {std::move(taken.output)}}).send(recorder_);
    if (--weights_missing_ == 0) finish_closing();
  }

  void finish_closing() {
    phase_ = Phase::closing;
    config_.cancel.request_stop();
    refuse_looks();
    to_all(Hold{});
    finish_recording();
  }

  void end(const std::optional<Error>& error) {
    phase_ = Phase::closing;
    for (const auto& population : populations_) self_->send_exit(population, caf::exit_reason::user_shutdown);
    if (recorder_) self_->send_exit(recorder_, caf::exit_reason::user_shutdown);
    if (checkpointer_) self_->send_exit(checkpointer_, caf::exit_reason::user_shutdown);
    config_.port->answer(*std::exchange(close_request_, std::nullopt),
                         error ? Result<Answer>(*error) : Result<Answer>(Answer{}));
    self_->quit();
  }

  // ---- helpers

  template <class Message>
  void to_all(const Message& message) {
    for (const auto& population : populations_) mail(self_, message).send(population);
  }

  Error refusal() const { return error_ ? *error_ : Error{ErrorCode::cancelled, "the simulation is being closed", {}}; }

  /// Answers `request` with an error unless the simulation is at rest.
  bool refuse(std::uint64_t request, const char* what) {
    if (phase_ == Phase::idle && !open_request_) return false;
    if (error_ || phase_ == Phase::closing) {
      config_.port->answer(request, refusal());
    } else {
      config_.port->answer(request, fail_busy(what));
    }
    return true;
  }
  static Error fail_busy(const char* what) {
    return {ErrorCode::busy, std::string(what) + " must wait until the simulation has finished what it does", {}};
  }

  void answer_open(Result<Answer> answer) {
    if (const auto request = std::exchange(open_request_, std::nullopt))
      config_.port->answer(*request, std::move(answer));
  }

  Handle::pointer self_;
  SupervisorConfig config_;
  std::vector<PopulationActor> populations_;
  RecorderActor recorder_;
  CheckpointerActor checkpointer_;

  Phase phase_ = Phase::starting;
  std::optional<Error> error_;                 ///< the first failure
  std::optional<Error> weighing_error_;        ///< that failure, when it came while the weights were taken
  std::optional<std::uint64_t> open_request_;  ///< Prepare, Run or Summarise
  std::optional<std::uint64_t> close_request_;
  Clock::time_point began_{};  ///< of the phase

  std::size_t built_ = 0;
  Step longest_window_ = 0;
  Step now_ = 0;  ///< where all populations are when at rest
  Step recorded_from_ = kNever;
  RunReport report_;  ///< of the current or last run
  std::size_t reached_ = 0;

  bool stopping_ = false;
  Rendezvous rendezvous_;

  RateWatch watch_;
  std::vector<TakeSnapshot> snapshots_of_now_;
  std::vector<TakeCheckpoint> checkpoints_of_now_;
  std::set<std::uint64_t> open_checkpoints_;  ///< requests
  SnapshotParts snapshot_parts_;
  std::vector<ShardStatistics> statistics_;
  std::size_t collected_ = 0;
  std::size_t weights_missing_ = 0;  ///< of those at the end, shards that have not answered

  bool ticking_ = false;
  int ticks_ = 0;
  std::vector<Position> positions_;      ///< as last reported
  std::vector<std::uint64_t> synapses_;  ///< built so far
};

}  // namespace

SupervisorActor spawn_supervisor(caf::actor_system& system, SupervisorConfig config) {
  return spawn<Supervisor>(system, std::move(config));
}

}  // namespace neuract::actors
