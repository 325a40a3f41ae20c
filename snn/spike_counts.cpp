#include "neuract/snn/spike_counts.hpp"

#include <algorithm>
#include <utility>

#include "neuract/snn/checkpoint.hpp"

namespace neuract::snn {

Result<SpikeCounts> SpikeCounts::make(std::uint32_t count, std::uint64_t first_gid) {
  SpikeCounts counts;
  counts.first_gid_ = first_gid;
  NEURACT_TRY_ASSIGN(counts.neurons_, memory::HostArray<Neuron>::zeros(count));
  return counts;
}

void SpikeCounts::add(Step step, std::span<const std::uint16_t> ids) noexcept {
  // Neurons that fire lie far apart.
  constexpr std::size_t kAhead = 8;
  Neuron* const neurons = neurons_.data();
  for (std::size_t i = 0; i < std::min(kAhead, ids.size()); ++i) __builtin_prefetch(neurons + ids[i], 1);
  std::uint64_t hash = 0;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (i + kAhead < ids.size()) __builtin_prefetch(neurons + ids[i + kAhead], 1);
    hash += spike_mix(step, first_gid_ + ids[i]);
    Neuron& neuron = neurons[ids[i]];
    const bool again = neuron.last_plus_one != 0;
    const std::uint64_t interval = again ? static_cast<std::uint64_t>(step + 1 - neuron.last_plus_one) : 0;
    neuron.sum += interval;
    neuron.sum_of_squares += interval * interval;
    neuron.count += again ? 1 : 0;
    neuron.last_plus_one = step + 1;
  }
  hash_ += hash;
  spikes_ += ids.size();
}

void SpikeCounts::restart() noexcept {
  for (Neuron& neuron : neurons_) neuron.last_plus_one = 0;
}

std::vector<CohortStatistics::Isi> SpikeCounts::intervals() const {
  std::vector<CohortStatistics::Isi> all;
  all.reserve(neurons_.size());
  for (const Neuron& neuron : neurons_) all.push_back({neuron.sum, neuron.sum_of_squares, neuron.count});
  return all;
}

void SpikeCounts::save(StateWriter& out) const {
  const auto column = [&](auto Neuron::*member) {
    std::vector<std::remove_cvref_t<decltype(neurons_[0].*member)>> values;
    values.reserve(neurons_.size());
    for (const Neuron& neuron : neurons_) values.push_back(neuron.*member);
    out.array(std::span(std::as_const(values)));
  };
  column(&Neuron::last_plus_one);
  column(&Neuron::sum);
  column(&Neuron::sum_of_squares);
  column(&Neuron::count);
}

void SpikeCounts::load(NeuronReader& in) {
  const auto column = [&](auto Neuron::*member) {
    std::vector<std::remove_cvref_t<decltype(neurons_[0].*member)>> values(neurons_.size());
    in.column(std::span(values));
    for (std::size_t n = 0; n < values.size(); ++n) neurons_[n].*member = values[n];
  };
  column(&Neuron::last_plus_one);
  column(&Neuron::sum);
  column(&Neuron::sum_of_squares);
  column(&Neuron::count);
}

}  // namespace neuract::snn
