#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <type_traits>

#include "neuract/memory/result.hpp"

/// Element types of tensors. `u4` is two elements a byte, the lower nibble first (the order DLPack asks for).

namespace neuract::memory {

enum class DType : std::uint8_t { f64, f32, f16, bf16, f8_e4m3, i64, i32, i16, i8, u64, u32, u16, u8, boolean, u4 };

/// Storage of the floating-point formats that C++20 has no type for; arithmetic on them belongs to kernels/.
struct Float16 {
  std::uint16_t bits;
  friend bool operator==(Float16, Float16) = default;
};
struct BFloat16 {
  std::uint16_t bits;
  friend bool operator==(BFloat16, BFloat16) = default;
};
struct Float8E4M3 {
  std::uint8_t bits;
  friend bool operator==(Float8E4M3, Float8E4M3) = default;
};

enum class DTypeKind : std::uint8_t { floating, signed_integer, unsigned_integer, boolean };

struct DTypeTraits {
  DType dtype;
  std::string_view name;
  std::uint8_t bits;
  DTypeKind kind;
};

/// One row a type, in the order of the enum.
inline constexpr std::array<DTypeTraits, 15> kDTypes{{
    {DType::f64, "f64", 64, DTypeKind::floating},
    {DType::f32, "f32", 32, DTypeKind::floating},
    {DType::f16, "f16", 16, DTypeKind::floating},
    {DType::bf16, "bf16", 16, DTypeKind::floating},
    {DType::f8_e4m3, "f8_e4m3", 8, DTypeKind::floating},
    {DType::i64, "i64", 64, DTypeKind::signed_integer},
    {DType::i32, "i32", 32, DTypeKind::signed_integer},
    {DType::i16, "i16", 16, DTypeKind::signed_integer},
    {DType::i8, "i8", 8, DTypeKind::signed_integer},
    {DType::u64, "u64", 64, DTypeKind::unsigned_integer},
    {DType::u32, "u32", 32, DTypeKind::unsigned_integer},
    {DType::u16, "u16", 16, DTypeKind::unsigned_integer},
    {DType::u8, "u8", 8, DTypeKind::unsigned_integer},
    {DType::boolean, "bool", 8, DTypeKind::boolean},
    {DType::u4, "u4", 4, DTypeKind::unsigned_integer},
}};

static_assert([] {
  for (std::size_t i = 0; i < kDTypes.size(); ++i)
    if (static_cast<std::size_t>(kDTypes[i].dtype) != i) return false;
  return true;
}());

[[nodiscard]] constexpr const DTypeTraits& traits_of(DType dtype) noexcept {
  return kDTypes[static_cast<std::size_t>(dtype)];
}
[[nodiscard]] constexpr std::string_view name_of(DType dtype) noexcept { return traits_of(dtype).name; }
[[nodiscard]] constexpr unsigned bits_of(DType dtype) noexcept { return traits_of(dtype).bits; }
/// Elements smaller than a byte have no address of their own.
[[nodiscard]] constexpr bool is_packed(DType dtype) noexcept { return bits_of(dtype) < 8; }
/// Bytes of one element; 0 for packed types.
[[nodiscard]] constexpr std::size_t bytes_of(DType dtype) noexcept { return bits_of(dtype) / 8; }

/// not_found with the list of known names.
[[nodiscard]] Result<DType> dtype_from_name(std::string_view name);

/// Bytes that `count` consecutive elements take; nothing from 2^59 on, which no machine can address.
[[nodiscard]] constexpr std::optional<std::uint64_t> packed_bytes(DType dtype, std::uint64_t count) noexcept {
  constexpr std::uint64_t limit = std::uint64_t{1} << 59;
  const std::uint64_t bits = bits_of(dtype);
  if (count >= limit / bits * 8) return std::nullopt;
  return bits >= 8 ? count * (bits / 8) : (count + (8 / bits) - 1) / (8 / bits);
}

/// dtype_of<float> == DType::f32. Asking for a type that no tensor holds does not compile.
template <class T>
inline constexpr DType dtype_of = [] {
  if constexpr (std::is_same_v<T, double>)
    return DType::f64;
  else if constexpr (std::is_same_v<T, float>)
    return DType::f32;
  else if constexpr (std::is_same_v<T, Float16>)
    return DType::f16;
  else if constexpr (std::is_same_v<T, BFloat16>)
    return DType::bf16;
  else if constexpr (std::is_same_v<T, Float8E4M3>)
    return DType::f8_e4m3;
  else if constexpr (std::is_same_v<T, bool>)
    return DType::boolean;
  else if constexpr (std::is_integral_v<T> && std::is_signed_v<T> && sizeof(T) == 8)
    return DType::i64;
  else if constexpr (std::is_integral_v<T> && std::is_signed_v<T> && sizeof(T) == 4)
    return DType::i32;
  else if constexpr (std::is_same_v<T, std::int16_t>)
    return DType::i16;
  else if constexpr (std::is_same_v<T, std::int8_t>)
    return DType::i8;
  else if constexpr (std::is_integral_v<T> && std::is_unsigned_v<T> && sizeof(T) == 8)
    return DType::u64;
  else if constexpr (std::is_same_v<T, std::uint32_t>)
    return DType::u32;
  else if constexpr (std::is_same_v<T, std::uint16_t>)
    return DType::u16;
  else if constexpr (std::is_same_v<T, std::uint8_t>)
    return DType::u8;
  else
    static_assert(sizeof(T) == 0, "no tensor element type corresponds to T");
}();

static_assert(sizeof(bool) == 1 && std::endian::native == std::endian::little);

}  // namespace neuract::memory
