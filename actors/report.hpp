#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "neuract/snn/spikes.hpp"

/// What a simulation says about itself while it goes on and afterwards.
namespace neuract::actors {

using snn::Step;

struct Progress {
  enum class Phase : std::uint8_t { building, running };
  Phase phase = Phase::building;
  double elapsed_s = 0.0;  ///< in this phase, this run()

  std::uint64_t synapses = 0;  ///< built so far
  double expected_synapses = 0.0;

  Step begin = 0;  ///< of this run()
  Step now = 0;    ///< all populations have done the steps before
  Step goal = 0;
  double dt_ms = 0.0;
  std::uint64_t spikes = 0;  ///< since the beginning, warm-up included
};

enum class StopReason : std::uint8_t {
  goal,       ///< the asked time has been simulated
  requested,  ///< stop() or the stop flag (Ctrl-C)
  rate,       ///< the network's stop_if
};

/// How one run() ended. All populations are at step `end`, and all that happened before is recorded.
struct RunReport {
  Step begin = 0;
  Step end = 0;
  StopReason reason = StopReason::goal;
  std::string message;  ///< a sentence when the reason is not the goal
  double wall_s = 0.0;
};

struct PopulationResult {
  std::string name;
  std::uint64_t n = 0;
  std::uint64_t spikes = 0;
  double rate_hz = 0.0;
  /// Mean over neurons with at least two intervals of (standard deviation / mean) of the intervals; NaN when there are
  /// none.
  double cv_isi = std::numeric_limits<double>::quiet_NaN();
};

struct ProjectionResult {
  std::string name;
  std::uint64_t synapses = 0;
  std::uint64_t bytes = 0;
  std::uint64_t events = 0;
  std::string representation;
  std::string path;             ///< what computes it: "cpu", "cpu_nf4", "cpu_dequant_matmul", …
  std::string fallback_reason;  ///< why it is not the path one would expect; empty where it is
};

/// What a population answered to the images of a data set.
struct ClassifierResult {
  std::string population;
  std::uint64_t answers = 0;
  std::uint64_t correct = 0;
  [[nodiscard]] double accuracy() const noexcept {
    return answers == 0 ? std::numeric_limits<double>::quiet_NaN()
                        : static_cast<double>(correct) / static_cast<double>(answers);
  }
};

/// The weights that a weight recorder sees, as they are now; NaN where there are no synapses.
struct WeightResult {
  std::string projection;
  std::uint64_t synapses = 0;
  double mean = std::numeric_limits<double>::quiet_NaN();
  double sd = std::numeric_limits<double>::quiet_NaN();
  double min = std::numeric_limits<double>::quiet_NaN();
  double max = std::numeric_limits<double>::quiet_NaN();
};

/// Counts cover the time after the warm-up; seconds are wall-clock time.
struct RunResult {
  std::vector<PopulationResult> populations;  ///< in the network's order, as all lists here
  std::vector<ProjectionResult> projections;
  std::vector<ClassifierResult> classifiers;
  std::vector<WeightResult> weights;  ///< by weight recorder
  std::uint32_t batch = 1;            ///< samples; counts and rates are of all of them, rates per neuron and sample
  Step steps = 0;                     ///< done, warm-up included
  double warmup_ms = 0.0;             ///< done
  double duration_ms = 0.0;           ///< done after the warm-up
  std::uint64_t neurons = 0;
  std::uint64_t synapses = 0;
  std::uint64_t synapse_bytes = 0;
  std::uint64_t spikes = 0;
  std::uint64_t synaptic_events = 0;
  /// Of the set of all (step, global id): the same for any number of threads, cohorts and machines.
  std::uint64_t spike_hash = 0;
  double build_s = 0.0;
  double simulate_s = 0.0;
  double real_time_factor = 0.0;  ///< simulate_s per simulated second, warm-up included
  std::uint32_t threads = 0;      ///< of population actors
  std::uint64_t cohorts = 0;
  std::uint64_t peak_rss_bytes = 0;
};

}  // namespace neuract::actors
