#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "neuract/actors/report.hpp"
#include "neuract/snn/plan.hpp"
#include "neuract/snn/spikes.hpp"

/// Mean and spread of recorded weights. The same bits for any partition: sums are taken neuron by neuron, whose synapses
/// are never divided, and then over neurons in their order.
namespace neuract::actors {

/// Of the recorded synapses onto one neuron.
struct WeightMoments {
  std::uint32_t recorder = 0;
  std::uint32_t target = 0;
  std::uint64_t count = 0;
  double sum = 0.0;
  double squares = 0.0;  ///< of the differences from their mean
  double smallest = std::numeric_limits<double>::infinity();
  double largest = -std::numeric_limits<double>::infinity();
};

/// Of every target in the block that has synapses.
void append_moments(const snn::WeightBlock& block, std::vector<WeightMoments>& out);

/// One result for each weight recorder of the plan. `moments` in any order.
std::vector<WeightResult> summarise_weights(const snn::Plan& plan, std::vector<WeightMoments> moments);

}  // namespace neuract::actors
