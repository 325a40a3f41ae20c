#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

/// Run-time choice of the instruction set.
///
/// A kernel is a plain loop, written once in an .inl file and compiled once per instruction set (see for_each_isa.inl).
/// Floating-point contraction is off everywhere, so all variants give the same bits and the choice concerns speed only.
namespace neuract::kernels {

enum class Isa : std::uint8_t {
  base,    ///< what every CPU of the architecture has: SSE2 on x86-64, NEON on AArch64
  avx2,    ///< AVX2 and BMI2: Haswell, Zen 1 and later
  avx512,  ///< AVX-512 F, BW, CD, DQ, VL: Skylake-SP, Zen 4 and later
};

std::string_view name_of(Isa isa) noexcept;
std::optional<Isa> parse_isa(std::string_view name) noexcept;

/// The instruction sets that this build has and this CPU runs, ascending; never empty.
std::span<const Isa> supported_isas() noexcept;

/// The one that kernels use: the best supported one, or a lower one that the environment variable NEURACT_ISA names.
/// A name that is unknown or not supported here is reported once on standard error, and the best one is used.
Isa active_isa() noexcept;

/// Makes `isa` the active one; false (and no change) when it is not supported here. Takes effect for kernels looked up
/// afterwards.
bool set_isa_for_testing(Isa isa) noexcept;

}  // namespace neuract::kernels
