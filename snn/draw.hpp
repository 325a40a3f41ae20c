#pragma once

#include <cstddef>
#include <cstdint>

/// The inner loops of drawing: words in, values out. Written as plain loops in draw.inl, compiled per instruction set,
/// the same bits from each. `n` may be anything; input and output do not overlap.
namespace neuract::snn {

/// x = clamp(f(mean + sd · z), low, high), z = quantile of the normal distribution at offset + width · u, u in (0, 1)
/// from the word; f is exp when `exponentiate`.   Source: Wichura 1988, algorithm AS 241 (PPND16), relative error
/// 1e-16.
struct NormalDraw {
  double offset;
  double width;
  double mean;
  double sd;
  double low;
  double high;
  bool exponentiate;
};
void draw_normal(const NormalDraw& draw, const std::uint32_t* words, std::size_t n, double* out) noexcept;

/// x = clamp(origin + scale · u, low, high)
struct UniformDraw {
  double origin;
  double scale;
  double low;
  double high;
};
void draw_uniform(const UniformDraw& draw, const std::uint32_t* words, std::size_t n, double* out) noexcept;

/// x = -mean · log(u)
void draw_exponential(double mean, const std::uint32_t* words, std::size_t n, double* out) noexcept;

/// One of 2^bits outcomes by Walker's alias method: the word's upper bits choose a bin, its lower bits between the
/// bin's own number (below threshold[bin]) and alias[bin]. 1 <= bits <= 16.
struct AliasDraw {
  const std::uint32_t* threshold;
  const std::uint32_t* alias;
  int bits;
};
void draw_alias(const AliasDraw& draw, const std::uint32_t* words, std::size_t n, std::uint16_t* out) noexcept;

/// Source neurons: word · candidates / 2^32, one higher from `skip` on (skip = 2^32 - 1: none is skipped).
void draw_index(std::uint32_t candidates, std::uint32_t skip, const std::uint32_t* words, std::size_t n,
                std::uint32_t* out) noexcept;
/// The same from 64 bits, for more than 2^16 candidates, where 32 bits would prefer some by more than 2^-16.
void draw_index_wide(std::uint32_t candidates, std::uint32_t skip, const std::uint32_t* high, const std::uint32_t* low,
                     std::size_t n, std::uint32_t* out) noexcept;

/// Failures before the next success of probability p, from 52 bits: floor(log(u) · scale), scale = 1 / log(1 - p); at
/// most 2^31 - 1.
void draw_gap(double scale, const std::uint32_t* high, const std::uint32_t* low, std::size_t n,
              std::uint32_t* out) noexcept;

/// Weights to codes: round to nearest even of value · scale, within ±32767.
void quantise(const double* values, double scale, std::size_t n, std::int16_t* codes) noexcept;

}  // namespace neuract::snn
