#include "neuract/config/plot.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <system_error>

#include "neuract/config/plot_view.hpp"
#include "neuract/config/summary.hpp"
#include "neuract/config/terminal_raster.hpp"
#include "neuract/snn/sonata_reader.hpp"

namespace neuract::config {

namespace {

std::string name_of(const std::filesystem::path& directory) {
  std::error_code error;
  const std::filesystem::path full = std::filesystem::weakly_canonical(directory, error);
  const std::string name = (error ? directory : full).filename().string();
  return name.empty() ? directory.string() : name;
}

}  // namespace

Result<PlotData> load_plot_data(const std::filesystem::path& directory) {
  std::error_code error;
  if (!std::filesystem::is_directory(directory, error))
    return fail(ErrorCode::not_found, directory.string(),
                " is not a directory; give the one that 'neuract run' wrote to");
  // While a file is written it has another name, and the summary is still that of an earlier run.
  PlotData data;
  const std::filesystem::path partial = directory / "spikes.h5.partial";
  data.complete = !std::filesystem::exists(partial);
  const std::filesystem::path file = data.complete ? directory / "spikes.h5" : partial;
  std::vector<snn::PopulationSpikes> recorded;
  if (std::filesystem::exists(file)) {
    NEURACT_TRY_ASSIGN(recorded, snn::read_spikes(file));
  }
  if (recorded.empty())
    return fail(ErrorCode::not_found, "no spikes were recorded in ", directory.string(),
                "; to record them, add to the network file: [[recorders]] spikes = [\"E\"]");

  RunSummary summary;
  if (data.complete && std::filesystem::exists(directory / "summary.json")) {
    NEURACT_TRY_ASSIGN(summary, read_summary(directory));
  }
  data.name = name_of(directory);
  if (summary.dt_ms > 0.0) data.dt_ms = summary.dt_ms;
  data.begin_ms = std::numeric_limits<double>::infinity();
  for (const auto& spikes : recorded) {
    data.begin_ms = std::min(data.begin_ms, spikes.start_ms);
    for (const double t : spikes.times_ms) data.end_ms = std::max(data.end_ms, t);
  }
  data.end_ms = std::max({data.end_ms, data.begin_ms + summary.duration_ms, data.begin_ms + 1.0});

  const auto place = [&](const std::string& name) {
    return std::find_if(summary.populations.begin(), summary.populations.end(),
                        [&](const PopulationSummary& population) { return population.name == name; });
  };
  std::stable_sort(recorded.begin(), recorded.end(),
                   [&](const auto& a, const auto& b) { return place(a.population) < place(b.population); });
  for (auto& spikes : recorded) {
    PlotPopulation& population = data.populations.emplace_back();
    population.name = spikes.population;
    population.times_ms = std::move(spikes.times_ms);
    population.node_ids = std::move(spikes.node_ids);
    population.n = spikes.size;
    for (const std::uint64_t id : population.node_ids) population.n = std::max(population.n, id + 1);
    if (const auto known = place(population.name); known != summary.populations.end()) {
      population.n = std::max(population.n, known->n);
      population.rate_hz = known->rate_hz;
      population.cv_isi = known->cv_isi;
    } else {
      if (population.n > 0)
        population.rate_hz = static_cast<double>(population.times_ms.size()) * 1e3 /
                             ((data.end_ms - data.begin_ms) * static_cast<double>(population.n));
      population.cv_isi = mean_cv(population);
    }
  }
  return data;
}

Result<void> plot(const std::filesystem::path& directory, const std::optional<std::filesystem::path>& output) {
  NEURACT_TRY_ASSIGN(const PlotData data, load_plot_data(directory));
  if (output) return plot_to_file(data, *output);
  const std::string text = terminal_raster(data, detect_raster_options());
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0)
    return fail(ErrorCode::io, "cannot write to the standard output");
  return {};
}

}  // namespace neuract::config
