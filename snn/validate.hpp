#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "neuract/snn/model.hpp"
#include "neuract/snn/spec.hpp"

namespace neuract::snn {

/// One thing that is wrong in a NetworkSpec. `message` says everything a user needs: about what, what was given, what
/// is known. `path` is for programs that know where the value came from: "simulation.dt", "populations.exc.tau_m",
/// "projections[3].delay", "stimuli[0].rate", "multimeters[1].variables"; indices count the specification's vectors.
struct Fault {
  std::string path;
  std::string message;
  bool names = false;  ///< it is the name that is wrong, not the value it was given

  friend bool operator==(const Fault&, const Fault&) = default;
};

/// Every fault of the specification, in its order; empty when it can be planned and run. Draws nothing, allocates
/// little.
std::vector<Fault> validate(const NetworkSpec& spec);

/// The faults of some parameters and initial values of `model` alone, as a table of settings that many populations may
/// share has them. `subject` begins every message, `path` every path. With `n`, arrays are allowed and must have that
/// length.
std::vector<Fault> validate_settings(const ModelInfo& model, std::span<const Setting> settings,
                                     std::string_view subject, std::string_view path, std::optional<std::uint32_t> n,
                                     double dt);

/// Names of the built-in models, and of the parameters and state variables of one, for messages.
std::vector<std::string_view> model_names();
std::vector<std::string_view> parameter_names(const ModelInfo& model);
std::vector<std::string_view> state_names(const ModelInfo& model);

/// Whether `ms` is a whole number of steps, as far as a double can tell.
bool on_grid(double ms, double dt) noexcept;

}  // namespace neuract::snn
