#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>

namespace neuract::bench {

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define NEURACT_BENCH_WIDEST [[gnu::target_clones("avx512f", "avx2", "default")]]
#else
#define NEURACT_BENCH_WIDEST
#endif

/// Sum of all words, four loads of the widest vectors at a time, with what lies `ahead` of them fetched unless that is
/// 0; bytes is a multiple of 256.
NEURACT_BENCH_WIDEST [[gnu::noinline, maybe_unused]] static std::uint64_t sum_of_words(const char* data,
                                                                                       std::size_t bytes,
                                                                                       std::size_t ahead) {
  using Words = std::uint64_t __attribute__((vector_size(64)));
  Words sum[4] = {};
  for (const char* p = data; p < data + bytes; p += sizeof sum) {
    for (std::size_t i = 0; ahead != 0 && i < sizeof sum; i += 64) __builtin_prefetch(p + ahead + i);
    for (std::size_t i = 0; i < 4; ++i) {
      Words words;
      __builtin_memcpy(&words, p + i * sizeof words, sizeof words);
      sum[i] += words;
    }
  }
  const Words all = sum[0] + sum[1] + sum[2] + sum[3];
  return all[0] + all[1] + all[2] + all[3] + all[4] + all[5] + all[6] + all[7];
}

/// Bytes a second that one core reads in order from `working_set` bytes, again and again: the best of many trials, each
/// of 64 MB or more. The default is larger than any cache. Measured once a size and program.
inline double stream_bytes_per_second(std::size_t working_set = std::size_t{256} << 20) {
  static std::map<std::size_t, double> known;
  double& best = known[working_set];
  if (best > 0.0) return best;

  constexpr std::size_t kHuge = std::size_t{1} << 21;
  const std::size_t bytes = std::max<std::size_t>(working_set / 256, 1) * 256;
  const std::unique_ptr<char, void (*)(void*)> data(
      static_cast<char*>(std::aligned_alloc(kHuge, (bytes + kHuge - 1) / kHuge * kHuge)), &std::free);
  std::memset(data.get(), 1, bytes);

  const std::size_t passes = std::max<std::size_t>(1, (std::size_t{64} << 20) / bytes);
  for (int trial = 0; trial < 16; ++trial) {
    const std::size_t ahead = trial % 2 == 0 ? 0 : 4096;  // hardware may do as well alone
    std::uint64_t sum = 0;
    const auto start = std::chrono::steady_clock::now();
    for (std::size_t pass = 0; pass < passes; ++pass) sum += sum_of_words(data.get(), bytes, ahead);
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    [[maybe_unused]] static volatile std::uint64_t sink;
    sink = sum;
    best = std::max(best, static_cast<double>(bytes) * static_cast<double>(passes) / seconds);
  }
  return best;
}

}  // namespace neuract::bench
