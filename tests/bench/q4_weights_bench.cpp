#include <benchmark/benchmark.h>

#include <cstdint>
#include <random>
#include <string>

#include "neuract/q4/quantization_error.hpp"
#include "neuract/q4/weight.hpp"

/// Quantising and dequantising a weight of 4096 x 4096, one thread. items_per_second counts weights.
namespace neuract::q4 {
namespace {

memory::Tensor sample() {
  constexpr std::int64_t kSide = 4096;
  auto tensor = memory::Tensor::zeros(memory::DType::f32, {kSide, kSide}).value();
  std::mt19937 engine(1);
  std::normal_distribution<float> normal;
  const auto span = tensor.span<float>().value();
  for (float& x : span) x = normal(engine);
  return tensor;
}

template <class F>
void run(benchmark::State& state, F f) {
  const memory::Tensor x = sample();
  const auto format = static_cast<Format>(state.range(0));
  const QuantizedWeight weight = quantize(x, format).value();
  for ([[maybe_unused]] const auto& step : state) benchmark::DoNotOptimize(f(x, format, weight));
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()) * x.size());
  state.SetLabel(std::string(traits_of(format).name));
}

void quantize_weight(benchmark::State& state) {
  run(state, [](const auto& x, Format format, const auto&) { return quantize(x, format).value().bytes(); });
}
void dequantize_weight(benchmark::State& state) {
  run(state, [](const auto&, Format, const auto& weight) { return dequantize(weight).value().bytes(); });
}
void measure_error(benchmark::State& state) {
  run(state, [](const auto& x, Format, const auto& weight) { return quantization_error(x, weight).value().mean; });
}

BENCHMARK(quantize_weight)->Arg(0)->Arg(1)->Unit(benchmark::kMillisecond);
BENCHMARK(dequantize_weight)->Arg(0)->Arg(1)->Unit(benchmark::kMillisecond);
BENCHMARK(measure_error)->Arg(0)->Arg(1)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace neuract::q4
