#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "neuract/snn/pathway.hpp"
#include "neuract/snn/synapses/rows.hpp"

namespace neuract::snn::synapses {

/// The synapses of `rows` with values[i] · scale as weights, by target, then source. Several synapses between the same
/// two neurons: by delay, then as drawn.
template <class T>
Pathway::WeightList list_weights(const Rows<T>& rows, std::span<const T> values, double scale) {
  const auto n = static_cast<std::size_t>(rows.synapses());
  std::vector<std::uint32_t> next;  // by target
  for (std::size_t i = 0; i < n; ++i) {
    const std::size_t target = rows.targets[i];
    if (target + 2 > next.size()) next.resize(target + 2);
    ++next[target + 1];
  }
  for (std::size_t t = 1; t < next.size(); ++t) next[t] += next[t - 1];
  Pathway::WeightList list;
  list.sources.resize(n);
  list.targets.resize(n);
  list.weights.resize(n);
  for (std::uint32_t source = 0; source < rows.sources; ++source) {
    for (std::uint32_t i = rows.offsets[source]; i < rows.offsets[source + 1]; ++i) {
      const std::uint32_t place = next[rows.targets[i]]++;
      list.sources[place] = source;
      list.targets[place] = rows.targets[i];
      list.weights[place] = static_cast<double>(values[i]) * scale;
    }
  }
  return list;
}

}  // namespace neuract::snn::synapses
