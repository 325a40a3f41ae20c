namespace neuract::kernels::NEURACT_ISA {

static void dense_nf4(const Nf4Tiles& w, const float* x, std::uint32_t rows, std::size_t ldx, float* y,
                      std::size_t ldy) noexcept {
  for (std::uint32_t m = 0; m < rows; ++m) {
    for (std::uint32_t o = 0; o < w.n; ++o) {
      const std::size_t tile = o / kTileOutputs;
      const std::uint32_t t = o % kTileOutputs;
      float sum = 0.0f;
      for (std::uint32_t i = 0; i < w.k; ++i) {
        const std::uint8_t code = tile_code(w.codes + (tile * w.k + i) * kTileLineBytes, t);
        const float scale = w.scales[(tile * (w.k / w.block) + i / w.block) * kTileOutputs + t];
        sum += kNf4Levels[code] * scale * x[m * ldx + i];
      }
      y[m * ldy + o] = sum;
    }
  }
}

static void dense_nvfp4(const Nvfp4Tiles& w, const float* x, std::uint32_t rows, std::size_t ldx, float* y,
                        std::size_t ldy) noexcept {
  for (std::uint32_t m = 0; m < rows; ++m) {
    for (std::uint32_t o = 0; o < w.n; ++o) {
      const std::size_t tile = o / kTileOutputs;
      const std::uint32_t t = o % kTileOutputs;
      float sum = 0.0f;
      for (std::uint32_t i = 0; i < w.k; ++i) {
        const std::uint8_t code = tile_code(w.codes + (tile * w.k + i) * kTileLineBytes, t);
        const std::uint16_t scale = w.scales[(tile * (w.k / 16) + i / 16) * kTileOutputs + nvfp4_scale_position(t)];
        sum += static_cast<float>(kE2m1Doubles[code] * scale) * x[m * ldx + i];
      }
      y[m * ldy + o] = sum * w.unit[o];
    }
  }
}

static constexpr DenseKernels kDenseKernels = {&dense_nf4, &dense_nvfp4};

}  // namespace neuract::kernels::NEURACT_ISA
