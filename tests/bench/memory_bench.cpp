// What the building blocks of memory/ cost: snapshots while a writer publishes, publishing, allocation, and reading at
// random with huge pages.

#include <benchmark/benchmark.h>

#include <atomic>
#include <cstring>
#include <memory>
#include <optional>
#include <thread>

#include "neuract/memory/copy.hpp"
#include "neuract/memory/host_array.hpp"
#include "neuract/memory/stream.hpp"
#include "neuract/memory/versioned.hpp"

namespace {

using namespace neuract::memory;
using State = Versioned<Tensor>;

/// Publishes as fast as it can until it goes away.
class BusyWriter {
 public:
  BusyWriter()
      : state_(State::create("state", DType::f32, {1024}, 16).value()), writer_(state_.claim_writer("writer").value()) {
    publish();
    thread_ = std::thread([this] {
      while (!done_.load(std::memory_order_relaxed)) publish();
    });
  }
  ~BusyWriter() {
    done_ = true;
    thread_.join();
  }
  [[nodiscard]] const State& state() const { return state_; }

 private:
  void publish() {
    const Tensor draft = writer_.begin(writer_.version(), State::Contents::unspecified).value();
    std::memset(draft.data(), 0, draft.bytes());
    benchmark::DoNotOptimize(writer_.publish(0));
  }

  State state_;
  State::Writer writer_;
  std::atomic<bool> done_ = false;
  std::thread thread_;
};

/// Snapshots per second of one or more readers; items are snapshots, taken, looked at and released.
void snapshots_without_a_writer(benchmark::State& run) {
  static const State state = [] {
    State made = State::create("state", DType::f32, {1024}).value();
    auto writer = made.claim_writer("writer").value();
    (void)writer.begin(0).value();
    (void)writer.publish(0).value();
    return made;
  }();
  for (auto _ : run) {
    const auto snapshot = state.snapshot();
    benchmark::DoNotOptimize(snapshot->version());
  }
  run.SetItemsProcessed(run.iterations());
}
BENCHMARK(snapshots_without_a_writer)->Threads(1)->Threads(2)->UseRealTime();

std::unique_ptr<BusyWriter> busy_writer;
void snapshots_with_a_busy_writer(benchmark::State& run) {
  std::uint64_t sum = 0;
  const std::uint64_t before = busy_writer->state().version();
  for (auto _ : run) {
    const auto snapshot = busy_writer->state().snapshot();
    sum += snapshot->version();
  }
  benchmark::DoNotOptimize(sum);
  run.SetItemsProcessed(run.iterations());
  if (run.thread_index() == 0)
    run.counters["published"] =
        benchmark::Counter(static_cast<double>(busy_writer->state().version() - before), benchmark::Counter::kIsRate);
}
BENCHMARK(snapshots_with_a_busy_writer)
    ->Setup([](const benchmark::State&) { busy_writer = std::make_unique<BusyWriter>(); })
    ->Teardown([](const benchmark::State&) { busy_writer.reset(); })
    ->Threads(1)
    ->Threads(2)
    ->UseRealTime();

/// begin + publish without readers: the price of a version beyond writing its elements.
void publish(benchmark::State& run) {
  const State state = State::create("state", DType::f32, {run.range(0)}).value();
  auto writer = state.claim_writer("writer").value();
  const auto contents = run.range(1) != 0 ? State::Contents::latest : State::Contents::unspecified;
  for (auto _ : run) {
    benchmark::DoNotOptimize(writer.begin(writer.version(), contents).value().data());
    benchmark::DoNotOptimize(writer.publish(0).value());
  }
  run.SetItemsProcessed(run.iterations());
}
BENCHMARK(publish)->ArgNames({"elements", "copy_latest"})->Args({1024, 0})->Args({1024, 1})->Args({1 << 20, 1});

/// Reads a random element of a table again and again: the TLB decides. `huge` is how HostArray allocates, the other an
/// array of the C library.
void random_reads(benchmark::State& run) {
  const auto size = static_cast<std::size_t>(run.range(0)) << 20;
  const bool huge = run.range(1) != 0;
  std::optional<HostArray<std::uint64_t>> array;
  std::unique_ptr<std::uint64_t[]> plain;
  std::uint64_t* data = nullptr;
  if (huge)
    data = array.emplace(HostArray<std::uint64_t>::zeros(size / 8).value()).data();
  else
    data = (plain = std::make_unique<std::uint64_t[]>(size / 8)).get();
  for (std::size_t i = 0; i < size / 8; ++i) data[i] = i;
  std::uint64_t random = 1, sum = 0;
  for (auto _ : run) {
    random = random * 6364136223846793005U + 1442695040888963407U;
    sum += data[(random >> 33) % (size / 8)];
  }
  benchmark::DoNotOptimize(sum);
  run.SetItemsProcessed(run.iterations());
}
BENCHMARK(random_reads)->ArgNames({"MiB", "huge"})->Args({256, 0})->Args({256, 1});

void allocate_and_touch(benchmark::State& run) {
  const auto bytes = static_cast<std::size_t>(run.range(0));
  for (auto _ : run) {
    auto array = HostArray<std::uint8_t>::zeros(bytes).value();
    for (std::size_t i = 0; i < bytes; i += 4096) array[i] = 1;
    benchmark::DoNotOptimize(array.data());
  }
  run.SetBytesProcessed(run.iterations() * run.range(0));
}
BENCHMARK(allocate_and_touch)->Arg(4096)->Arg(1 << 20)->Arg(64 << 20);

/// Turning a matrix round is the worst strided copy.
void copy_transposed(benchmark::State& run) {
  const Tensor from = Tensor::zeros(DType::f32, {run.range(0), run.range(0)}).value();
  const Tensor to = Tensor::zeros(DType::f32, {run.range(0), run.range(0)}).value();
  const Tensor turned = from.transpose(0, 1).value();
  for (auto _ : run) benchmark::DoNotOptimize(copy(turned, to).has_value());
  run.SetBytesProcessed(run.iterations() * static_cast<std::int64_t>(from.bytes()));
}
BENCHMARK(copy_transposed)->Arg(64)->Arg(1024);

/// From submission to the answer, on an idle stream.
void stream_round_trip(benchmark::State& run) {
  Stream stream = Stream::create().value();
  for (auto _ : run) {
    stream.submit([]() -> neuract::Result<void> { return {}; });
    benchmark::DoNotOptimize(stream.synchronize().has_value());
  }
}
BENCHMARK(stream_round_trip)->UseRealTime();

}  // namespace
