#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "neuract/kernels/bit_planes.hpp"
#include "neuract/kernels/deliver.hpp"
#include "neuract/kernels/isa.hpp"
#include "neuract/memory/host_array.hpp"
#include "neuract/snn/bit_planes.hpp"
#include "neuract/snn/spike_log.hpp"

// Synaptic events a second of uniform-weight projections, as bits and as lists: 10,000 sources, 10,000 targets, a tenth
// of all pairs connected (12.8 MB of bits, 20 MB of lists), and a few to many of the sources active in a step.
namespace {

using namespace neuract;
using namespace neuract::kernels;

constexpr std::uint32_t kNeurons = 10000;
constexpr std::uint32_t kDegree = 1000;
constexpr std::uint32_t kSteps = 15;  // of a window
constexpr std::uint32_t kStride = 10048;
constexpr std::uint32_t kWords = (kNeurons + kBitRowAlignment - 1) / kBitRowAlignment * 8;

struct Network {
  memory::HostArray<std::uint64_t> bits;
  memory::HostArray<std::uint32_t> offsets;
  memory::HostArray<std::uint16_t> targets;

  Network()
      : bits(memory::HostArray<std::uint64_t>::zeros(std::size_t{kNeurons} * kWords).value()),
        offsets(memory::HostArray<std::uint32_t>::zeros(kNeurons + 1).value()),
        targets(memory::HostArray<std::uint16_t>::zeros(std::size_t{kNeurons} * kDegree + 64).value()) {
    // Every row has kDegree targets: of as many intervals of ten targets, one each.
    std::mt19937 random(1);
    std::size_t next = 0;
    for (std::uint32_t row = 0; row < kNeurons; ++row) {
      for (std::uint32_t i = 0; i < kDegree; ++i) {
        const std::uint32_t target = 10 * i + static_cast<std::uint32_t>(random() % 10);
        const std::uint32_t bit = bit_of_target(target);
        bits[std::size_t{row} * kWords + bit / 64] |= std::uint64_t{1} << (bit % 64);
        targets[next++] = static_cast<std::uint16_t>(target);
      }
      offsets[row + 1] = static_cast<std::uint32_t>(next);
    }
  }
};

const Network& network() {
  static const Network one;
  return one;
}

/// Active rows of many steps, so that they do not stay in the inner caches.
std::vector<std::uint32_t> random_rows(std::size_t count) {
  std::mt19937 random(2);
  std::vector<std::uint32_t> rows(count);
  for (std::uint32_t& row : rows) row = static_cast<std::uint32_t>(random() % kNeurons);
  return rows;
}

std::size_t windows_for(std::size_t active) { return std::max<std::size_t>(2, 40000 / (active * kSteps)); }

void report(benchmark::State& state, std::size_t active) {
  const auto per_window = static_cast<double>(active * kSteps);
  state.counters["events/s"] = benchmark::Counter(per_window * kDegree, benchmark::Counter::kIsIterationInvariantRate);
  state.counters["step"] =
      benchmark::Counter(kSteps, benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

void bit_planes(benchmark::State& state, Isa isa) {
  set_isa_for_testing(isa);
  const auto active = static_cast<std::size_t>(state.range(0));
  const BitRows rows{network().bits.data(), kWords, kNeurons};
  const auto list = random_rows(active * (kSteps * windows_for(active) + 1));
  std::vector<std::int32_t> sums(16 * kStride);
  std::size_t window = 0;
  for (auto _ : state) {
    for (std::uint32_t step = 0; step < kSteps; ++step) {
      const std::uint32_t* const now = list.data() + (window * kSteps + step) * active;
      for (std::size_t done = 0; done < active; done += kMostBitRows) {
        const std::size_t count = std::min<std::size_t>(kMostBitRows, active - done);
        bit_plane_kernels().add_rows(rows, {now + done, count}, {now + done + count, count}, nullptr, 3,
                                     sums.data() + step * kStride);
      }
    }
    window = (window + 1) % windows_for(active);
  }
  benchmark::DoNotOptimize(sums.data());
  report(state, active);
  set_isa_for_testing(supported_isas().back());
}

void lists(benchmark::State& state) {
  const auto active = static_cast<std::size_t>(state.range(0));
  SynapseRows rows;
  rows.offsets = network().offsets.data();
  rows.targets = network().targets.data();
  rows.uniform_code = 3;
  const auto list = random_rows(active * kSteps * windows_for(active));
  std::vector<RowEvent> events(list.size());
  for (std::size_t i = 0; i < list.size(); ++i)
    events[i] = {&rows, list[i], 0, static_cast<std::uint16_t>(i / active % kSteps)};
  std::vector<std::int32_t> sums(16 * kStride);
  const InputRing rings[2] = {{sums.data(), kStride, 15}, {}};
  std::size_t window = 0;
  for (auto _ : state) {
    deliver(std::span(events).subspan(window * kSteps * active, kSteps * active), rings);
    window = (window + 1) % windows_for(active);
  }
  benchmark::DoNotOptimize(sums.data());
  report(state, active);
}
BENCHMARK(lists)->ArgName("rows")->Arg(5)->Arg(40)->Arg(400);

/// All synapses of examples/brunel.toml as pathways, in-degrees 1000 and 250 with multapses: 12,500 neurons of which 40
/// fire in a step, four pathways, windows of 15 steps.
void brunel_delivery(benchmark::State& state) {
  using namespace neuract::snn;
  constexpr std::uint32_t kPopulations[2] = {10000, 2500};
  constexpr std::uint32_t kFiring[2] = {32, 8};
  NetworkSpec spec;
  spec.populations = {{"E", kPopulations[0], "iaf_psc_delta", {}}, {"I", kPopulations[1], "iaf_psc_delta", {}}};
  for (std::uint32_t source = 0; source < 2; ++source) {
    for (std::uint32_t target = 0; target < 2; ++target) {
      spec.projections.push_back({std::to_string(spec.projections.size()),
                                  source,
                                  target,
                                  {Rule::Kind::fixed_indegree, source == 0 ? 1000u : 250u},
                                  source == 0 ? 0.1 : -0.5,
                                  1.5});
    }
  }
  const PlanPtr plan = Plan::make(std::move(spec)).value();
  std::vector<std::unique_ptr<Pathway>> pathways;
  for (std::uint32_t p = 0; p < 4; ++p)
    pathways.push_back(build_bit_planes(*plan, p, {p % 2, 0, kPopulations[p % 2]}).value());

  std::mt19937 random(3);
  std::vector<std::int32_t> inputs[2];
  for (std::size_t t = 0; t < 2; ++t) inputs[t].resize(16 * kStride);
  SpikeLog log(2);
  Step now = 0;
  double milliseconds = 0.0;
  for (auto _ : state) {
    state.PauseTiming();
    for (std::uint32_t source = 0; source < 2; ++source) {
      SpikeBatch batch;
      batch.population = source;
      batch.begin = now;
      batch.offsets = {0};
      for (std::uint32_t step = 0; step < kSteps; ++step) {
        for (std::uint32_t i = 0; i < kFiring[source]; ++i)
          batch.ids.push_back(static_cast<std::uint16_t>(random() % kPopulations[source]));
        batch.offsets.push_back(static_cast<std::uint32_t>(batch.ids.size()));
      }
      log.append(batch);
    }
    now += kSteps;
    state.ResumeTiming();
    Pathway::Window window;
    window.from = now;
    window.to = now + kSteps;
    window.spikes = &log;
    for (std::uint32_t p = 0; p < 4; ++p) {
      window.rings[0] = {inputs[p % 2].data(), kStride, 15};
      pathways[p]->deliver(window);
    }
    milliseconds += 0.1 * kSteps;
    log.forget_before(now);
  }
  std::uint64_t events = 0;
  for (const auto& pathway : pathways) events += pathway->events();
  state.counters["events/s"] = benchmark::Counter(static_cast<double>(events), benchmark::Counter::kIsRate);
  state.counters["step"] =
      benchmark::Counter(kSteps, benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
  state.counters["real_time_factor"] =
      benchmark::Counter(1e-3 * milliseconds, benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}
BENCHMARK(brunel_delivery);

const bool kRegistered = [] {
  for (const Isa isa : supported_isas()) {
    benchmark::RegisterBenchmark(("bit_planes/" + std::string(name_of(isa))).c_str(), bit_planes, isa)
        ->ArgName("rows")
        ->Arg(1)
        ->Arg(5)
        ->Arg(40)
        ->Arg(400);
  }
  return true;
}();

}  // namespace
