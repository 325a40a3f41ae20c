#include "neuract/actors/recorder.hpp"

#include <algorithm>

#include "neuract/actors/failure.hpp"

namespace neuract::actors {

namespace {

class Recorder {
 public:
  using Handle = RecorderActor;
  static inline const char* name = "neuract.recorder";

  Recorder(Handle::pointer self, RecorderConfig config) : self_(self), config_(std::move(config)) {
    report_failures(self_, config_.supervisor, "recorder");
    for (RecordSinkPtr& sink : config_.sinks) sinks_.push_back({std::move(sink), true});
  }

  Handle::behavior_type make_behavior() {
    return {
        [this](ConnectRecorder& peers) {
          peers_ = std::move(peers.populations);
          received_.assign(peers_.size(), peers.now);
        },
        [this](Recorded& recorded) {
          for (const auto& output : recorded.outputs) take(*output);
          if (!recorded.outputs.empty()) received_[recorded.shard] = recorded.outputs.back()->end;
          recorded.outputs.clear();
          mail(self_, Written{recorded.bytes}).send(peers_[recorded.shard]);
          flush_if_complete();
          settle_if_complete();
        },
        [this](Flush flush) {
          flush_to_ = flush.step;
          flush_if_complete();
        },
        [this](Finish) { finish(); },
        [this](Settle& settle) {
          settles_.push_back(std::move(settle));
          settle_if_complete();
        },
    };
  }

 private:
  struct Sink {
    RecordSinkPtr sink;
    bool good;
  };

  void take(const snn::ShardOutput& output) {
    // An output of no steps has the weights at the end of the run, which may be one that was stopped early.
    if (output.begin >= config_.plan->warmup_steps() || output.begin == output.end) {
      for (Sink& sink : sinks_) guarded(sink, [&] { return sink.sink->write(output); });
    }
    for (const snn::SpikeBatch& batch : output.batches) tell_listeners(batch);
  }

  /// After an error of a sink, nothing more is written to it, and the supervisor stops the run.
  template <class F>
  void guarded(Sink& sink, F f) {
    if (!sink.good) return;
    if (auto error = error_in(f)) {
      sink.good = false;
      mail(self_, Failed{*std::move(error)}).send(config_.supervisor);
    }
  }

  template <class F>
  static std::optional<Error> error_in(F f) {
    try {
      if (Result<void> result = f(); !result) return std::move(result).error();
      return std::nullopt;
    } catch (...) {
      return error_of(std::current_exception()).with_context("recording");
    }
  }

  void tell_listeners(const snn::SpikeBatch& batch) {
    if (!listeners_good_) return;
    try {
      for (const auto& callback : config_.listeners->for_population(batch.population)) (*callback)(batch);
    } catch (...) {
      listeners_good_ = false;
      const auto& population = config_.plan->spec().populations[batch.population].name;
      mail(self_,
           Failed{
               error_of(std::current_exception()).with_context("spike callback of population \"" + population + "\"")})
          .send(config_.supervisor);
    }
  }

  bool received_all_before(Step step) const {
    return std::all_of(received_.begin(), received_.end(), [&](Step end) { return end >= step; });
  }

  void flush_if_complete() {
    if (!flush_to_ || !received_all_before(*flush_to_)) return;
    flush_to_.reset();
    for (Sink& sink : sinks_) guarded(sink, [&] { return sink.sink->flush(); });
    mail(self_, Flushed{}).send(config_.supervisor);
  }

  /// For checkpoints. After an error of a sink there is no answer: a checkpoint would promise what is not there.
  void settle_if_complete() {
    std::erase_if(settles_, [this](const Settle& settle) {
      if (!received_all_before(settle.step)) return false;
      bool good = true;
      for (Sink& sink : sinks_) {
        guarded(sink, [&] { return sink.sink->flush(); });
        good = good && sink.good;
      }
      if (good) mail(self_, Settled{settle.ticket}).send(settle.asker);
      return true;
    });
  }

  void finish() {
    std::optional<Error> first;
    for (Sink& sink : sinks_) {
      auto error = error_in([&] { return sink.sink->finish(); });
      if (error && !first) first = std::move(error);
    }
    sinks_.clear();
    listeners_good_ = false;
    mail(self_, Finished{std::move(first)}).send(config_.supervisor);
  }

  Handle::pointer self_;
  RecorderConfig config_;
  std::vector<Sink> sinks_;
  bool listeners_good_ = true;
  std::vector<PopulationActor> peers_;
  std::vector<Step> received_;  ///< per shard
  std::optional<Step> flush_to_;
  std::vector<Settle> settles_;
};

}  // namespace

RecorderActor spawn_recorder(caf::actor_system& system, RecorderConfig config) {
  return spawn_detached<Recorder>(system, std::move(config));
}

}  // namespace neuract::actors
