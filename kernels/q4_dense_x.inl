namespace neuract::kernels::NEURACT_ISA {

// x as whole multiples of a unit. Plain loops: they cost a part in a thousand of the products.

/// q[i] = x[i] / unit to the nearest integer, ties to even; n is a multiple of 16. Zeros and NaN where x is not finite.
static inline float round_to_units(const float* __restrict x, std::uint32_t n, float unit, bool finite,
                                   std::int16_t* __restrict q) noexcept {
  if (!finite) {
    for (std::uint32_t i = 0; i < n; ++i) q[i] = 0;
    return std::numeric_limits<float>::quiet_NaN();
  }
  if (!(unit > kSmallestUnit)) unit = kSmallestUnit;
  const float inverse = 1.0f / unit;
  for (std::uint32_t i = 0; i < n; i += 16) {
    for (std::uint32_t j = i; j < i + 16; ++j) {
      const float shifted = x[j] * inverse + 0x1.8p23f;  // floats around 2^23 are 1 apart
      q[j] = static_cast<std::int16_t>(std::bit_cast<std::uint32_t>(shifted));
    }
  }
  return unit;
}

/// Blocks of one row: q[k], unit[k / block]. The magnitudes of a chain's multiples add up to 32767 at most.
static void prepare_row(const float* __restrict x, std::uint32_t k, std::uint32_t block, std::int16_t* __restrict q,
                        float* __restrict unit) noexcept {
  for (std::uint32_t b = 0; b < k / block; ++b) {
    const float* const from = x + b * block;
    float largest = 0.0f;
    float all = 0.0f;
    for (std::uint32_t c = 0; c < block; c += kChain) {
      float pair[4];
      for (int i = 0; i < 4; ++i) pair[i] = std::fabs(from[c + i]) * 0.125f + std::fabs(from[c + 4 + i]) * 0.125f;
      const float mean = (pair[0] + pair[1]) + (pair[2] + pair[3]);
      largest = mean > largest ? mean : largest;
      all += mean * 0.125f;
    }
    const bool finite = all <= std::numeric_limits<float>::max();
    unit[b] = round_to_units(from, block, largest * (8.0f / kChainLimit), finite, q + b * block);
  }
}

/// Pieces of many rows: q[k / 64][rows][64], unit[k / 64][rows]; multiples up to ± limit. The last piece may be partial.
static void prepare_batch(const float* __restrict x, std::size_t ldx, std::uint32_t rows, std::uint32_t k, float limit,
                          std::int16_t* __restrict q, float* __restrict unit) noexcept {
  for (std::uint32_t i = 0; i < k; i += kPiece) {
    const std::uint32_t n = k - i < kPiece ? k - i : kPiece;
    for (std::uint32_t m = 0; m < rows; ++m) {
      const float* const from = x + m * ldx + i;
      std::uint32_t largest = 0;  // as bits, which order as the numbers do; infinity and NaN come last
      for (std::uint32_t j = 0; j < n; j += 16) {
        for (std::uint32_t l = j; l < j + 16; ++l) {
          const std::uint32_t magnitude = std::bit_cast<std::uint32_t>(from[l]) & 0x7fff'ffffu;
          largest = magnitude > largest ? magnitude : largest;
        }
      }
      *unit++ = round_to_units(from, n, std::bit_cast<float>(largest) * (1.0f / limit), largest < 0x7f80'0000u, q);
      q += kPiece;
    }
  }
}

}  // namespace neuract::kernels::NEURACT_ISA
