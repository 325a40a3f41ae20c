#include "neuract/actors/population.hpp"

#include <optional>
#include <thread>
#include <utility>

#include "neuract/actors/failure.hpp"
#include "neuract/actors/pacing.hpp"
#include "neuract/actors/state_publisher.hpp"

namespace neuract::actors {

namespace {

using Clock = std::chrono::steady_clock;
constexpr auto kSlice = std::chrono::milliseconds(1);           ///< work between two looks at the mailbox
constexpr auto kRecordInterval = std::chrono::milliseconds(2);  ///< outputs for the recorder travel together
constexpr std::uint64_t kRecordBytes = 256u << 10;
constexpr auto kBuildReportInterval = std::chrono::milliseconds(100);

class Population {
 public:
  using Handle = PopulationActor;
  static inline const char* name = "neuract.population";

  Population(Handle::pointer self, PopulationConfig config)
      : self_(self), config_(std::move(config)), windows_(config_.plan->warmup_steps(), guard_window(*config_.plan)) {
    report_failures(self_, config_.supervisor, "shard " + std::to_string(config_.shard));
    if (!config_.dense_worker) return;
    monitor(self_, config_.dense_worker, [this](const caf::error&) {
      if (awaited_) fail_run({ErrorCode::internal, "it has ended with a request unanswered", {"dense worker"}});
    });
  }

  Handle::behavior_type make_behavior() {
    return {
        [this](Build) { build(); },
        [this](Connect& peers) { connect(peers); },
        [this](RunTo run) {
          windows_.run_to(run.goal);
          held_ = false;
          goal_reported_ = false;
          work();
        },
        [this](Hold hold) {
          held_ = true;
          send_recorded();
          mail(self_, Held{config_.shard, hold.round, shard_ ? shard_->now() : 0}).send(config_.supervisor);
        },
        [this](Record record) { record_from_ = record.from; },
        [this](TakeState request) {
          if (request.step > shard_->now()) {
            windows_.cut_at(request.step);
            snapshots_.push_back(request);
          } else {
            take_state(request);
          }
        },
        [this](Collect request) {
          mail(self_, Collected{request.request, config_.shard, statistics()}).send(config_.supervisor);
        },
        [this](Report) {
          mail(self_, Position{config_.shard, shard_->now(), spikes()}).send(config_.supervisor);
        },
        [this](Delivery& delivery) {
          shard_->receive(std::move(delivery.output));
          if (!continuing_) work();
        },
        [this](Consumed consumed) {
          credit_->confirm(consumed.consumer, consumed.now);
          if (!continuing_) work();
        },
        [this](Written written) {
          unwritten_bytes_ -= written.bytes;
          if (!continuing_) work();
        },
        [this](Projected& answer) {
          if (answer.request != dense_request_) return;  // given up
          projected_until_ = *std::exchange(awaited_, std::nullopt);
          if (answer.error) return fail_run(*std::move(answer.error));
          if (!continuing_) work();
        },
        [this](TakeWeights) {
          const Step now = shard_->now();
          snn::ShardOutput output{config_.shard, now, now, {}, {}, shard_->weights()};
          mail(self_, WeightsTaken{config_.shard, std::make_shared<const snn::ShardOutput>(std::move(output))})
              .send(config_.supervisor);
        },
        [this](Continue) {
          continuing_ = false;
          work();
        },
        [this](WriteDown request) {
          if (request.step > shard_->now()) {
            windows_.cut_at(request.step);
            to_write_.push_back(request);
          } else {
            write_down(request);
          }
        },
        [this](PutAway put) {
          if (putting_away_ == put.step) putting_away_.reset();
        },
    };
  }

 private:
  static Step guard_window(const snn::Plan& plan) { return RateWatch(plan, 1).window(); }

  void build() {
    auto reported = Clock::now();
    const auto progress = [&](std::uint64_t synapses) {
      if (const auto now = Clock::now(); now - reported >= kBuildReportInterval) {
        reported = now;
        mail(self_, BuildProgress{config_.shard, synapses}).send(config_.supervisor);
      }
      return !config_.cancel.stop_requested();
    };
    auto shard = snn::Shard::build(config_.plan, *config_.placement, config_.shard, progress, config_.dense_store);
    if (!shard) {
      mail(self_, Failed{std::move(shard).error()}).send(config_.supervisor);
      return;
    }
    shard_ = std::move(*shard);
    guarded_spikes_.assign(config_.plan->populations().size(), 0);
    if (config_.resume) {
      if (auto loaded = shard_->load(*config_.resume, *config_.placement); !loaded)
        return fail_run(std::move(loaded).error());
      if (config_.shard == 0) guarded_spikes_ = snn::guarded_spikes(*config_.resume, *config_.plan);
      config_.resume = nullptr;  // the last to let go of it frees the file's memory
    }
    confirmed_ = shard_->now();
    plan_checkpoint();
    std::uint64_t synapses = 0;
    for (const auto& projection : shard_->projection_statistics()) synapses += projection.synapses;
    mail(self_, Built{config_.shard, synapses, shard_->quantum()}).send(config_.supervisor);
  }

