#pragma once

#include <array>
#include <cmath>
#include <string>

#include "neuract/snn/hdf5.hpp"
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

inline void mark_file(hdf5::OutputFile& file) {
  const std::uint32_t magic = 0x0A7A;
  const std::array<std::uint32_t, 2> version{0, 1};
  file.attribute(file.root(), "magic", H5T_STD_U32LE, H5T_NATIVE_UINT32, &magic);
  file.attribute(file.root(), "version", H5T_STD_U32LE, H5T_NATIVE_UINT32, version.data(), version.size());
}

}  // namespace neuract::snn::sonata
