#include "neuract/snn/sonata_reader.hpp"

#include <algorithm>
#include <new>
#include <stdexcept>

#include "neuract/snn/hdf5_input.hpp"

namespace neuract::snn {

namespace {

using hdf5::InputFile;

Result<Report> read_report(const InputFile& file, hid_t reports, const std::string& name) {
  const std::string where = "/report/" + name;
  Report report;
  report.name = name;
  NEURACT_TRY_ASSIGN(const auto group, file.group(reports, name, where));
  NEURACT_TRY_ASSIGN(const auto data, file.dataset(group, "data", where + "/data"));
  NEURACT_TRY_ASSIGN(const auto shape, file.shape(data, 2, where + "/data"));
  report.rows = shape[0];
  report.columns = shape[1];
  report.values.resize(report.rows * report.columns);
  NEURACT_TRY(file.read(data, H5T_NATIVE_DOUBLE, report.values.data(), shape, where + "/data"));
  report.units = file.text(data, "units");
  report.variables = file.texts(data, "variables");

  const std::string inside = where + "/mapping";
  NEURACT_TRY_ASSIGN(const auto mapping, file.group(group, "mapping", inside));
  NEURACT_TRY_ASSIGN(report.node_ids,
                     file.column<std::uint64_t>(mapping, "node_ids", H5T_NATIVE_UINT64, inside + "/node_ids"));
  NEURACT_TRY_ASSIGN(report.index_pointers, file.column<std::uint64_t>(mapping, "index_pointers", H5T_NATIVE_UINT64,
                                                                       inside + "/index_pointers"));
  NEURACT_TRY_ASSIGN(report.element_ids,
                     file.column<std::uint32_t>(mapping, "element_ids", H5T_NATIVE_UINT32, inside + "/element_ids"));
  NEURACT_TRY_ASSIGN(const auto time, file.column<double>(mapping, "time", H5T_NATIVE_DOUBLE, inside + "/time"));
  if (time.size() != 3)
    return file.wrong(inside + "/time has " + std::to_string(time.size()) +
                      " values, expected start, stop and interval");
  NEURACT_TRY_ASSIGN(const auto clock, file.dataset(mapping, "time", inside + "/time"));
  NEURACT_TRY_ASSIGN(const double scale, file.milliseconds(clock, inside + "/time"));
  report.start_ms = time[0] * scale;
  report.stop_ms = time[1] * scale;
  report.interval_ms = time[2] * scale;
  return report;
}

Result<std::vector<PopulationSpikes>> read_all_spikes(const std::filesystem::path& path) {
  const hdf5::Session session;
  NEURACT_TRY_ASSIGN(const InputFile file, InputFile::open(path));
  NEURACT_TRY_ASSIGN(const auto spikes, file.group(file.root(), "spikes", "/spikes; is this a SONATA spike file?"));
  std::vector<PopulationSpikes> populations;
  for (const std::string& name : file.subgroups(spikes)) {
    const std::string where = "/spikes/" + name;
    PopulationSpikes population;
    population.population = name;
    NEURACT_TRY_ASSIGN(const auto group, file.group(spikes, name, where));
    file.number(group, "size", H5T_NATIVE_UINT64, &population.size);
    file.number(group, "start_ms", H5T_NATIVE_DOUBLE, &population.start_ms);
    NEURACT_TRY_ASSIGN(const auto times, file.dataset(group, "timestamps", where + "/timestamps"));
    NEURACT_TRY_ASSIGN(const auto ids, file.dataset(group, "node_ids", where + "/node_ids"));
    NEURACT_TRY_ASSIGN(auto shape, file.shape(times, 1, where + "/timestamps"));
    NEURACT_TRY_ASSIGN(const auto ids_shape, file.shape(ids, 1, where + "/node_ids"));
    // They differ when a writer was interrupted between the two.
    shape[0] = std::min(shape[0], ids_shape[0]);
    population.times_ms.resize(shape[0]);
    population.node_ids.resize(shape[0]);
    NEURACT_TRY(file.read(times, H5T_NATIVE_DOUBLE, population.times_ms.data(), shape, where + "/timestamps"));
    NEURACT_TRY(file.read(ids, H5T_NATIVE_UINT64, population.node_ids.data(), shape, where + "/node_ids"));
    NEURACT_TRY_ASSIGN(const double scale, file.milliseconds(times, where + "/timestamps"));
    if (scale != 1.0)
      std::for_each(population.times_ms.begin(), population.times_ms.end(), [&](double& t) { t *= scale; });
    populations.push_back(std::move(population));
  }
  return populations;
}

Result<std::vector<Report>> read_all_reports(const std::filesystem::path& path) {
  const hdf5::Session session;
  NEURACT_TRY_ASSIGN(const InputFile file, InputFile::open(path));
  NEURACT_TRY_ASSIGN(const auto root, file.group(file.root(), "report", "/report; is this a SONATA report file?"));
  std::vector<Report> reports;
  for (const std::string& name : file.subgroups(root)) {
    NEURACT_TRY_ASSIGN(Report report, read_report(file, root, name));
    reports.push_back(std::move(report));
  }
  return reports;
}

/// A file may claim any size.
template <class Read>
auto within_memory(const std::filesystem::path& path, Read read) -> decltype(read(path)) {
  try {
    return read(path);
  } catch (const std::bad_alloc&) {
  } catch (const std::length_error&) {
  }
  return fail(ErrorCode::out_of_memory, path.string(), " does not fit into memory");
}

}  // namespace

Result<std::vector<PopulationSpikes>> read_spikes(const std::filesystem::path& file) {
  return within_memory(file, read_all_spikes);
}
Result<std::vector<Report>> read_reports(const std::filesystem::path& file) {
  return within_memory(file, read_all_reports);
}

}  // namespace neuract::snn
