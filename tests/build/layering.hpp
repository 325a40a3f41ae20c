#pragma once

#include <filesystem>
#include <string>
#include <vector>

/// Reads the include lines of a source tree and says which of them point the wrong way.
///   examples, tests -> config -> actors -> snn -> q4 -> kernels -> memory      (an arrow: may include)
/// Besides: CAF is included by actors/caf.hpp alone; that header only within actors/ and tests of it; CUDA only in
/// kernels/cuda.
namespace neuract::layering {

/// One line per fault, "snn/plan.hpp:7: …", in the order of the paths.
std::vector<std::string> include_faults(const std::filesystem::path& tree);

/// One line per .cpp file of a library folder that its CMakeLists.txt does not name: it would never be built.
std::vector<std::string> unlisted_sources(const std::filesystem::path& tree);

/// One line per include of a public header, given as "memory/tensor.hpp", that is not itself among `public_headers`:
/// such a header works in the tree but not once it is installed.
std::vector<std::string> missing_headers(const std::filesystem::path& tree,
                                         const std::vector<std::string>& public_headers);

}  // namespace neuract::layering
