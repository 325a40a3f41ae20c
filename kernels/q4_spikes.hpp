#pragma once

#include <cstddef>
#include <cstdint>

#include "neuract/kernels/isa.hpp"
#include "neuract/kernels/q4_tiles.hpp"

/// y = s · Wᵀ for spikes s, bits[rows][k], and a 4-bit W[n][k]: every row sums the columns of W whose inputs spike.
/// Shapes: y f32[rows][ldy], ldy >= n; y[m][o] is written for all o < n and aliases nothing.
/// Threads: reentrant; nothing is allocated, about 120 KB of stack.
///
/// Two ways lead to the same bits. The event-driven one reads the lines of active inputs only, row by row. The batched
/// one reads every line once for up to 64 rows: it adds up all subsets of three or four inputs, and a row picks the
/// subset that its bits name.
///
/// Numerics: codes are summed in integers, exactly, so that neither the order nor the instruction set matters.
/// NF4: levels are rounded to multiples of 2^-24. Blocks are taken in ascending order, those without an active input
/// left out: y += f32(sum of levels) · scale, two roundings; the 2^-24 comes last. Scales are below 2^90.
/// NVFP4: y = f32(Σ sum of codes · scale) · unit, the sum over all blocks being exact.
namespace neuract::kernels {

void spikes_nf4(const Nf4Tiles& w, const SpikeBits& s, float* y, std::size_t ldy) noexcept;
void spikes_nvfp4(const Nvfp4Tiles& w, const SpikeBits& s, float* y, std::size_t ldy) noexcept;

enum class SpikeKernel : std::uint8_t { event_driven, batched };

/// The same, by one of the two ways.
void spikes_nf4(const Nf4Tiles& w, const SpikeBits& s, float* y, std::size_t ldy, SpikeKernel kernel) noexcept;
void spikes_nvfp4(const Nvfp4Tiles& w, const SpikeBits& s, float* y, std::size_t ldy, SpikeKernel kernel) noexcept;

enum class TileFormat : std::uint8_t { nf4, nvfp4 };

/// Which way is faster for `rows` rows with `active` spikes altogether; the one place where this is decided.
[[nodiscard]] SpikeKernel faster_spike_kernel(TileFormat format, Isa isa, std::uint64_t rows, std::uint64_t active,
                                              std::uint64_t k) noexcept;

}  // namespace neuract::kernels
