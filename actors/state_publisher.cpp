#include "neuract/actors/state_publisher.hpp"

#include <string>

namespace neuract::actors {

using memory::Tensor;
using memory::Versioned;

Result<std::vector<StatePart>> StatePublisher::take(const snn::Shard& shard, std::uint32_t population, int state,
                                                    Step step) {
  if (step != shard.now()) {
    return fail(ErrorCode::stale, "the state after step ", step, " is asked for; the population is at step ",
                shard.now());
  }
  std::vector<StatePart> parts;
  for (std::size_t c = 0; c < shard.cohorts().size(); ++c) {
    const snn::CohortRange& range = shard.cohorts()[c];
    if (range.population != population) continue;
    NEURACT_TRY_ASSIGN(Channel * channel, this->channel(shard, c, state));
    NEURACT_TRY_ASSIGN(Tensor draft,
                       channel->writer.begin(channel->writer.version(), Versioned<Tensor>::Contents::unspecified));
    NEURACT_TRY_ASSIGN(const std::span<float> values, draft.span<float>());
    shard.copy_state(c, state, values);
    NEURACT_TRY(channel->writer.publish(static_cast<std::uint64_t>(step)));

    NEURACT_TRY_ASSIGN(auto snapshot, channel->tensor.snapshot());
    auto held = std::make_shared<const Versioned<Tensor>::Snapshot>(std::move(snapshot));
    NEURACT_TRY_ASSIGN(const std::span<const float> seen, held->span<float>());
    const std::uint32_t first = range.sample * shard.plan().populations()[population].n + range.first;
    parts.push_back({first, range.count, held->version(), std::shared_ptr<const float>(held, seen.data())});
  }
  return parts;
}

Result<StatePublisher::Channel*> StatePublisher::channel(const snn::Shard& shard, std::size_t cohort, int state) {
  const std::pair key(cohort, state);
  auto found = channels_.find(key);
  if (found == channels_.end()) {
    const snn::CohortRange& range = shard.cohorts()[cohort];
    const std::string name = "population " + std::to_string(range.population) + " from neuron " +
                             std::to_string(range.first) + " of sample " + std::to_string(range.sample);
    NEURACT_TRY_ASSIGN(auto tensor, Versioned<Tensor>::create(name, memory::DType::f32, {range.count}, kBuffers));
    NEURACT_TRY_ASSIGN(auto writer, tensor.claim_writer("shard " + std::to_string(shard.index())));
    found = channels_.emplace(key, Channel{std::move(tensor), std::move(writer)}).first;
  }
  return &found->second;
}

}  // namespace neuract::actors
