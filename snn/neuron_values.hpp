#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "neuract/kernels/input.hpp"
#include "neuract/snn/distribution.hpp"
#include "neuract/snn/plan.hpp"
#include "neuract/snn/random.hpp"

/// Values that the neurons of a cohort are given: numbers, drawn or listed. Private to snn.
namespace neuract::snn {

/// Number of the cohort's first block among those of all samples: where its draws begin.
inline std::uint32_t first_block_of(const Plan& plan, const CohortRange& range) {
  const std::uint32_t blocks = (plan.populations()[range.population].n + kernels::kBlock - 1) / kernels::kBlock;
  return range.sample * blocks + range.first / kernels::kBlock;
}

/// The members of `neurons` (population indices, ascending; empty = all) inside the range, as cohort indices.
inline std::vector<std::uint32_t> inside(std::span<const std::uint32_t> neurons, const CohortRange& range) {
  const auto low = std::lower_bound(neurons.begin(), neurons.end(), range.first);
  const auto high = std::lower_bound(low, neurons.end(), range.first + range.count);
  std::vector<std::uint32_t> local(low, high);
  for (std::uint32_t& n : local) n -= range.first;
  return local;
}

/// One number for all neurons of the range, or one for each.
struct NeuronValues {
  double common = 0.0;
  std::vector<double> each;
  double operator[](std::size_t i) const { return each.empty() ? common : each[i]; }
};

/// `first_block`: where draws begin, in blocks of neurons.
inline NeuronValues values_of(const Plan& plan, const CohortRange& range, const Value& value, Purpose purpose,
                              std::uint32_t item, std::uint32_t first_block) {
  NeuronValues result;
  if (const auto* number = std::get_if<double>(&value)) {
    result.common = *number;
  } else {
    result.each.resize(range.count);
    const bool drawn = std::holds_alternative<Distribution>(value);
    fill(value, plan.spec().seed, purpose, range.population, item, drawn ? first_block * kernels::kBlock : range.first,
         result.each);
  }
  return result;
}

inline const Setting* find_setting(const PopulationSpec& population, std::string_view name) {
  for (const Setting& setting : population.settings) {
    if (setting.name == name) return &setting;
  }
  return nullptr;
}

}  // namespace neuract::snn
