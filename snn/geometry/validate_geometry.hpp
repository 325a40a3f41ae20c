#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "neuract/snn/spec.hpp"
#include "neuract/snn/validate.hpp"

namespace neuract::snn {

/// What is wrong with how a projection of the specification depends on distances or on a list of connections. Its
/// populations exist and dt is positive. `subject` begins every message, `path` every path.
std::vector<Fault> validate_geometry(const NetworkSpec& spec, std::size_t projection, const std::string& subject,
                                     const std::string& path);

}  // namespace neuract::snn
