#pragma once

#include <sys/mman.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>

namespace neuract::bench {

/// Cache lines a second that one core reads at random places of `bytes` (a power of two, larger than any cache), which
/// it knows in advance, so that as many are under way as the core can hold. Huge pages where the system gives them, as
/// the synapses have. The best of five passes.
inline double random_lines_per_second(std::size_t bytes = std::size_t{512} << 20) {
  constexpr std::size_t kHuge = std::size_t{1} << 21;
  constexpr std::size_t kLine = 64;
  constexpr std::size_t kReads = std::size_t{1} << 22;
  const std::unique_ptr<std::byte, void (*)(void*)> data(static_cast<std::byte*>(std::aligned_alloc(kHuge, bytes)),
                                                         &std::free);
  madvise(data.get(), bytes, MADV_HUGEPAGE);
  std::memset(data.get(), 1, bytes);

  const std::uint64_t lines = bytes / kLine;
  double best = 0.0;
  std::uint64_t x = 1;
  for (int pass = 0; pass < 5; ++pass) {
    std::uint64_t sum = 0;
    const auto start = std::chrono::steady_clock::now();
    for (std::size_t i = 0; i < kReads; ++i) {
      x = x * 6364136223846793005u + 1442695040888963407u;
      sum += std::to_integer<std::uint64_t>(data.get()[((x >> 20) & (lines - 1)) * kLine]);
    }
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    [[maybe_unused]] static volatile std::uint64_t sink;
    sink = sum;
    best = std::max(best, static_cast<double>(kReads) / seconds);
  }
  return best;
}

}  // namespace neuract::bench
