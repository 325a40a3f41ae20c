#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "neuract/memory/result.hpp"

/// Reads SONATA spike, report and weight files, also those of other simulators, and unfinished ones of a run that goes on or
/// was killed.
namespace neuract::snn {

/// Spikes of one population in file order; both vectors have the same length.
struct PopulationSpikes {
  std::string population;
  std::uint64_t size = 0;  ///< neurons; 0 in files of other programs
  double start_ms = 0.0;   ///< recorded since
  std::vector<double> times_ms;
  std::vector<std::uint64_t> node_ids;
};

/// One group of /report: values[row * columns + column].
struct Report {
  std::string name;  ///< the group's name: the population, or population_2 … for further multimeters of it
  std::string units;
  std::vector<std::string> variables;  ///< empty in files of other programs
  std::vector<std::uint64_t> node_ids;
  std::vector<std::uint64_t> index_pointers;  ///< node i owns columns [index_pointers[i], index_pointers[i+1])
  std::vector<std::uint32_t> element_ids;     ///< per column: index of the variable
  double start_ms = 0.0;
  double stop_ms = 0.0;
  double interval_ms = 0.0;  ///< row r carries the time start_ms + r * interval_ms
  std::size_t rows = 0;
  std::size_t columns = 0;
  std::vector<double> values;
};

/// One group of /edges in weights.h5: synapses in the order of target, source, drawing.
struct RecordedWeights {
  std::string projection;  ///< the group's name: the projection, or projection_2 … for further recorders of it
  std::string source_population;
  std::string target_population;
  std::vector<std::uint64_t> sources;  ///< node ids, as in `targets`
  std::vector<std::uint64_t> targets;
  std::vector<double> weights;   ///< at the end of the run; none in an unfinished file
  std::vector<double> times_ms;  ///< of the rows of `history`; none without an interval
  std::vector<double> history;   ///< history[row * sources.size() + synapse]
};

/// Errors: not_found (no such file), parse (not HDF5, or not a SONATA spike file: says what is missing), io.
Result<std::vector<PopulationSpikes>> read_spikes(const std::filesystem::path& file);
Result<std::vector<Report>> read_reports(const std::filesystem::path& file);
Result<std::vector<RecordedWeights>> read_weights(const std::filesystem::path& file);

}  // namespace neuract::snn
