// Which inputs spike: as lists that the event-driven kernels walk through once per tile, and as words for the batched ones.
namespace neuract::kernels::NEURACT_ISA {

static std::uint32_t count_active(const std::uint64_t* bits, std::uint32_t words) noexcept {
  std::uint32_t active = 0;
  for (std::uint32_t i = 0; i < words; ++i) active += static_cast<std::uint32_t>(__builtin_popcountll(bits[i]));
  return active;
}

/// Writes the offsets of the lines that `bits` names, 16 inputs from `input` on, and returns their number. Up to 16
/// places are written, whatever the number.
[[gnu::always_inline]] static inline std::uint32_t list_lines(std::uint32_t* lines, std::uint32_t input,
                                                              std::uint32_t bits) noexcept {
#ifdef NEURACT_ISA_AVX512
  const __m512i lanes = _mm512_set_epi32(960, 896, 832, 768, 704, 640, 576, 512, 448, 384, 320, 256, 192, 128, 64, 0);
  const __m512i all = _mm512_add_epi32(lanes, _mm512_set1_epi32(static_cast<int>(input * kTileLineBytes)));
  _mm512_storeu_si512(lines, _mm512_maskz_compress_epi32(static_cast<__mmask16>(bits), all));
  return static_cast<std::uint32_t>(__builtin_popcount(bits));
#else
  std::uint32_t n = 0;
  for (; bits != 0; bits &= bits - 1) {
    lines[n++] = (input + static_cast<std::uint32_t>(__builtin_ctz(bits))) * kTileLineBytes;
  }
  return n;
#endif
}

/// Blocks of 16, 32 or 64 inputs, in ascending order.
static void list_in_order(const std::uint64_t* bits, std::uint32_t inputs, std::uint32_t block,
                          ActiveList& list) noexcept {
  const std::uint64_t whole = ~std::uint64_t{0} >> (64 - block);
  std::uint32_t n_lines = 0;
  std::uint32_t n_blocks = 0;
  for (std::uint32_t i = 0; i < inputs; i += block) {
    const std::uint64_t own = bits[i / 64] >> i % 64 & whole;
    const std::uint32_t before = n_lines;
    for (std::uint32_t g = 0; g < block; g += 16) {
      n_lines += list_lines(list.lines + n_lines, i + g, static_cast<std::uint32_t>(own >> g & 0xffff));
    }
    list.blocks[n_blocks] = {static_cast<std::uint16_t>(i / block), static_cast<std::uint16_t>(n_lines - before)};
    n_blocks += own != 0 ? 1 : 0;
  }
  list.n_lines = n_lines;
  list.n_blocks = n_blocks;
}

/// Blocks of 16 inputs, sorted by the number of active ones, so that the kernel's branches can be foretold. A block
/// with more than kMostInByte active ones is listed as two.
static void list_by_count(const std::uint64_t* bits, std::uint32_t inputs, ActiveList& list) noexcept {
  struct Part {
    std::uint16_t block;
    std::uint16_t bits;
  };
  Part parts[kMostParts];
  Part sorted[kMostParts];
  std::uint32_t n = 0;
  std::uint32_t ends[kMostInByte + 2] = {};
  for (std::uint32_t b = 0; b < inputs / 16; ++b) {
    const auto own = static_cast<std::uint32_t>(bits[b / 4] >> 16 * (b % 4) & 0xffff);
    const auto count = static_cast<std::uint32_t>(__builtin_popcount(own));
    if (count <= kMostInByte) {
      parts[n] = {static_cast<std::uint16_t>(b), static_cast<std::uint16_t>(own)};
      n += own != 0 ? 1 : 0;
      ++ends[count + 1];
    } else {
      for (const std::uint32_t half : {own & 0xff, own & 0xff00}) {
        parts[n++] = {static_cast<std::uint16_t>(b), static_cast<std::uint16_t>(half)};
        ++ends[__builtin_popcount(half) + 1];
      }
    }
  }
  list.n_single = ends[2];
  ends[1] = 0;
  for (std::uint32_t count = 1; count <= kMostInByte; ++count) ends[count + 1] += ends[count];
  for (std::uint32_t p = 0; p < n; ++p) sorted[ends[__builtin_popcount(parts[p].bits)]++] = parts[p];
  std::uint32_t n_lines = 0;
  for (std::uint32_t p = 0; p < n; ++p) {
    const std::uint32_t count = list_lines(list.lines + n_lines, 16u * sorted[p].block, sorted[p].bits);
    list.blocks[p] = {sorted[p].block, static_cast<std::uint16_t>(count)};
    n_lines += count;
  }
  list.n_lines = n_lines;
  list.n_blocks = n;
}

/// The next eight words of every row, word by word: rows lie a power of two apart and would fall on the same few lines
/// of the first-level cache.
[[gnu::always_inline]] static inline void copy_words(std::uint64_t (&words)[8][kBatchedRows], const SpikeBits& s,
                                                     std::uint32_t first, std::uint32_t k) noexcept {
  const std::uint32_t n = (k + 63) / 64 - first < 8 ? (k + 63) / 64 - first : 8;
  for (std::uint32_t m = 0; m < s.rows; ++m) {
    for (std::uint32_t i = 0; i < n; ++i) words[i][m] = s.words[std::size_t{m} * s.stride + first + i];
  }
}

static constexpr ListKernels kListKernels = {&count_active, &list_in_order, &list_by_count};

}  // namespace neuract::kernels::NEURACT_ISA
