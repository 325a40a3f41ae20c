#include "neuract/kernels/philox.inl"
#include "neuract/kernels/poisson_events.inl"

namespace neuract::kernels::NEURACT_ISA {

static void add_rounded(const float* __restrict y, float scale, std::uint32_t n,
                        std::int32_t* __restrict sum) noexcept {
  std::uint32_t k = 0;
#if defined(NEURACT_ISA_AVX512)
  for (; k + 16 <= n; k += 16) {
    const __m512i whole =
        _mm512_maskz_cvtps_epi32(0xffff, _mm512_mul_ps(_mm512_loadu_ps(y + k), _mm512_set1_ps(scale)));
    _mm512_storeu_si512(sum + k, _mm512_add_epi32(_mm512_loadu_si512(sum + k), whole));
  }
#elif defined(__SSE2__)
  for (; k + 4 <= n; k += 4) {
    const __m128i whole = _mm_cvtps_epi32(_mm_mul_ps(_mm_loadu_ps(y + k), _mm_set1_ps(scale)));
    __m128i* const at = reinterpret_cast<__m128i*>(sum + k);
    _mm_storeu_si128(at, _mm_add_epi32(_mm_loadu_si128(at), whole));
  }
#endif
  for (; k < n; ++k) sum[k] += static_cast<std::int32_t>(std::lrint(y[k] * scale));
}

static constexpr InputKernels kInputKernels = {&add_rounded, &add_poisson};

}  // namespace neuract::kernels::NEURACT_ISA
