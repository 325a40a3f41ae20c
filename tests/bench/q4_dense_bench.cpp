#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "neuract/kernels/isa.hpp"
#include "neuract/kernels/matmul.hpp"
#include "neuract/kernels/q4_dense.hpp"
#include "neuract/kernels/q4_integer_rows.hpp"
#include "neuract/kernels/q4_rows.hpp"
#include "neuract/kernels/q4_tiles.hpp"
#include "stream_ceiling.hpp"

// Dense 4-bit weights on one core.
//
// dense/FORMAT/OUTPUTS x INPUTS/rows:M, activations in f32:
//   GB/s              of weights, 0.5625 bytes each, whatever the kernel reads
//   of_memory_stream  that over what the core streams from memory
//   of_stream         that over what it streams from as many bytes as the weights have
//   GMAC/s            multiplications and additions
// rows/FORMAT/active:A, 4096 sources and 4096 targets, four such matrices in turn, A sources active in a step:
//   events/s          synaptic events
namespace {

using namespace neuract::kernels;
using neuract::bench::stream_bytes_per_second;

constexpr double kBytesOfWeight = 0.5625;

/// Random contents, aligned to huge pages.
template <class T>
class Array {
 public:
  template <class Draw>
  Array(std::size_t size, Draw draw)
      : data_(static_cast<T*>(std::aligned_alloc(kHuge, (size * sizeof(T) + kHuge - 1) / kHuge * kHuge)), &std::free) {
    std::generate_n(data_.get(), size, draw);
  }
  T* data() const { return data_.get(); }

 private:
  static constexpr std::size_t kHuge = std::size_t{1} << 21;
  std::unique_ptr<T, void (*)(void*)> data_;
};

struct Random {
  std::mt19937_64 engine{1};
  std::uint64_t operator()() { return engine(); }
  float operator()(float low, float high) { return low + (high - low) * static_cast<float>(engine() >> 40) * 0x1p-24f; }
};

/// The same codes serve both formats.
struct Matrix {
  std::uint32_t n;
  std::uint32_t k;
  Random random;
  Array<std::uint64_t> codes{std::size_t{n} * k / 16, [this] { return random(); }};
  Array<float> nf4_scales{std::size_t{n} * k / 64, [this] { return random(0.5f, 1.5f); }};
  Array<std::uint16_t> nvfp4_scales{std::size_t{n} * k / 16,
                                    [this] { return static_cast<std::uint16_t>(random() % 32768); }};
  Array<float> unit{n, [this] { return random(1e-4f, 2e-4f); }};