  void connect(Connect& peers) {
    peers_ = std::move(peers.populations);
    recorder_ = std::move(peers.recorder);
    checkpointer_ = std::move(peers.checkpointer);
    credit_.emplace(shard_->targets(), shard_->sources(), peers.credit, shard_->now());
    confirm_interval_ = peers.credit / 4;
    for (const std::uint32_t source : shard_->sources()) {
      const auto targets = shard_->targets();
      if (!std::binary_search(targets.begin(), targets.end(), source)) one_way_sources_.push_back(source);
    }
  }

  /// Advances as far as inputs, goal and credit allow, for about a slice of time.
  void work() {
    if (held_ || !shard_ || awaited_) return;
    const auto began = Clock::now();
    auto time = began;
    bool more = true;
    while (true) {
      Step end = windows_.next(shard_->now(), shard_->horizon(), shard_->quantum(), credit());
      if (end == shard_->now() || !project(end)) {
        more = false;
        break;
      }
      publish(shard_->advance(end));
      after_window();
      time = Clock::now();
      starving_since_ = time;
      if (time - began >= kSlice) break;
    }
    confirm_inputs();
    const bool at_goal = shard_->now() == windows_.goal();
    if (at_goal || out_of_recorder_credit() || recorded_bytes_ >= kRecordBytes ||
        time - recorded_at_ >= kRecordInterval) {
      recorded_at_ = time;
      send_recorded();
    }
    if (at_goal) {
      if (!goal_reported_) mail(self_, Reached{config_.shard, shard_->now(), spikes()}).send(config_.supervisor);
      goal_reported_ = true;
    } else if (more || Clock::now() - starving_since_ < config_.spin) {
      if (!more) std::this_thread::yield();  // on a busy machine the core may be what the other shard waits for
      if (!std::exchange(continuing_, true)) mail(self_, Continue{}).send(self_);
    }
  }

  /// Whether the window up to `end` may be done now; otherwise its products are under way. Shortens the window to that
  /// of the products that are there.
  bool project(Step& end) {
    if (!config_.dense_worker) return true;
    if (projected_until_ > shard_->now() && projected_until_ <= end) {
      end = projected_until_;
      return true;
    }
    const auto batches = shard_->dense_batches(end);
    if (batches.empty()) return true;
    awaited_ = end;
    mail(self_, Project{self_, ++dense_request_, {batches.begin(), batches.end()}}).send(config_.dense_worker);
    return false;
  }

  void fail_run(Error error) { mail(self_, Failed{std::move(error)}).send(config_.supervisor); }

  Step credit() const { return out_of_recorder_credit() ? shard_->now() : credit_->limit(); }
  bool out_of_recorder_credit() const { return unwritten_bytes_ + recorded_bytes_ >= kRecorderCreditBytes; }

  void publish(snn::ShardOutputPtr output) {
    for (const std::uint32_t target : shard_->targets()) mail(self_, Delivery{output}).send(peers_[target]);
    if (output->begin >= record_from_) {
      recorded_bytes_ += bytes_of_output(*output);
      recorded_.push_back(std::move(output));
    }
  }

  void send_recorded() {
    if (recorded_.empty()) return;
    unwritten_bytes_ += recorded_bytes_;
    mail(self_, Recorded{config_.shard, recorded_bytes_, std::move(recorded_)}).send(recorder_);
    recorded_.clear();
    recorded_bytes_ = 0;
  }

  /// Tells producers that get no spikes from here how far they may go.
  void confirm_inputs() {
    const Step now = shard_->now();
    if (one_way_sources_.empty() || now == confirmed_ ||
        (now - confirmed_ < confirm_interval_ && now != windows_.goal()))
      return;
    confirmed_ = now;
    for (const std::uint32_t source : one_way_sources_) mail(self_, Consumed{config_.shard, now}).send(peers_[source]);
  }

