#pragma once

#include <variant>

#include "neuract/snn/synapses/parameters.hpp"

namespace neuract::snn::synapses {

/// Short-term plasticity of all synapses of one source neuron: how much of their weight each of its spikes delivers.
/// Since all synapses of a projection share their parameters, this depends on the source's spikes alone.
struct Resources {
  double x = 0.0;
  double y = 0.0;
  double u = 0.0;
};

class ShortTermRule {
 public:
  /// `spec` names tsodyks or tsodyks2 and has no faults; dt in ms.
  ShortTermRule(const SynapseSpec& spec, double dt);

  [[nodiscard]] Resources at_start() const noexcept;
  /// A spike `steps` after the last one, 0 for the first: moves the resources on; the share of the weight it delivers.
  [[nodiscard]] double spike(Resources& r, double steps) const noexcept;

 private:
  std::variant<Tsodyks::Parameters, Tsodyks2::Parameters> parameters_;
  double dt_;
};

}  // namespace neuract::snn::synapses
