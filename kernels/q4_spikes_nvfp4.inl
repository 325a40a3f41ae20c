// Spikes through NVFP4 tiles; see q4_spikes.hpp for the sums and q4_spikes.cpp for what is handed in. Sums stand in the
// order of the scales, which is what falls out of a line's bytes without a shuffle, until the end.
namespace neuract::kernels::NEURACT_ISA {

/// y = sum · unit, back in the order of outputs.
[[gnu::always_inline]] static inline void nvfp4_finish(const std::int32_t* sums, const float* unit, float* y) noexcept {
  for (std::uint32_t o = 0; o < kTileOutputs; ++o) y[o] = static_cast<float>(sums[nvfp4_scale_position(o)]) * unit[o];
}

/// Between chunks the sums themselves stand in y, in the order of outputs.
[[gnu::always_inline]] static inline void nvfp4_keep(const std::int32_t* sums, float* y) noexcept {
  for (std::uint32_t o = 0; o < kTileOutputs; ++o) __builtin_memcpy(y + o, sums + nvfp4_scale_position(o), sizeof *y);
}
[[gnu::always_inline]] static inline void nvfp4_resume(const float* y, std::int32_t* sums) noexcept {
  for (std::uint32_t o = 0; o < kTileOutputs; ++o) __builtin_memcpy(sums + nvfp4_scale_position(o), y + o, sizeof *y);
}

static void nvfp4_event(const TileChunk<std::uint16_t>& tile, const ActiveInputs& active, const float* unit,
                        float* y) noexcept {
  alignas(64) std::int32_t sums[kTileOutputs] = {};
  if (!tile.first) nvfp4_resume(y, sums);
  const std::uint32_t* line = active.lines;
  for (std::uint32_t b = 0; b < active.n_blocks; ++b) {
    alignas(64) std::int16_t numbers[kTileOutputs] = {};
    for (const std::uint32_t* const end = line + active.blocks[b].count; line < end; ++line) {
      const std::uint8_t* const codes = tile.codes + *line;
      for (std::uint32_t x = 0; x < kTileLineBytes; ++x) {
        std::int16_t* const low = numbers + x % 2 * 32 + x / 2;
        low[0] = static_cast<std::int16_t>(low[0] + kNvfp4Numbers[codes[x] & 15]);
        low[64] = static_cast<std::int16_t>(low[64] + kNvfp4Numbers[codes[x] >> 4]);
      }
    }
    const std::uint16_t* const scales = tile.scales + std::size_t{active.blocks[b].block} * kTileOutputs;
    for (std::uint32_t o = 0; o < kTileOutputs; ++o) sums[o] += std::int32_t{numbers[o]} * std::int32_t{scales[o]};
  }
  if (tile.last) {
    nvfp4_finish(sums, unit, y);
  } else {
    nvfp4_keep(sums, y);
  }
}

/// Bytes of one half (low or high nibbles) of a line, and as 16-bit words.
typedef std::uint8_t Bytes __attribute__((vector_size(64)));
typedef std::uint16_t Words __attribute__((vector_size(64)));

[[gnu::always_inline]] static inline void nvfp4_numbers(Bytes& numbers, const std::uint8_t* line,
                                                        std::uint32_t half) noexcept {
  for (std::uint32_t x = 0; x < kTileLineBytes; ++x) {
    numbers[x] = static_cast<std::uint8_t>(kNvfp4Numbers[line[x] >> (4 * half) & 15]);
  }
}

/// All sums of the subsets of `inputs` inputs, each plus 12 · inputs, so that none is negative.
[[gnu::always_inline]] static inline void nvfp4_subset_sums(Bytes* sums, const std::uint8_t* lines,
                                                            std::uint32_t inputs, std::uint32_t half) noexcept {
  sums[0] = Bytes{} + static_cast<std::uint8_t>(12 * inputs);
  for (std::uint32_t i = 0; i < inputs; ++i) {
    Bytes numbers;
    nvfp4_numbers(numbers, lines + i * kTileLineBytes, half);
    for (std::uint32_t p = 0; p < 1u << i; ++p) sums[(1u << i) + p] = sums[p] + numbers;
  }
}

/// Three groups of three inputs fit a byte, 3 · 72, and so do one of three and one of four, 72 + 96.
static void nvfp4_batched(const WholeTile<std::uint16_t>& tile, const SpikeBits& s, const float* unit, float* y,
                          std::size_t ldy) noexcept {
  Bytes table[kGroupSums];
  alignas(64) std::uint32_t sums[kBatchedRows][kTileOutputs];  // modulo 2^32 until the bias is off
  alignas(64) std::uint32_t bias[kTileOutputs] = {};
  for (std::uint32_t m = 0; m < s.rows; ++m) __builtin_memset(sums[m], 0, sizeof sums[m]);
  for (std::uint32_t i = 0; i < tile.k; i += kGroupInputs) {
    const std::uint8_t* const lines = tile.codes + std::size_t{i} * kTileLineBytes;
    const std::uint16_t* const scales = tile.scales + std::size_t{i} / kGroupInputs * kTileOutputs;
    for (std::uint32_t o = 0; o < kTileOutputs; ++o) bias[o] += 12 * kGroupInputs * scales[o];
    for (std::uint32_t half = 0; half < 2; ++half) {
      for (std::uint32_t part = 0; part < 4; ++part) {
        nvfp4_subset_sums(table + 8 * part, lines + 3 * part * kTileLineBytes, 3, half);
      }
      nvfp4_subset_sums(table + 32, lines + 12 * kTileLineBytes, 4, half);
      for (std::uint32_t m = 0; m < s.rows; ++m) {
        const std::uint64_t bits = s.words[std::size_t{m} * s.stride + i / 64] >> i % 64;
        const Bytes nine = table[bits & 7] + table[8 + (bits >> 3 & 7)] + table[16 + (bits >> 6 & 7)];
        const Bytes seven = table[24 + (bits >> 9 & 7)] + table[32 + (bits >> 12 & 15)];
        const Words even = (reinterpret_cast<Words>(nine) & 0xff) + (reinterpret_cast<Words>(seven) & 0xff);
        const Words odd = (reinterpret_cast<Words>(nine) >> 8) + (reinterpret_cast<Words>(seven) >> 8);
        alignas(64) std::uint16_t words[64];
        __builtin_memcpy(words, &even, sizeof even);
        __builtin_memcpy(words + 32, &odd, sizeof odd);
        for (std::uint32_t o = 0; o < 64; ++o) {
          sums[m][64 * half + o] += std::uint32_t{words[o]} * std::uint32_t{scales[64 * half + o]};
        }
      }
    }
  }
  for (std::uint32_t m = 0; m < s.rows; ++m) {
    alignas(64) float out[kTileOutputs];
    alignas(64) std::int32_t exact[kTileOutputs];
    for (std::uint32_t o = 0; o < kTileOutputs; ++o) exact[o] = static_cast<std::int32_t>(sums[m][o] - bias[o]);
    nvfp4_finish(exact, unit, out);
    __builtin_memcpy(y + m * ldy, out, tile.outputs * sizeof(float));
  }
}

static constexpr Nvfp4SpikeKernels kNvfp4SpikeKernels = {&nvfp4_event, &nvfp4_batched};

}  // namespace neuract::kernels::NEURACT_ISA