  [[nodiscard]] const std::uint8_t* lines() const { return reinterpret_cast<const std::uint8_t*>(codes.data()); }
  [[nodiscard]] Nf4Tiles nf4() const { return {n, k, 64, lines(), nf4_scales.data()}; }
  [[nodiscard]] Nvfp4Tiles nvfp4() const { return {n, k, lines(), nvfp4_scales.data(), unit.data()}; }
};

/// Only one is kept: the large ones would crowd out each other.
const Matrix& matrix(std::uint32_t n, std::uint32_t k) {
  static std::unique_ptr<Matrix> kept;
  if (!kept || kept->n != n || kept->k != k) {
    kept.reset();
    kept.reset(new Matrix{n, k, {}});
  }
  return *kept;
}

benchmark::Counter a_second(double amount) { return {amount, benchmark::Counter::kIsIterationInvariantRate}; }

template <class Multiply>
void run_dense(benchmark::State& state, std::uint32_t n, std::uint32_t k, std::uint32_t rows, Multiply multiply) {
  Random random;
  const Array<float> x(std::size_t{rows} * k, [&] { return random(-1.0f, 1.0f); });
  const Array<float> y(std::size_t{rows} * n, [] { return 0.0f; });
  for (auto _ : state) {
    multiply(x.data(), y.data());
    benchmark::ClobberMemory();
  }
  const double bytes = kBytesOfWeight * n * k;
  state.counters["GMAC/s"] = a_second(1e-9 * n * k * rows);
  if (rows != 1) return;
  state.counters["GB/s"] = a_second(1e-9 * bytes);
  state.counters["of_memory_stream"] = a_second(bytes / stream_bytes_per_second());
  state.counters["of_stream"] = a_second(bytes / stream_bytes_per_second(static_cast<std::size_t>(bytes)));
}

void dense(benchmark::State& state, bool nvfp4, Isa isa, std::uint32_t n, std::uint32_t k, std::uint32_t rows) {
  set_isa_for_testing(isa);
  const Matrix& w = matrix(n, k);
  run_dense(state, n, k, rows, [&](const float* x, float* y) {
    if (nvfp4) {
      dense_nvfp4(w.nvfp4(), x, rows, k, y, n);
    } else {
      dense_nf4(w.nf4(), x, rows, k, y, n);
    }
  });
  set_isa_for_testing(supported_isas().back());
}

/// What dequantised weights go through.
void dense_f32(benchmark::State& state, std::uint32_t n, std::uint32_t k, std::uint32_t rows) {
  Random random;
  const Array<float> w(std::size_t{n} * k, [&] { return random(-1.0f, 1.0f); });
  run_dense(state, n, k, rows, [&](const float* x, float* y) { matmul(x, k, w.data(), k, y, n, rows, n, k); });
}

enum class Format { nf4, nvfp4, f32 };

void rows(benchmark::State& state, Format format, Isa isa, std::uint32_t active) {
  constexpr std::uint32_t kN = 4096;
  constexpr std::uint32_t kMatrices = 4;
  constexpr std::uint32_t kSteps = 1024;
  set_isa_for_testing(isa);
  Random random;
  const std::size_t all = std::size_t{kMatrices} * kN * kN;
  const bool f32 = format == Format::f32;
  const Array<std::uint64_t> codes(f32 ? 0 : all / 16, [&] { return random(); });
  const Array<float> nf4_scales(f32 ? 0 : all / 64, [&] { return random(0.5f, 1.5f); });
  const Array<std::uint8_t> multiples(f32 ? 0 : all / 16, [&] { return static_cast<std::uint8_t>(random() % 225); });
  const Array<float> weights(f32 ? all : 0, [&] { return random(-1.0f, 1.0f); });
  std::vector<std::uint32_t> ids;
  for (std::uint32_t step = 0; step < kSteps; ++step) {
    for (std::uint32_t a = 0; a < active; ++a) ids.push_back(static_cast<std::uint32_t>(random() % kN));
    std::sort(ids.end() - active, ids.end());
  }
  std::vector<float> y(kN);
  const std::uint32_t offsets[2] = {0, active};
  std::uint32_t step = 0;
  for (auto _ : state) {
    const std::size_t first = std::size_t{step % kMatrices} * kN * kN;
    const ActiveLists lists{offsets, ids.data() + std::size_t{step % kSteps} * active, 1};
    const auto* const lines = reinterpret_cast<const std::uint8_t*>(codes.data()) + first / 2;
    switch (format) {
      case Format::nf4: rows_nf4({kN, kN, 64, lines, nf4_scales.data() + first / 64}, lists, y.data(), kN); break;
      case Format::nvfp4:
        rows_nvfp4({kN, kN, lines, multiples.data() + first / 16, nullptr, 1, 0.5f}, lists, y.data(), kN);
        break;
      case Format::f32: rows_f32({kN, kN, weights.data() + first, kN}, lists, y.data(), kN); break;
    }
    benchmark::ClobberMemory();
    ++step;
  }
  state.counters["events/s"] = a_second(static_cast<double>(active) * kN);
  set_isa_for_testing(supported_isas().back());
}

void stream(benchmark::State& state, std::size_t working_set) {
  for (auto _ : state) stream_bytes_per_second(working_set);
  state.counters["GB/s"] = stream_bytes_per_second(working_set) * 1e-9;
}

template <class... Arguments>
void add(const std::string& name, Arguments... arguments) {
  benchmark::RegisterBenchmark(name.c_str(), arguments...)->Unit(benchmark::kMicrosecond);
}

const bool kRegistered = [] {
  constexpr std::pair<std::uint32_t, std::uint32_t> kSizes[] = {{4096, 4096}, {16384, 8192}, {8192, 16384}};
  add("stream/memory", stream, std::size_t{256} << 20);
  add("stream/9MB", stream, std::size_t{9437184});
  for (const auto& [n, k] : kSizes) {
    const std::string size = std::to_string(n) + "x" + std::to_string(k);
    for (const std::uint32_t m : {1u, 4u, 16u, 128u}) {
      if (m != 1 && n != 4096) continue;
      const std::string end = size + "/rows:" + std::to_string(m);
      for (const Isa isa : supported_isas()) {
        if (isa == Isa::base && (m != 1 || n != 4096)) continue;  // plain loops, for other processors
        const std::string variant = "/" + end + "/" + std::string(name_of(isa));
        add("dense/nf4" + variant, dense, false, isa, n, k, m);
        add("dense/nvfp4" + variant, dense, true, isa, n, k, m);
      }
      add("dense/f32_blas/" + end, dense_f32, n, k, m);
    }
  }
  for (const Isa isa : supported_isas()) {
    for (const std::uint32_t active : {8u, 64u}) {
      const std::string end = "/active:" + std::to_string(active) + "/" + std::string(name_of(isa));
      add("rows/nf4" + end, rows, Format::nf4, isa, active);
      add("rows/nvfp4" + end, rows, Format::nvfp4, isa, active);
      add("rows/f32" + end, rows, Format::f32, isa, active);
    }
  }
  return true;
}();

}  // namespace
