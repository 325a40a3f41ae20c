#pragma once

#include <type_traits>

#include "neuract/actors/messages.hpp"

/// How messages become bytes. Arrays of numbers travel as one block in the machine's own byte order (CAF's
/// element-by-element way is ten times slower); all nodes of a run use the same build.
namespace neuract::actors::detail {

template <class T>
struct Block {
  std::vector<T>& values;
};

template <class Inspector, class T>
bool inspect(Inspector& f, Block<T>& block) {
  static_assert(std::is_trivially_copyable_v<T>);
  std::size_t size = block.values.size();
  if (!f.begin_sequence(size)) return false;
  if constexpr (Inspector::is_loading) block.values.resize(size);
  return f.value(bytes_of(block.values.data(), size)) && f.end_sequence();
}

/// A pointer to something immutable, sent by value.
template <class T>
struct Shared {
  std::shared_ptr<const T>& pointer;
};

template <class Inspector, class T>
bool inspect(Inspector& f, Shared<T>& shared) {
  if constexpr (Inspector::is_loading) {
    auto value = std::make_shared<T>();
    if (!f.apply(*value)) return false;
    shared.pointer = std::move(value);
    return true;
  } else {
    static const T kNothing{};
    return f.apply(const_cast<T&>(shared.pointer ? *shared.pointer : kNothing));
  }
}

}  // namespace neuract::actors::detail

namespace neuract {

template <class Inspector>
bool inspect(Inspector& f, Error& x) {
  auto code = static_cast<std::uint8_t>(x.code);
  if (!f.object(x).fields(f.field("code", code), f.field("message", x.message), f.field("context", x.context)))
    return false;
  x.code = static_cast<ErrorCode>(code);
  return true;
}

}  // namespace neuract

namespace neuract::snn {

template <class Inspector>
bool inspect(Inspector& f, SpikeBatch& x) {
  actors::detail::Block<std::uint32_t> offsets{x.offsets};
  actors::detail::Block<std::uint16_t> ids{x.ids};
  return f.object(x).fields(f.field("population", x.population), f.field("first", x.first), f.field("begin", x.begin),
                            f.field("offsets", offsets), f.field("ids", ids), f.field("sample", x.sample));
}

template <class Inspector>
bool inspect(Inspector& f, TraceBlock& x) {
  actors::detail::Block<std::uint32_t> neurons{x.neurons};
  actors::detail::Block<Step> steps{x.steps};
  actors::detail::Block<double> values{x.values};
  return f.object(x).fields(f.field("multimeter", x.multimeter), f.field("neurons", neurons), f.field("steps", steps),
                            f.field("values", values));
}

template <class Inspector>
bool inspect(Inspector& f, WeightBlock& x) {
  actors::detail::Block<std::uint32_t> sources{x.sources};
  actors::detail::Block<std::uint32_t> targets{x.targets};
  actors::detail::Block<double> weights{x.weights};
  return f.object(x).fields(f.field("recorder", x.recorder), f.field("projection", x.projection),
                            f.field("first", x.first), f.field("step", x.step), f.field("sources", sources),
                            f.field("targets", targets), f.field("weights", weights));
}

template <class Inspector>
bool inspect(Inspector& f, ShardOutput& x) {
  return f.object(x).fields(f.field("shard", x.shard), f.field("begin", x.begin), f.field("end", x.end),
                            f.field("batches", x.batches), f.field("traces", x.traces), f.field("weights", x.weights));
}

template <class Inspector>
bool inspect(Inspector& f, CohortRange& x) {
  return f.object(x).fields(f.field("population", x.population), f.field("first", x.first), f.field("count", x.count),
                            f.field("sample", x.sample));
}

template <class Inspector>
bool inspect(Inspector& f, CohortStatistics& x) {
  actors::detail::Block<CohortStatistics::Isi> isi{x.isi};
  actors::detail::Block<CohortStatistics::Classifier> classifiers{x.classifiers};
  return f.object(x).fields(f.field("range", x.range), f.field("spikes", x.spikes), f.field("spike_hash", x.spike_hash),
                            f.field("isi", isi), f.field("classifiers", classifiers));
}

template <class Inspector>
bool inspect(Inspector& f, CheckpointSection& x) {
  auto kind = static_cast<std::uint32_t>(x.key.kind);
  actors::detail::Block<std::byte> bytes{x.bytes};
  if (!f.object(x).fields(f.field("kind", kind), f.field("index", x.key.index), f.field("sample", x.key.sample),
                          f.field("first", x.key.first), f.field("count", x.key.count), f.field("bytes", bytes)))
    return false;
  x.key.kind = static_cast<SectionKind>(kind);
  return true;
}

}  // namespace neuract::snn

