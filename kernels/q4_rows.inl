namespace neuract::kernels::NEURACT_ISA {

/// levels[j] of the codes of outputs 16j … 16j + 15 of a line.
static inline void add_nf4_line(float* __restrict sum, const std::uint8_t* line, const float* scales,
                                std::uint32_t block) noexcept {
  for (std::uint32_t t = 0; t < kTileOutputs; ++t) {
    sum[t] += kNf4Levels[tile_code(line, t)] * scales[t / block];
  }
}

static void rows_nf4(const Nf4Rows& w, const ActiveLists& active, float* y, std::size_t ldy) noexcept {
  const std::size_t tiles = tiles_of(w.n);
  const std::size_t scales = kTileOutputs / w.block;
  for (std::size_t tile = 0; tile < tiles; ++tile) {
    const std::size_t first = tile * kTileOutputs;
    for (std::uint32_t m = 0; m < active.rows; ++m) {
      float sum[kTileOutputs] = {};
      for (std::uint32_t a = active.offsets[m]; a < active.offsets[m + 1]; ++a) {
        const std::size_t line = active.ids[a] * tiles + tile;
        add_nf4_line(sum, w.codes + line * kTileLineBytes, w.scales + line * scales, w.block);
      }
      for (std::size_t t = 0; t < kTileOutputs && first + t < w.n; ++t) y[m * ldy + first + t] = sum[t];
    }
  }
}

static void rows_nvfp4(const Nvfp4Rows& w, const ActiveLists& active, float* y, std::size_t ldy) noexcept {
  const std::size_t tiles = tiles_of(w.n);
  for (std::size_t tile = 0; tile < tiles; ++tile) {
    const std::size_t first = tile * kTileOutputs;
    for (std::uint32_t m = 0; m < active.rows; ++m) {
      float sum[kTileOutputs] = {};
      for (std::uint32_t a = active.offsets[m]; a < active.offsets[m + 1]; ++a) {
        const std::size_t line = active.ids[a] * tiles + tile;
        for (std::uint32_t t = 0; t < kTileOutputs; ++t) {
          sum[t] += static_cast<float>(kE2m1Doubles[tile_code(w.codes + line * kTileLineBytes, t)]) *
                    e4m3_magnitude(w.scales[line * 8 + t / 16]);
        }
      }
      for (std::size_t t = 0; t < kTileOutputs && first + t < w.n; ++t) y[m * ldy + first + t] = sum[t] * w.unit;
    }
  }
}

static void rows_f32(const F32Rows& w, const ActiveLists& active, float* y, std::size_t ldy) noexcept {
  constexpr std::size_t kPiece = 128;
  for (std::size_t first = 0; first < w.n; first += kPiece) {
    const std::size_t n = w.n - first < kPiece ? w.n - first : kPiece;
    for (std::uint32_t m = 0; m < active.rows; ++m) {
      float sum[kPiece] = {};
      for (std::uint32_t a = active.offsets[m]; a < active.offsets[m + 1]; ++a) {
        const float* const row = w.weights + active.ids[a] * w.stride + first;
        for (std::size_t t = 0; t < n; ++t) sum[t] += row[t];
      }
      for (std::size_t t = 0; t < n; ++t) y[m * ldy + first + t] = sum[t];
    }
  }
}

static constexpr RowKernels kRowKernels = {&rows_nf4, &rows_nvfp4, &rows_f32};

}  // namespace neuract::kernels::NEURACT_ISA
