#include <benchmark/benchmark.h>

#include <algorithm>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "neuract/kernels/isa.hpp"
#include "neuract/kernels/q4_spikes.hpp"
#include "neuract/kernels/q4_tiles.hpp"
#include "stream_ceiling.hpp"

// Spikes through 4-bit weights of 4096 x 4096 on one core, by activity and number of rows:
//   GMAC/s   as many multiplications as a dense product would take
//   touched  bytes of codes and scales that the spikes ask for, a second; over what the same core streams from memory
//            (of_stream) and from a cache that holds these weights (of_cached)
//   chosen   1 where the library would take this kernel
// and the activity at which the batched kernel overtakes the event-driven one (switch_point).
namespace {

using namespace neuract::kernels;

constexpr std::uint32_t kN = 4096;
constexpr std::uint32_t kK = 4096;
constexpr std::uint32_t kNf4Block = 64;
constexpr std::size_t kWeightBytes = std::size_t{kN} * kK * 5 / 8;  // of NVFP4; NF4 has 9/16

/// Storage that starts at a cache line, as tiles do.
template <class T>
class Lines {
 public:
  explicit Lines(std::size_t size)
      : data_(static_cast<T*>(std::aligned_alloc(1 << 21, (size * sizeof(T) + (1 << 21) - 1) >> 21 << 21)), &std::free),
        size_(size) {}
  T* begin() const { return data_.get(); }
  T* end() const { return data_.get() + size_; }

 private:
  std::unique_ptr<T, void (*)(void*)> data_;
  std::size_t size_;
};

struct Weights {
  std::mt19937_64 random{1};
  Lines<std::uint8_t> codes{std::size_t{kN} * kK / 2};
  Lines<float> nf4_scales{std::size_t{kN} * kK / kNf4Block};
  Lines<std::uint16_t> nvfp4_scales{std::size_t{kN} * kK / Nvfp4Tiles::kBlock};
  Lines<float> unit{kN};
  Weights() {
    for (std::uint8_t& c : codes) c = static_cast<std::uint8_t>(random());
    for (float& s : nf4_scales) s = 1.0f + static_cast<float>(random() % 1000) * 1e-3f;
    for (std::uint16_t& s : nvfp4_scales) s = static_cast<std::uint16_t>(random() % 32768);
    std::fill(unit.begin(), unit.end(), 0x1p-10f);
  }
  [[nodiscard]] Nf4Tiles nf4() const { return {kN, kK, kNf4Block, codes.begin(), nf4_scales.begin()}; }
  [[nodiscard]] Nvfp4Tiles nvfp4() const { return {kN, kK, codes.begin(), nvfp4_scales.begin(), unit.begin()}; }
};

const Weights& weights() {
  static const Weights w;
  return w;
}

/// Enough different rows that branches cannot be learnt by heart.
struct Rows {
  static constexpr std::uint32_t kWords = kK / 64;
  static constexpr std::uint32_t kSets = 64;
  std::uint32_t rows;
  std::vector<std::uint64_t> words;
  std::uint64_t active = 0;