  void after_window() {
    const Step now = shard_->now();
    if (windows_.guard_due(now)) {
      guarded_spikes_ = spikes_by_population();
      mail(self_, GuardCounts{config_.shard, now, guarded_spikes_}).send(config_.supervisor);
    }
    if (!snapshots_.empty() || !to_write_.empty()) {
      std::erase_if(snapshots_,
                    [&](const TakeState& request) { return request.step == now && (take_state(request), true); });
      std::erase_if(to_write_,
                    [&](const WriteDown& request) { return request.step == now && (write_down(request), true); });
      windows_.passed(now);
      if (config_.checkpoint_every > 0 && now % config_.checkpoint_every == 0) plan_checkpoint();
    }
  }

  // ---- checkpoints

  /// The schedule's next step, which every population knows without being told.
  void plan_checkpoint() {
    if (config_.checkpoint_every == 0) return;
    const Step next = (shard_->now() / config_.checkpoint_every + 1) * config_.checkpoint_every;
    windows_.cut_at(next);
    to_write_.push_back({0, next});
  }

  void write_down(const WriteDown& request) {
    send_recorded();
    WrittenDown part{request.request, config_.shard, request.step, false, std::nullopt, {}};
    if (request.step != shard_->now()) {
      part.error = Error{ErrorCode::stale, "a checkpoint of step " + std::to_string(request.step) + " is too late", {}};
    } else if (request.request == 0 && putting_away_) {
      part.skipped = true;
    } else {
      part.sections = shard_->save();
      part.sections.push_back(snn::guard_section(*config_.plan, config_.shard, guarded_spikes_));
      if (request.request == 0) putting_away_ = request.step;
    }
    mail(self_, std::move(part)).send(checkpointer_);
  }

  void take_state(const TakeState& request) {
    auto parts = publisher_.take(*shard_, request.population, request.state, request.step);
    StateTaken taken{request.request, request.step, std::nullopt, {}};
    if (parts) {
      taken.parts = std::move(*parts);
    } else {
      taken.error = std::move(parts).error();
    }
    mail(self_, std::move(taken)).send(config_.supervisor);
  }

  std::vector<std::uint64_t> spikes_by_population() const {
    std::vector<std::uint64_t> spikes(config_.plan->populations().size());
    for (std::uint32_t p = 0; p < spikes.size(); ++p) spikes[p] = shard_->spikes_of(p);
    return spikes;
  }

  std::uint64_t spikes() const {
    std::uint64_t sum = 0;
    for (const std::uint64_t spikes : spikes_by_population()) sum += spikes;
    return sum;
  }

  ShardStatistics statistics() const {
    ShardStatistics all{shard_->statistics(), {}, {}};
    for (const auto& p : shard_->projection_statistics())
      all.projections.push_back({p.synapses, p.bytes, p.events, p.representation, p.path, p.fallback_reason});
    for (const snn::WeightBlock& block : shard_->weights()) append_moments(block, all.weights);
    return all;
  }

  Handle::pointer self_;
  PopulationConfig config_;
  std::unique_ptr<snn::Shard> shard_;
  std::vector<PopulationActor> peers_;
  RecorderActor recorder_;

  Windows windows_;
  std::optional<Credit> credit_;
  std::vector<std::uint32_t> one_way_sources_;
  Step confirm_interval_ = 0;
  Step confirmed_ = 0;
  bool held_ = true;
  bool goal_reported_ = true;
  bool continuing_ = false;  ///< a Continue is in the mailbox
  Clock::time_point starving_since_{};

  std::uint64_t dense_request_ = 0;
  std::optional<Step> awaited_;  ///< end of the window whose products are under way
  Step projected_until_ = 0;     ///< end of the window whose products are there

  Step record_from_ = kNever;
  std::vector<snn::ShardOutputPtr> recorded_;
  std::uint64_t recorded_bytes_ = 0;
  std::uint64_t unwritten_bytes_ = 0;
  Clock::time_point recorded_at_{};

  StatePublisher publisher_;
  std::vector<TakeState> snapshots_;  ///< of steps to come

  CheckpointerActor checkpointer_;
  std::vector<WriteDown> to_write_;            ///< of steps to come
  std::optional<Step> putting_away_;           ///< the schedule's one that is on its way to the disk
  std::vector<std::uint64_t> guarded_spikes_;  ///< by population, at the last end of a guard window
};

}  // namespace

PopulationActor spawn_population(caf::actor_system& system, PopulationConfig config) {
  return spawn_detached<Population>(system, std::move(config));
}

}  // namespace neuract::actors
