#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// The catalogue of neuron models: names, units, defaults and checks, derived from the one declaration each model has
/// in snn/models/. Config keys, `neuract models`, error messages and the update loops all read this table.
namespace neuract::snn {

enum class Check : std::uint8_t { any, positive, non_negative, boolean };

struct ParameterInfo {
  const char* name;
  const char* unit;  ///< "" for pure numbers
  const char* meaning;
  double default_value;
  Check check;
};

struct StateInfo {
  const char* name;
  const char* unit;
  const char* meaning;
  double default_value;
  const char* default_parameter;  ///< when not null, the value at t = 0 is this parameter's value
};

/// How spikes arrive. With two receptors, positive weights go to the first and negative ones to the second.
struct ReceptorInfo {
  const char* name;
  const char* weight_unit;
};

struct ModelInfo {
  const char* name;
  const char* summary;
  const char* source;  ///< paper
  std::span<const ParameterInfo> parameters;
  std::span<const StateInfo> states;
  std::span<const ReceptorInfo> receptors;  ///< one or two
  const char* current_unit;                 ///< unit of I_e and of the current generators
  /// Faults that concern several parameters at once (V_reset >= V_th …). `values` in the order of `parameters`.
  std::vector<std::string> (*check_together)(std::span<const double> values);
};

std::span<const ModelInfo* const> models() noexcept;
const ModelInfo* find_model(std::string_view name) noexcept;

/// Index in info.parameters / info.states, or -1.
int find_parameter(const ModelInfo& info, std::string_view name) noexcept;
int find_state(const ModelInfo& info, std::string_view name) noexcept;

/// Where a weight of this sign goes: 0, or 1 for negative weights of a model with two receptors.
int receptor_of(const ModelInfo& info, double weight) noexcept;

}  // namespace neuract::snn
