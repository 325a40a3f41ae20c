#pragma once

#include <bit>
#include <cstdint>

/// What the 4-bit codes mean, as kernels need it; formats, rounding and packing belong to q4/.

namespace neuract::kernels {

/// NF4, in units of the block's scale.
inline constexpr float kNf4Levels[16] = {
    -1.0f,
    -0.6961928009986877f,
    -0.5250730514526367f,
    -0.39491748809814453f,
    -0.28444138169288635f,
    -0.18477343022823334f,
    -0.09105003625154495f,
    0.0f,
    0.07958029955625534f,
    0.16093020141124725f,
    0.24611230194568634f,
    0.33791524171829224f,
    0.44070982933044434f,
    0.5626170039176941f,
    0.7229568362236023f,
    1.0f,
};

/// Two times E2M1, which is a whole number.
inline constexpr std::int8_t kE2m1Doubles[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

/// An E4M3 number that is not negative and not NaN; exact.
[[nodiscard]] constexpr float e4m3_magnitude(std::uint8_t bits) noexcept {
  return bits < 8 ? static_cast<float>(bits) * 0x1p-9f
                  : std::bit_cast<float>((static_cast<std::uint32_t>(bits) << 20) + ((127u - 7u) << 23));
}

}  // namespace neuract::kernels
