#include <benchmark/benchmark.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "neuract/memory/host_array.hpp"
#include "neuract/snn/bundle.hpp"
#include "neuract/snn/plan.hpp"
#include "neuract/snn/random.hpp"
#include "neuract/snn/synapses/plastic_pathway.hpp"

// Delivery through synapses with a model, beside static ones: 10,000 source and 10,000 target neurons, a thousand
// synapses each, all firing at 10 Hz, a delay of 1.5 ms, as in the HPC benchmark network. Only delivery and what is
// done with the targets' spikes is timed; ten million synapses are far more than any cache holds.
namespace {

using namespace neuract;
using namespace neuract::snn;

constexpr std::uint32_t kNeurons = 10000;
constexpr std::uint32_t kIndegree = 1000;
constexpr Step kWindow = 15;
constexpr double kRate = 10.0;

struct Model {
  SynapseSpec synapse;
  Value weight;
  Precision precision = Precision::f32;
};

NetworkSpec network(const Model& model) {
  NetworkSpec spec;
  spec.duration = 100.0;
  spec.precision = model.precision;
  for (const char* name : {"pre", "post", "reward"}) {
    PopulationSpec population;
    population.name = name;
    population.n = name == std::string("reward") ? 100 : kNeurons;
    population.model = "iaf_psc_exp";
    spec.populations.push_back(population);
  }
  ProjectionSpec projection;
  projection.name = "pre->post";
  projection.source = 0;
  projection.target = 1;
  projection.rule.kind = Rule::Kind::fixed_indegree;
  projection.rule.count = kIndegree;
  projection.weight = model.weight;
  projection.delay = 0.1 * kWindow;
  projection.synapse = model.synapse;
  projection.representation = Representation::sparse;
  spec.projections.push_back(projection);
  return spec;
}

/// Spikes of a Poisson process, a function of the step and the neuron.
SpikeBatch spikes_of(std::uint32_t population, std::uint32_t neurons, Step begin, Step end) {
  const Stream stream(1, Purpose::poisson, population);
  SpikeBatch batch;
  batch.population = population;
  batch.begin = begin;
  batch.offsets.push_back(0);
  std::vector<std::uint32_t> words((neurons + Stream::kGroup - 1) / Stream::kGroup * Stream::kGroup);
  const auto limit = static_cast<std::uint32_t>(kRate * 1e-4 * 0x1p32);
  for (Step step = begin; step < end; ++step) {
    stream.fill(words.data(), words.size() / Stream::kGroup, 0, static_cast<std::uint32_t>(step));
    for (std::uint32_t n = 0; n < neurons; ++n) {
      if (words[n] < limit) batch.ids.push_back(static_cast<std::uint16_t>(n));
    }
    batch.offsets.push_back(static_cast<std::uint32_t>(batch.ids.size()));
  }
  return batch;
}

struct Rings {
  Rings() {
    for (auto& inputs : data) inputs = memory::HostArray<std::int32_t>::zeros(kSlots * kStride).value();
    for (std::size_t r = 0; r < 2; ++r) rings[r] = {data[r].data(), kStride, kSlots - 1};
  }
  static constexpr std::uint32_t kSlots = 16;
  static constexpr std::uint32_t kStride = (kNeurons + 63) / 64 * 64;
  std::array<memory::HostArray<std::int32_t>, 2> data;
  std::array<kernels::InputRing, 2> rings;
};

template <class F>
double seconds(F f) {
  const auto begin = std::chrono::steady_clock::now();
  f();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

void report(benchmark::State& state, std::uint64_t events, std::uint64_t bytes, std::uint64_t synapses) {
  state.counters["events/s"] = benchmark::Counter(static_cast<double>(events), benchmark::Counter::kIsRate);
  state.counters["bytes/synapse"] = static_cast<double>(bytes) / static_cast<double>(synapses);
}

void plastic(benchmark::State& state, const Model& model) {
  const PlanPtr plan = Plan::make(network(model)).value();
  const auto pathway = build_plastic_pathway(*plan, 0, {1, 0, kNeurons}).value();
  Rings rings;
  SpikeLog log(3);
  Step now = 0;
  const auto window = [&] {
    for (const std::uint32_t p : {0u, 2u}) log.append(spikes_of(p, plan->populations()[p].n, now - kWindow, now));
    const SpikeBatch fired = spikes_of(1, kNeurons, now, now + kWindow);
    const double time = seconds([&] {
      pathway->deliver({now, now + kWindow, 0, 0, &log, rings.rings});
      pathway->fired(fired);
    });
    now += kWindow;
    log.forget_before(now - kWindow);
    return time;
  };
  constexpr Step kUntilTypical = 3000;  // until most synapses have seen spikes of both sides
  while (now < kUntilTypical) window();
  const std::uint64_t before = pathway->events();
  for (auto _ : state) state.SetIterationTime(window());
  report(state, pathway->events() - before, pathway->bytes(), pathway->synapses());
}

void fixed(benchmark::State& state, const Model& model) {
  const PlanPtr plan = Plan::make(network(model)).value();
  const std::array<bool, 2> used[] = {{false, false}};
  const auto bundle = Bundle::build(*plan, {{{1, 0, kNeurons}, 0}}, kWindow, 0, used, nullptr, {}).value();
  Step now = 0;
  for (auto _ : state) {
    const SpikeBatch sent = spikes_of(0, kNeurons, now, now + kWindow);
    now += kWindow;
    state.SetIterationTime(seconds([&] {
      bundle->enter(sent, now);
      bundle->deliver(now, now + kWindow);
    }));
  }
  const SynapseTable& table = bundle->tables()[0];
  report(state, bundle->events(0, 0), table.bytes(), table.synapses());
}

const Distribution kDrawn = {Distribution::Kind::uniform, 20.0, 80.0};
constexpr int kWindows = 1000;

#define NEURACT_MODEL(function, name, ...)              \
  BENCHMARK_CAPTURE(function, name, Model{__VA_ARGS__}) \
      ->Iterations(kWindows)                            \
      ->UseManualTime()                                 \
      ->Unit(benchmark::kMicrosecond)
NEURACT_MODEL(fixed, one_weight, {"static"}, 50.0);
NEURACT_MODEL(fixed, drawn_weights, {"static"}, kDrawn);
NEURACT_MODEL(plastic, tsodyks2, {"tsodyks2"}, 50.0);
NEURACT_MODEL(plastic, tsodyks2_drawn_weights, {"tsodyks2"}, kDrawn);
NEURACT_MODEL(plastic, stdp_pair, {"stdp_pair"}, 50.0);
NEURACT_MODEL(plastic, stdp_pair_f64, {"stdp_pair"}, 50.0, Precision::f64);
NEURACT_MODEL(plastic, stdp_pair_additive, {"stdp_pair", {{"mu_plus", 0.0}, {"mu_minus", 0.0}}}, 50.0);
NEURACT_MODEL(plastic, stdp_pl, {"stdp_pl", {{"alpha", 0.0513}}}, 45.61);
NEURACT_MODEL(plastic, stdp_triplet, {"stdp_triplet"}, 50.0);
NEURACT_MODEL(plastic, vogels_sprekeler, {"vogels_sprekeler", {{"Wmax", -100.0}}}, -50.0);
NEURACT_MODEL(plastic, stdp_dopamine, {"stdp_dopamine", {}, 2}, 50.0);
#undef NEURACT_MODEL

}  // namespace
