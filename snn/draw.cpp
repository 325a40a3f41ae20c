#include "neuract/snn/draw.hpp"

#include "neuract/kernels/isa_variants.hpp"
#include "neuract/snn/portable_math.hpp"

#define NEURACT_KERNELS "neuract/snn/draw.inl"
#include "neuract/kernels/for_each_isa.inl"

namespace neuract::snn {

using kernels::active_isa;

void draw_normal(const NormalDraw& draw, const std::uint32_t* words, std::size_t n, double* out) noexcept {
  NEURACT_SELECT(active_isa(), draw_normal)(draw, words, n, out);
}

void draw_uniform(const UniformDraw& draw, const std::uint32_t* words, std::size_t n, double* out) noexcept {
  NEURACT_SELECT(active_isa(), draw_uniform)(draw, words, n, out);
}

void draw_exponential(double mean, const std::uint32_t* words, std::size_t n, double* out) noexcept {
  NEURACT_SELECT(active_isa(), draw_exponential)(mean, words, n, out);
}

void draw_alias(const AliasDraw& draw, const std::uint32_t* words, std::size_t n, std::uint16_t* out) noexcept {
  NEURACT_SELECT(active_isa(), draw_alias)(draw, words, n, out);
}

void draw_index(std::uint32_t candidates, std::uint32_t skip, const std::uint32_t* words, std::size_t n,
                std::uint32_t* out) noexcept {
  NEURACT_SELECT(active_isa(), draw_index)(candidates, skip, words, n, out);
}

void draw_index_wide(std::uint32_t candidates, std::uint32_t skip, const std::uint32_t* high, const std::uint32_t* low,
                     std::size_t n, std::uint32_t* out) noexcept {
  NEURACT_SELECT(active_isa(), draw_index_wide)(candidates, skip, high, low, n, out);
}

void draw_gap(double scale, const std::uint32_t* high, const std::uint32_t* low, std::size_t n,
              std::uint32_t* out) noexcept {
  NEURACT_SELECT(active_isa(), draw_gap)(scale, high, low, n, out);
}

void quantise(const double* values, double scale, std::size_t n, std::int16_t* codes) noexcept {
  NEURACT_SELECT(active_isa(), quantise)(values, scale, n, codes);
}

}  // namespace neuract::snn
