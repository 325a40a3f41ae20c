namespace neuract::snn::NEURACT_ISA {

static void encode(const double* __restrict thresholds, const double* __restrict values, std::size_t n,
                   std::uint8_t* __restrict codes) noexcept {
  constexpr std::size_t kBlock = 64;
  alignas(64) std::int64_t counts[kBlock];
  for (std::size_t begin = 0; begin < n; begin += kBlock) {
    const std::size_t count = n - begin < kBlock ? n - begin : kBlock;
    for (std::size_t i = 0; i < count; ++i) {
      const double value = values[begin + i];
      std::int64_t above = 0;
      for (int k = 0; k < 15; ++k) above += value >= thresholds[k] ? 1 : 0;
      counts[i] = above;
    }
    for (std::size_t i = 0; i < count; ++i) codes[begin + i] = static_cast<std::uint8_t>(counts[i]);
  }
}

}  // namespace neuract::snn::NEURACT_ISA
