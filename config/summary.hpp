#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "neuract/memory/result.hpp"

/// DIR/summary.json: what ran, how fast, and what came out.
namespace neuract::config {

struct PopulationSummary {
  std::string name;
  std::uint64_t n = 0;
  std::uint64_t spikes = 0;
  double rate_hz = 0.0;
  double cv_isi =
      std::numeric_limits<double>::quiet_NaN();  ///< NaN (null in the file) when no neuron has enough intervals
};

struct ProjectionSummary {
  std::string name;
  std::uint64_t synapses = 0;
  std::uint64_t bytes = 0;
  std::string format;  ///< of dense weights: f32, nf4, nvfp4; empty for sparse synapses
  std::string representation;
  std::string path;
  std::string fallback_reason;
};

struct ClassifierSummary {
  std::string name;  ///< the population; "name#2", … for further classifiers of the same one
  std::uint64_t answers = 0;
  std::uint64_t correct = 0;
  double accuracy = std::numeric_limits<double>::quiet_NaN();           ///< NaN when there is no answer
  double images_per_second = std::numeric_limits<double>::quiet_NaN();  ///< answers / simulate_s
};

struct WeightSummary {
  std::string name;  ///< the projection; "name#2", … for further recorders of it
  std::uint64_t synapses = 0;
  double mean = std::numeric_limits<double>::quiet_NaN();  ///< NaN without synapses, like the others
  double sd = std::numeric_limits<double>::quiet_NaN();
  double min = std::numeric_limits<double>::quiet_NaN();
  double max = std::numeric_limits<double>::quiet_NaN();
};

/// Field names are the keys of the file, in this order.
struct RunSummary {
  std::string version;       ///< of neuract; filled in by write_summary when empty
  std::string config;        ///< the network file as given
  std::string resumed_from;  ///< the checkpoint's file; empty for a run from the beginning
  std::uint64_t seed = 0;
  double dt_ms = 0.0;
  double duration_ms = 0.0;  ///< simulated after the warm-up
  std::uint32_t batch = 1;
  std::uint32_t threads = 1;
  std::uint64_t cohorts = 0;
  std::uint32_t nodes = 1;
  std::uint64_t neurons = 0;
  std::uint64_t synapses = 0;
  std::uint64_t synapse_bytes = 0;
  double build_s = 0.0;
  double simulate_s = 0.0;
  double real_time_factor = 0.0;  ///< seconds of computing per simulated second
  std::uint64_t peak_rss_bytes = 0;
  std::uint64_t spikes = 0;
  std::uint64_t synaptic_events = 0;
  std::uint64_t spike_hash = 0;  ///< 16 hexadecimal digits in the file
  std::vector<PopulationSummary> populations;
  std::vector<ProjectionSummary> projections;
  std::vector<ClassifierSummary> classifiers;
  std::vector<WeightSummary> weights;  ///< at the end, of what is recorded
};

std::string to_json(const RunSummary& summary);
Result<RunSummary> parse_summary(std::string_view json);

/// Atomically: DIR/summary.json holds either what it held before or all of `summary`. Errors: io.
Result<void> write_summary(const RunSummary& summary, const std::filesystem::path& directory);
/// Errors: not_found, io, parse.
Result<RunSummary> read_summary(const std::filesystem::path& directory);

}  // namespace neuract::config
