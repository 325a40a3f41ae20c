#include "neuract/snn/spike_log.hpp"

#include <algorithm>
#include <bit>
#include <utility>

namespace neuract::snn {

void SpikeLog::append(const SpikeBatch& batch) {
  auto& ring = populations_[batch.population].ring;
  const auto needed = static_cast<std::size_t>(std::max<Step>(1, batch.end() - forgotten_));
  if (needed > ring.size()) {
    std::vector<std::vector<std::uint32_t>> larger(std::bit_ceil(std::max<std::size_t>(needed, 16)));
    for (std::size_t i = 0; i < ring.size(); ++i) {
      const auto step = static_cast<std::size_t>(forgotten_) + i;
      larger[step & (larger.size() - 1)] = std::move(ring[step & (ring.size() - 1)]);
    }
    ring = std::move(larger);
  }
  for (Step step = std::max(batch.begin, forgotten_); step < batch.end(); ++step) {
    auto& list = ring[static_cast<std::size_t>(step) & (ring.size() - 1)];
    for (const std::uint16_t id : batch.at(step)) list.push_back(batch.first + id);
  }
}

void SpikeLog::forget_before(Step step) {
  for (Population& population : populations_) {
    const auto size = static_cast<Step>(population.ring.size());
    for (Step s = forgotten_; s < std::min(step, forgotten_ + size); ++s)
      population.ring[static_cast<std::size_t>(s) & (population.ring.size() - 1)].clear();
  }
  forgotten_ = std::max(forgotten_, step);
}

}  // namespace neuract::snn
