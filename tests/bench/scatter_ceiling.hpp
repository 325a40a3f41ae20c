#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace neuract::bench {

/// What one core of this machine can do at best with synapses of a 16-bit target: rows of 1000 targets are read in
/// order from an array larger than the caches, and each adds one number to one of 10,000 sums. The best of five passes.
/// Synaptic events a second.
inline double scatter_events_per_second() {
  static constexpr std::size_t kEvents = std::size_t{16} << 20;
  static const std::vector<std::uint16_t> targets = [] {
    std::vector<std::uint16_t> random(kEvents);
    std::uint32_t x = 1;
    for (std::size_t i = 0; i < kEvents; i += 1000) {
      const std::size_t end = std::min(kEvents, i + 1000);
      for (std::size_t j = i; j < end; ++j) {
        x = x * 1664525u + 1013904223u;
        random[j] = static_cast<std::uint16_t>((x >> 8) % 10000);
      }
      std::sort(random.begin() + static_cast<std::ptrdiff_t>(i), random.begin() + static_cast<std::ptrdiff_t>(end));
    }
    return random;
  }();
  static std::vector<std::int32_t> sums(10000);
  double best = 0.0;
  for (int pass = 0; pass < 5; ++pass) {
    const auto start = std::chrono::steady_clock::now();
    std::int32_t* const sum = sums.data();
    for (const std::uint16_t target : targets) sum[target] += 3;
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    best = std::max(best, static_cast<double>(kEvents) / seconds);
  }
  return best;
}

}  // namespace neuract::bench