  Rows(std::uint32_t n_rows, double activity) : rows(n_rows), words(std::size_t{kSets} * n_rows * kWords) {
    std::mt19937_64 random(2);
    const auto threshold = static_cast<std::uint64_t>(activity * 0x1p32);
    for (std::uint64_t& word : words) {
      for (int bit = 0; bit < 64; ++bit) word |= std::uint64_t{(random() >> 32) < threshold} << bit;
      active += static_cast<std::uint64_t>(std::popcount(word));
    }
    active /= kSets;
  }
  [[nodiscard]] SpikeBits set(std::size_t i) const { return {words.data() + i % kSets * rows * kWords, rows, kWords}; }
  /// Lines of a tile, and blocks of `block` inputs, that any row asks for.
  [[nodiscard]] double touched(std::uint32_t block, std::uint32_t scale_bytes) const {
    std::uint64_t lines = 0, blocks = 0;
    for (std::uint32_t w = 0; w < kWords; ++w) {
      std::uint64_t any = 0;
      for (std::uint32_t m = 0; m < rows; ++m) any |= words[m * kWords + w];
      lines += static_cast<std::uint64_t>(std::popcount(any));
      for (std::uint32_t b = 0; b < 64; b += block) blocks += (any >> b & ~std::uint64_t{0} >> (64 - block)) != 0;
    }
    return static_cast<double>(tiles_of(kN) * (lines * kTileLineBytes + blocks * kTileOutputs * scale_bytes));
  }
};

void spikes(benchmark::State& state, Isa isa, TileFormat format, SpikeKernel kernel, std::uint32_t rows,
            double activity) {
  set_isa_for_testing(isa);
  const Rows bits(rows, activity);
  std::vector<float> y(std::size_t{rows} * kN);
  const Nf4Tiles nf4 = weights().nf4();
  const Nvfp4Tiles nvfp4 = weights().nvfp4();
  std::size_t i = 0;
  const std::clock_t start = std::clock();
  for (auto _ : state) {
    if (format == TileFormat::nf4) {
      spikes_nf4(nf4, bits.set(i++), y.data(), kN, kernel);
    } else {
      spikes_nvfp4(nvfp4, bits.set(i++), y.data(), kN, kernel);
    }
    benchmark::DoNotOptimize(y.data());
    benchmark::ClobberMemory();
  }
  const double seconds =
      static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC / static_cast<double>(state.iterations());
  const double touched = format == TileFormat::nf4 ? bits.touched(kNf4Block, 4) : bits.touched(Nvfp4Tiles::kBlock, 2);
  state.counters["GMAC/s"] = static_cast<double>(kN) * kK * rows / seconds * 1e-9;
  state.counters["touched_GB/s"] = touched / seconds * 1e-9;
  state.counters["of_stream"] = touched / seconds / neuract::bench::stream_bytes_per_second();
  state.counters["of_cached"] = touched / seconds / neuract::bench::stream_bytes_per_second(kWeightBytes);
  state.counters["chosen"] = faster_spike_kernel(format, isa, rows, bits.active, kK) == kernel ? 1.0 : 0.0;
  set_isa_for_testing(supported_isas().back());
}

double seconds_of(TileFormat format, const Rows& bits, std::vector<float>& y, SpikeKernel kernel) {
  double best = 1e9;
  for (std::size_t pass = 0; pass < 5; ++pass) {
    const auto start = std::chrono::steady_clock::now();
    if (format == TileFormat::nf4) {
      spikes_nf4(weights().nf4(), bits.set(pass), y.data(), kN, kernel);
    } else {
      spikes_nvfp4(weights().nvfp4(), bits.set(pass), y.data(), kN, kernel);
    }
    best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  return best;
}

/// The activity from which on the batched kernel is faster, as measured and as the library has it; 1 if never.
void switch_point(benchmark::State& state, Isa isa, TileFormat format, std::uint32_t rows) {
  set_isa_for_testing(isa);
  std::vector<float> y(std::size_t{rows} * kN);
  double measured = 1.0;
  double decided = 1.0;
  for (auto _ : state) {
    double low = 0.0;
    for (int halving = 0; halving < 7; ++halving) {
      const double middle = (low + measured) / 2;
      const Rows bits(rows, middle);
      const bool batched =
          seconds_of(format, bits, y, SpikeKernel::batched) < seconds_of(format, bits, y, SpikeKernel::event_driven);
      (batched ? measured : low) = middle;
    }
    for (std::uint64_t active = std::uint64_t{rows} * kK; active > 0; active -= rows * kK / 256) {
      if (faster_spike_kernel(format, isa, rows, active, kK) == SpikeKernel::event_driven) break;
      decided = static_cast<double>(active) / rows / kK;
    }
  }
  state.counters["measured"] = measured;
  state.counters["decided"] = decided;
  set_isa_for_testing(supported_isas().back());
}

void stream_ceiling(benchmark::State& state) {
  for (auto _ : state) neuract::bench::stream_bytes_per_second();
  state.counters["GB/s"] = neuract::bench::stream_bytes_per_second() * 1e-9;
  state.counters["cached_GB/s"] = neuract::bench::stream_bytes_per_second(kWeightBytes) * 1e-9;
}
BENCHMARK(stream_ceiling)->Iterations(1);

constexpr std::uint32_t kBenchRows[] = {1, 4, 16, 64, 128};

std::string name_of(TileFormat format) { return format == TileFormat::nf4 ? "nf4" : "nvfp4"; }

const bool kRegistered = [] {
  for (const Isa isa : supported_isas()) {
    for (const TileFormat format : {TileFormat::nf4, TileFormat::nvfp4}) {
      const std::string suffix = '/' + std::string(neuract::kernels::name_of(isa));
      for (const std::uint32_t rows : kBenchRows) {
        const std::string batch = suffix + "/M:" + std::to_string(rows);
        benchmark::RegisterBenchmark((name_of(format) + "/switch_point" + batch).c_str(), switch_point, isa, format,
                                     rows)
            ->Iterations(1)
            ->Unit(benchmark::kMillisecond);
        for (const SpikeKernel kernel : {SpikeKernel::event_driven, SpikeKernel::batched}) {
          for (const char* activity : {".01", ".02", ".05", ".1", ".2", ".5", "1"}) {
            const std::string name = name_of(format) + (kernel == SpikeKernel::batched ? "/batched" : "/event") +
                                     batch + "/activity:" + activity;
            benchmark::RegisterBenchmark(name.c_str(), spikes, isa, format, kernel, rows, std::atof(activity))
                ->Unit(benchmark::kMicrosecond);
          }
        }
      }
    }
  }
  return true;
}();

}  // namespace
