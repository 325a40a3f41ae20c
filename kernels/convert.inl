namespace neuract::kernels::NEURACT_ISA {

static void f16_to_f32(const Float16* __restrict x, float* __restrict y, std::size_t n) noexcept {
  for (std::size_t i = 0; i < n; ++i) y[i] = to_f32(x[i]);
}

static void bf16_to_f32(const BFloat16* __restrict x, float* __restrict y, std::size_t n) noexcept {
  for (std::size_t i = 0; i < n; ++i) y[i] = to_f32(x[i]);
}

static void f32_to_f16(const float* __restrict x, Float16* __restrict y, std::size_t n) noexcept {
  for (std::size_t i = 0; i < n; ++i) y[i] = to_f16(x[i]);
}

static void f32_to_bf16(const float* __restrict x, BFloat16* __restrict y, std::size_t n) noexcept {
  for (std::size_t i = 0; i < n; ++i) y[i] = to_bf16(x[i]);
}

static constexpr ConvertKernels kConvertKernels = {&f16_to_f32, &bf16_to_f32, &f32_to_f16, &f32_to_bf16};

}  // namespace neuract::kernels::NEURACT_ISA
