#pragma once

#include <span>

#include "neuract/snn/model.hpp"

/// What the engine knows of a model beyond its public description.
namespace neuract::snn {

struct ModelLayout {
  int index = 0;         ///< place in models()
  int state_fields = 0;  ///< public state variables first
  int coefficient_fields = 0;
  /// `parameters` in the order of info.parameters; `coefficients` has coefficient_fields places. dt in ms.
  void (*prepare)(std::span<const double> parameters, double dt, std::span<double> coefficients);
  /// Parameter that public state variable `state` is stored relative to, or -1.
  int (*origin)(int state);
};

const ModelLayout& layout_of(const ModelInfo& info) noexcept;

}  // namespace neuract::snn
