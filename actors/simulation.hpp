#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "neuract/actors/record_sink.hpp"
#include "neuract/actors/report.hpp"
#include "neuract/actors/state_snapshot.hpp"
#include "neuract/memory/result.hpp"
#include "neuract/snn/checkpoint.hpp"
#include "neuract/snn/plan.hpp"
#include "neuract/snn/spec.hpp"

/// The embedding API: a network as plain data in, spikes, states and numbers out. CAF stays behind it.
///
///   NetworkBuilder net("pair");                       // neuract/snn/builder.hpp; or a network file, by config/
///   …
///   auto simulation = Simulation::create(net.spec(), {.threads = 2});
///   if (!simulation) return report(simulation.error());
///   (*simulation)->on_spikes("E", [](const snn::SpikeBatch& batch) { … });
///   auto run = (*simulation)->run(100.0);             // ms; then look, then run on
///   auto v = (*simulation)->snapshot("E", "V_m");
///
/// Nothing throws but allocation at start-up; every failure is an Error, and the first one ends the simulation: what
/// has been recorded is finished, and every later call returns that error.
namespace neuract::actors {

/// Who multiplies the spikes of dense projections with their weights.
enum class DenseWorker : std::uint8_t {
  automatic,   ///< the actor where there is a device, else inline
  inline_cpu,  ///< every population actor itself
  actor,       ///< one worker actor for all, which merges what waits for the same weights
};

/// Files from which a run can be continued (docs/resume.md).
struct CheckpointOptions {
  double every_ms = 0.0;         ///< of biological time, counted from 0; 0 = only where checkpoint() is called
  std::filesystem::path folder;  ///< made when the first one is written
  std::size_t keep = 2;          ///< files, the last ones; none of an earlier run of the network is left beside them
  /// Where the sinks write, if a continued run is to find what has been recorded until then.
  std::filesystem::path recordings;
};

struct Options {
  std::uint32_t threads = 0;      ///< 0 = as many as the network and the machine can use
  std::uint32_t cohort_size = 0;  ///< neurons; 0 = chosen for the cache. Results do not depend on either.
  std::vector<RecordSinkPtr> sinks = {};
  DenseWorker dense_worker = DenseWorker::automatic;  ///< results do not depend on it
  CheckpointOptions checkpoints = {};

  /// The network goes on from here instead of the beginning, to the same bits as if it had never stopped; the other
  /// options need not be those of the run that wrote it. null = the beginning.
  snn::CheckpointPtr resume = nullptr;

  /// About ten times a second, on a thread of the simulation, while it builds and runs; once more at the end of each.
  std::function<void(const Progress&)> progress = {};
  /// When true, building gives up (cancelled) and a run stops within about 50 ms. For Ctrl-C: a signal handler may set
  /// it.
  const std::atomic<bool>* stop = nullptr;
};

/// Who would simulate which neurons with these options, one entry per thread, without building anything. 0 as in
/// Options.
std::vector<std::vector<snn::CohortRange>> planned_placement(const snn::Plan& plan, std::uint32_t threads,
                                                             std::uint32_t cohort_size);

/// Threads: stop(), snapshot(), snapshot_at() and checkpoint() from any; all else from one at a time.
class Simulation {
 public:
  /// Builds the network; returns when it is ready for step 0, or that of Options::resume.
  /// Errors: what snn::Plan says of the specification, out_of_memory, cancelled (the stop flag), what a sink says,
  /// invalid_argument (a checkpoint of another network).
  static Result<std::unique_ptr<Simulation>> create(snn::NetworkSpec spec, Options options = {});
  static Result<std::unique_ptr<Simulation>> create(snn::PlanPtr plan, Options options = {});
  /// As finish(); an error is lost.
  ~Simulation();

  const snn::Plan& plan() const noexcept;
  /// All populations have done the steps [0, now()): good while no run goes on.
  Step now() const noexcept;

  /// Runs to the end that the network states (warm-up and duration); at once done when it is reached already.
  Result<RunReport> run();
  /// Runs on for `ms` milliseconds, beyond that end if need be. run(100) twice is the same as run(200).
  Result<RunReport> run(double ms);
  /// Makes run() return soon, with all populations at the same step. Nothing is lost: a further run goes on from there.
  void stop() noexcept;

  /// The state of a population now: between runs at now(), during a run at a step that all its parts can reach, which
  /// the answer names. During a run this must come from another thread than run(), and not from a callback. Errors:
  /// not_found (names the near choices).
  Result<StateSnapshot> snapshot(std::string_view population, std::string_view variable);
  /// The state after exactly `step` steps, answered when a run gets there. Errors: not_found, stale (that step has
  /// passed), cancelled.
  std::future<Result<StateSnapshot>> snapshot_at(std::string_view population, std::string_view variable, Step step);

  /// Writes all that a continued run needs into a file: of the state at now(), or during a run, from another thread, at
  /// a step that all can reach; the run goes on meanwhile. The path is the file's; without one it is named by its step,
  /// in Options::checkpoints.folder, where older ones then go. The file is complete or not there. Errors: io.
  Result<std::filesystem::path> checkpoint(const std::filesystem::path& path = {});

  /// From now on calls `callback` for the spikes of every cohort of the population, warm-up included, on the recorder's
  /// thread; batches of a cohort come in order. A callback that is slow slows the network down; one that throws ends
  /// the run with its message.
  Result<void> on_spikes(std::string_view population, std::function<void(const snn::SpikeBatch&)> callback);

  /// Rates, counts and speed so far.
  Result<RunResult> result();

  /// Completes what the sinks write. After it nothing runs any more. Errors: those of the sinks.
  Result<void> finish();

 private:
  struct Impl;
  explicit Simulation(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace neuract::actors
