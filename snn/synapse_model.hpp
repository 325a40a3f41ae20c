#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "neuract/snn/model.hpp"
#include "neuract/snn/spec.hpp"

/// The catalogue of synapse models: names, units, defaults and checks. Config keys, `neuract models` and error messages
/// read this table.
namespace neuract::snn {

struct SynapseInfo {
  const char* name;
  const char* summary;
  const char* source;  ///< paper
  std::span<const ParameterInfo> parameters;
  bool plastic;    ///< the weight changes; it can be recorded
  bool modulated;  ///< needs a population as its third factor
  /// Faults that concern several parameters at once. `values` in the order of `parameters`.
  std::vector<std::string> (*check_together)(std::span<const double> values);
  /// The largest magnitude that a weight can reach, given the largest at t = 0.
  double (*largest_weight)(std::span<const double> values, double at_start);
};

/// "static" is the first.
std::span<const SynapseInfo* const> synapse_models() noexcept;
const SynapseInfo* find_synapse_model(std::string_view name) noexcept;

/// The values of all parameters, in the order of info.parameters; parameters that `spec` does not name have their
/// defaults.
std::vector<double> parameter_values(const SynapseInfo& info, const SynapseSpec& spec);

}  // namespace neuract::snn