namespace neuract::actors {

template <class Inspector>
bool inspect(Inspector& f, Adopt& x) {
  return f.object(x).fields(f.field("populations", x.populations), f.field("recorder", x.recorder),
                            f.field("checkpointer", x.checkpointer));
}
template <class Inspector>
bool inspect(Inspector& f, BuildProgress& x) {
  return f.object(x).fields(f.field("shard", x.shard), f.field("synapses", x.synapses));
}
template <class Inspector>
bool inspect(Inspector& f, Built& x) {
  return f.object(x).fields(f.field("shard", x.shard), f.field("synapses", x.synapses), f.field("quantum", x.quantum));
}
template <class Inspector>
bool inspect(Inspector& f, Connect& x) {
  return f.object(x).fields(f.field("populations", x.populations), f.field("recorder", x.recorder),
                            f.field("credit", x.credit), f.field("checkpointer", x.checkpointer));
}
template <class Inspector>
bool inspect(Inspector& f, ConnectRecorder& x) {
  return f.object(x).fields(f.field("populations", x.populations), f.field("now", x.now));
}
template <class Inspector>
bool inspect(Inspector& f, ConnectCheckpointer& x) {
  return f.object(x).fields(f.field("populations", x.populations), f.field("recorder", x.recorder));
}
template <class Inspector>
bool inspect(Inspector& f, RunTo& x) {
  return f.object(x).fields(f.field("goal", x.goal));
}
template <class Inspector>
bool inspect(Inspector& f, Reached& x) {
  return f.object(x).fields(f.field("shard", x.shard), f.field("now", x.now), f.field("spikes", x.spikes));
}
template <class Inspector>
bool inspect(Inspector& f, Hold& x) {
  return f.object(x).fields(f.field("round", x.round));
}
template <class Inspector>
bool inspect(Inspector& f, Held& x) {
  return f.object(x).fields(f.field("shard", x.shard), f.field("round", x.round), f.field("now", x.now));
}
template <class Inspector>
bool inspect(Inspector& f, Delivery& x) {
  detail::Shared<snn::ShardOutput> output{x.output};
  return f.object(x).fields(f.field("output", output));
}
template <class Inspector>
bool inspect(Inspector& f, Consumed& x) {
  return f.object(x).fields(f.field("consumer", x.consumer), f.field("now", x.now));
}
template <class Inspector>
bool inspect(Inspector& f, GuardCounts& x) {
  return f.object(x).fields(f.field("shard", x.shard), f.field("now", x.now), f.field("spikes", x.spikes));
}
template <class Inspector>
bool inspect(Inspector& f, Position& x) {
  return f.object(x).fields(f.field("shard", x.shard), f.field("now", x.now), f.field("spikes", x.spikes));
}
template <class Inspector>
bool inspect(Inspector& f, Record& x) {
  return f.object(x).fields(f.field("from", x.from));
}
template <class Inspector>
bool inspect(Inspector& f, Recorded& x) {
  std::size_t size = x.outputs.size();
  if (!f.begin_object(caf::type_id_v<Recorded>, "neuract::actors::Recorded")) return false;
  if (!f.begin_field("shard") || !f.apply(x.shard) || !f.end_field()) return false;
  if (!f.begin_field("bytes") || !f.apply(x.bytes) || !f.end_field()) return false;
  if (!f.begin_field("outputs") || !f.begin_sequence(size)) return false;
  if constexpr (Inspector::is_loading) x.outputs.resize(size);
  for (auto& output : x.outputs) {
    detail::Shared<snn::ShardOutput> shared{output};
    if (!f.apply(shared)) return false;
  }
  return f.end_sequence() && f.end_field() && f.end_object();
}
template <class Inspector>
bool inspect(Inspector& f, Written& x) {
  return f.object(x).fields(f.field("bytes", x.bytes));
}
template <class Inspector>
bool inspect(Inspector& f, WeightsTaken& x) {
  detail::Shared<snn::ShardOutput> output{x.output};
  return f.object(x).fields(f.field("shard", x.shard), f.field("output", output));
}
template <class Inspector>
bool inspect(Inspector& f, Flush& x) {
  return f.object(x).fields(f.field("step", x.step));
}
template <class Inspector>
bool inspect(Inspector& f, Finished& x) {
  return f.object(x).fields(f.field("error", x.error));
}
template <class Inspector>
bool inspect(Inspector& f, TakeState& x) {
  return f.object(x).fields(f.field("request", x.request), f.field("population", x.population),
                            f.field("state", x.state), f.field("step", x.step));
}
template <class Inspector>
bool inspect(Inspector& f, StatePart& x) {
  std::vector<float> copy(x.data.get(), x.data.get() + x.count);
  detail::Block<float> values{copy};
  if (!f.object(x).fields(f.field("first", x.first), f.field("version", x.version), f.field("values", values)))
    return false;
  if constexpr (Inspector::is_loading) {
    auto owner = std::make_shared<std::vector<float>>(std::move(copy));
    x.count = static_cast<std::uint32_t>(owner->size());
    x.data = std::shared_ptr<const float>(owner, owner->data());
  }
  return true;
}
template <class Inspector>
bool inspect(Inspector& f, StateTaken& x) {
  return f.object(x).fields(f.field("request", x.request), f.field("step", x.step), f.field("error", x.error),
                            f.field("parts", x.parts));
}
template <class Inspector>
bool inspect(Inspector& f, ShardStatistics::Projection& x) {
  return f.object(x).fields(f.field("synapses", x.synapses), f.field("bytes", x.bytes), f.field("events", x.events),
                            f.field("representation", x.representation), f.field("path", x.path),
                            f.field("fallback_reason", x.fallback_reason));
}
template <class Inspector>
bool inspect(Inspector& f, ShardStatistics& x) {
  detail::Block<WeightMoments> weights{x.weights};
  return f.object(x).fields(f.field("cohorts", x.cohorts), f.field("projections", x.projections),
                            f.field("weights", weights));
}
template <class Inspector>
bool inspect(Inspector& f, Collect& x) {
  return f.object(x).fields(f.field("request", x.request));
}
template <class Inspector>
bool inspect(Inspector& f, Collected& x) {
  return f.object(x).fields(f.field("request", x.request), f.field("shard", x.shard),
                            f.field("statistics", x.statistics));
}
template <class Inspector>
bool inspect(Inspector& f, Prepare& x) {
  return f.object(x).fields(f.field("request", x.request));
}
template <class Inspector>
bool inspect(Inspector& f, Run& x) {
  return f.object(x).fields(f.field("request", x.request), f.field("goal", x.goal));
}
template <class Inspector>
bool inspect(Inspector& f, TakeSnapshot& x) {
  return f.object(x).fields(f.field("request", x.request), f.field("population", x.population),
                            f.field("state", x.state), f.field("step", x.step));
}
template <class Inspector>
bool inspect(Inspector& f, Summarise& x) {
  return f.object(x).fields(f.field("request", x.request));
}
template <class Inspector>
bool inspect(Inspector& f, Subscribe& x) {
  return f.object(x).fields(f.field("request", x.request));
}
template <class Inspector>
bool inspect(Inspector& f, WriteDown& x) {
  return f.object(x).fields(f.field("request", x.request), f.field("step", x.step));
}
template <class Inspector>
bool inspect(Inspector& f, WrittenDown& x) {
  return f.object(x).fields(f.field("request", x.request), f.field("shard", x.shard), f.field("step", x.step),
                            f.field("skipped", x.skipped), f.field("error", x.error), f.field("sections", x.sections));
}
template <class Inspector>
bool inspect(Inspector& f, PutAway& x) {
  return f.object(x).fields(f.field("step", x.step));
}
template <class Inspector>
bool inspect(Inspector& f, Expect& x) {
  return f.object(x).fields(f.field("request", x.request), f.field("path", x.path));
}
template <class Inspector>
bool inspect(Inspector& f, CheckpointDone& x) {
  return f.object(x).fields(f.field("request", x.request), f.field("error", x.error), f.field("path", x.path));
}
template <class Inspector>
bool inspect(Inspector& f, Settle& x) {
  return f.object(x).fields(f.field("asker", x.asker), f.field("ticket", x.ticket), f.field("step", x.step));
}
template <class Inspector>
bool inspect(Inspector& f, Settled& x) {
  return f.object(x).fields(f.field("ticket", x.ticket));
}
template <class Inspector>
bool inspect(Inspector& f, TakeCheckpoint& x) {
  return f.object(x).fields(f.field("request", x.request), f.field("path", x.path));
}
template <class Inspector>
bool inspect(Inspector& f, Close& x) {
  return f.object(x).fields(f.field("request", x.request));
}
template <class Inspector>
bool inspect(Inspector& f, Failed& x) {
  return f.object(x).fields(f.field("error", x.error));
}

}  // namespace neuract::actors
