#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "neuract/memory/result.hpp"

/// `neuract plot DIR [-o FILE]`: pictures of a finished (or running, or killed) run.
namespace neuract::config {

struct PlotPopulation {
  std::string name;
  std::uint64_t n = 0;
  double rate_hz = 0.0;
  double cv_isi = std::numeric_limits<double>::quiet_NaN();
  std::vector<double> times_ms;
  std::vector<std::uint64_t> node_ids;
};

struct PlotData {
  std::string name;  ///< of the network: the directory's name
  double begin_ms = 0.0;
  double end_ms = 0.0;
  double dt_ms = 0.1;
  std::vector<PlotPopulation> populations;  ///< those with recorded spikes, in the network's order
  bool complete = true;                     ///< false: the run goes on or was killed
};

/// From DIR/spikes.h5 (or spikes.h5.partial) and, if there, DIR/summary.json.
/// Errors: not_found (no such directory, nothing recorded: says how to record spikes), parse, io.
Result<PlotData> load_plot_data(const std::filesystem::path& directory);

/// Three panels (raster, population rates, ISI histogram) into a .png or .svg file.
/// Errors: invalid_argument (other endings), unsupported (no gnuplot: says how to get it), io.
Result<void> plot_to_file(const PlotData& data, const std::filesystem::path& file);

/// The whole command: into `output`, or as text on stdout.
Result<void> plot(const std::filesystem::path& directory, const std::optional<std::filesystem::path>& output);

}  // namespace neuract::config
