#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "neuract/snn/hdf5.hpp"
#include "neuract/snn/spec.hpp"
#include "neuract/snn/spikes.hpp"

/// What the writers of all SONATA files share. Private to snn: not installed.
namespace neuract::snn::sonata {

inline Step steps_of(double ms, double dt) { return std::llround(ms / dt); }

/// The end of a step. With a whole number of steps per millisecond the division gives the double nearest to the decimal
/// (0.3, not 0.30000000000000004).
inline double time_of(Step step, double dt) {
  const double per_ms = std::round(1.0 / dt);
  const auto steps = static_cast<double>(step + 1);
  return std::abs(per_ms * dt - 1.0) < 1e-12 ? steps / per_ms : steps * dt;
}

/// `what` of this name gets a group.
inline Result<void> check_name(const char* what, const std::string& name) {
  if (name.empty() || name == "." || name.find('/') != std::string::npos)
    return fail(ErrorCode::invalid_argument, what, " \"", name,
                "\" cannot be recorded: its name cannot be that of a group in an HDF5 file");
  return {};
}

/// Names of the groups of what is recorded, each given by its index in `all`: its own name, or name_2 … for further
/// recorders of it, so that no two are the same.
inline std::vector<std::string> group_names(const std::vector<std::string>& all,
                                            const std::vector<std::uint32_t>& recorded) {
  std::set<std::string> taken(all.begin(), all.end());
  std::set<std::uint32_t> seen;
  std::vector<std::string> names;
  for (const std::uint32_t index : recorded) {
    std::string name = all[index];
    for (int k = 2; seen.count(index) != 0 && taken.count(name) != 0; ++k) name = all[index] + "_" + std::to_string(k);
    seen.insert(index);
    taken.insert(name);
    names.push_back(std::move(name));
  }
  return names;
}

/// Of the multimeters in traces.h5, and of the weight recorders in weights.h5.
inline std::vector<std::string> report_names(const NetworkSpec& spec) {
  std::vector<std::string> all;
  std::vector<std::uint32_t> recorded;
  for (const PopulationSpec& population : spec.populations) all.push_back(population.name);
  for (const MultimeterSpec& multimeter : spec.multimeters) recorded.push_back(multimeter.population);
  return group_names(all, recorded);
}
inline std::vector<std::string> edge_names(const NetworkSpec& spec) {
  std::vector<std::string> all;
  std::vector<std::uint32_t> recorded;
  for (const ProjectionSpec& projection : spec.projections) all.push_back(projection.name);
  for (const WeightRecorderSpec& recorder : spec.weight_recorders) recorded.push_back(recorder.projection);
  return group_names(all, recorded);
}

inline void mark_file(hdf5::OutputFile& file) {
  const std::uint32_t magic = 0x0A7A;
  const std::array<std::uint32_t, 2> version{0, 1};
  file.attribute(file.root(), "magic", H5T_STD_U32LE, H5T_NATIVE_UINT32, &magic);
  file.attribute(file.root(), "version", H5T_STD_U32LE, H5T_NATIVE_UINT32, version.data(), version.size());
}

}  // namespace neuract::snn::sonata
