#include <benchmark/benchmark.h>

#include <filesystem>
#include <memory>

#include "neuract/snn/sonata_writer.hpp"

// Spikes per second from the pieces that cohorts deliver into spikes.h5 in the temporary directory (TMPDIR chooses
// another disk).
namespace neuract::snn {
namespace {

/// range(0): spikes of a cohort in one step; range(1): cohorts.
void record_spikes(benchmark::State& state) {
  constexpr std::uint32_t kCohort = 4096;
  const auto per_step = static_cast<std::uint32_t>(state.range(0));
  const auto cohorts = static_cast<std::uint32_t>(state.range(1));
  const auto directory = std::filesystem::temp_directory_path() / "neuract-recording-bench";
  NetworkSpec spec;
  spec.populations = {{"E", kCohort * cohorts, "iaf_psc_delta", {}}};
  spec.spike_recorders = {{0}};
  SpikeBatch batch{0, 0, 0, {0}, {}};
  for (std::uint32_t step = 0; step < 15; ++step) {
    for (std::uint32_t i = 0; i < per_step; ++i)
      batch.ids.push_back(static_cast<std::uint16_t>(i * (kCohort / per_step)));
    batch.offsets.push_back(static_cast<std::uint32_t>(batch.ids.size()));
  }
  auto writer = std::move(SonataWriter::create(spec, directory)).value();
  std::int64_t spikes = 0;
  for (auto _ : state) {
    for (std::uint32_t c = 0; c < cohorts; ++c) {
      batch.first = c * kCohort;
      writer->write(batch).value();
      spikes += static_cast<std::int64_t>(batch.ids.size());
    }
    batch.begin += 15;
  }
  writer->finish().value();
  state.SetItemsProcessed(spikes);
  std::filesystem::remove_all(directory);
}
BENCHMARK(record_spikes)->Args({1, 4})->Args({20, 4})->Args({100, 16});

}  // namespace
}  // namespace neuract::snn
