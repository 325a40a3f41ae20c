#include "neuract/snn/recording.hpp"

#include <algorithm>
#include <limits>
#include <tuple>
#include <utility>

namespace neuract::snn {

void SpikeMerger::add(const SpikeBatch& batch, std::uint32_t first_neuron) {
  Step& end = ends_[first_neuron];
  end = std::max(end, batch.end());
  for (Step step = std::max(batch.begin, first_step_); step < batch.end(); ++step) {
    const auto ids = batch.at(step);
    if (ids.empty()) continue;
    runs_.push_back({step, first_neuron, static_cast<std::uint32_t>(ids.size()), ids_.size()});
    ids_.insert(ids_.end(), ids.begin(), ids.end());
  }
}

std::size_t SpikeMerger::order(bool all) {
  std::sort(runs_.begin(), runs_.end(),
            [](const Run& a, const Run& b) { return std::tie(a.step, a.first) < std::tie(b.step, b.first); });
  if (all) return runs_.size();
  Step complete = std::numeric_limits<Step>::max();
  for (const auto& [first, end] : ends_) complete = std::min(complete, end);
  const auto ready =
      std::partition_point(runs_.begin(), runs_.end(), [&](const Run& run) { return run.step < complete; });
  return static_cast<std::size_t>(ready - runs_.begin());
}

void SpikeMerger::drop(std::size_t ready) {
  std::vector<std::uint16_t> kept;
  for (std::size_t r = ready; r < runs_.size(); ++r) {
    const auto begin = ids_.begin() + static_cast<std::ptrdiff_t>(runs_[r].begin);
    runs_[r].begin = kept.size();
    kept.insert(kept.end(), begin, begin + runs_[r].count);
  }
  runs_.erase(runs_.begin(), runs_.begin() + static_cast<std::ptrdiff_t>(ready));
  ids_.assign(kept.begin(), kept.end());  // keeps the capacity
}

TraceMerger::TraceMerger(std::vector<std::uint32_t> neurons, std::size_t variables, Step first_step)
    : neurons_(std::move(neurons)), variables_(variables), first_step_(first_step) {}

void TraceMerger::add(const TraceBlock& block) {
  const std::size_t n = block.neurons.size();
  for (std::size_t t = 0; t < block.steps.size(); ++t) {
    if (block.steps[t] < first_step_) continue;
    Row& row = pending_[block.steps[t]];
    if (row.values.empty()) {
      row.values.resize(columns());
      row.missing = neurons_.size();
    }
    const double* values = block.values.data() + t * variables_ * n;
    auto position = neurons_.begin();
    for (std::size_t i = 0; i < n; ++i) {
      if (position == neurons_.end()) break;
      if (*position != block.neurons[i]) position = std::lower_bound(position, neurons_.end(), block.neurons[i]);
      if (position == neurons_.end() || *position != block.neurons[i]) continue;
      const auto column = static_cast<std::size_t>(position - neurons_.begin()) * variables_;
      for (std::size_t v = 0; v < variables_; ++v) row.values[column + v] = values[v * n + i];
      --row.missing;
      ++position;
    }
  }
  while (!pending_.empty() && pending_.begin()->second.missing == 0) {
    const auto row = pending_.begin();
    if (first_row_ < 0) first_row_ = row->first;
    rows_.insert(rows_.end(), row->second.values.begin(), row->second.values.end());
    pending_.erase(row);
  }
}

std::optional<WeightMerger::List> WeightMerger::next(bool at_end) {
  if (pending_.empty()) return std::nullopt;
  const auto& [step, blocks] = *pending_.begin();
  if (expected_.empty() ? !at_end : blocks.size() < expected_.size()) return std::nullopt;
  List list{step, {}, {}, {}};
  std::size_t synapses = 0;
  for (const auto& [first, block] : blocks) synapses += block.weights.size();
  list.sources.reserve(synapses);
  list.targets.reserve(synapses);
  list.weights.reserve(synapses);
  for (const auto& [first, block] : blocks) {
    list.sources.insert(list.sources.end(), block.sources.begin(), block.sources.end());
    list.targets.insert(list.targets.end(), block.targets.begin(), block.targets.end());
    list.weights.insert(list.weights.end(), block.weights.begin(), block.weights.end());
  }
  pending_.erase(pending_.begin());
  return list;
}

}  // namespace neuract::snn
