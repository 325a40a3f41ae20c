#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "neuract/q4/format.hpp"

/// The ways in which 4-bit weights are stored: which tensors make up one weight, and what their numbers mean.

namespace neuract::q4 {

enum class Family : std::uint8_t { plain, bitsandbytes, torchao, modelopt, compressed_tensors };

struct FamilyTraits {
  Family family;
  std::string_view name;
  std::optional<Format> format;  ///< none: not quantised
  bool divides_by_global;        ///< w = e2m1 · scale / global in the file, · global elsewhere
  /// The family knows no other scales than E4M3, so that u8 holds their bits. Elsewhere the file's type decides, and u8
  /// would be an integer.
  bool u8_scales_are_e4m3;
  bool has_float_scales;  ///< f16 and f32 scales occur; each must be an E4M3 number
};

/// One row a family, in the order of the enum.
inline constexpr std::array<FamilyTraits, 5> kFamilies{{
    {Family::plain, "plain", std::nullopt, false, false, false},
    {Family::bitsandbytes, "bitsandbytes", Format::nf4, false, false, false},
    {Family::torchao, "torchao", Format::nvfp4, false, false, true},
    {Family::modelopt, "modelopt", Format::nvfp4, false, true, false},
    {Family::compressed_tensors, "compressed-tensors", Format::nvfp4, true, true, false},
}};

[[nodiscard]] constexpr const FamilyTraits& traits_of(Family family) noexcept {
  return kFamilies[static_cast<std::size_t>(family)];
}
[[nodiscard]] constexpr std::string_view name_of(Family family) noexcept { return traits_of(family).name; }

enum class Role : std::uint8_t {
  codes,
  scales,
  global,         ///< of the tensor, NVFP4
  code_map,       ///< NF4: the sixteen levels
  nested_scales,  ///< double quantisation
  nested_map,
  state,    ///< bitsandbytes' JSON
  ignored,  ///< says something about activations, which are not quantised here
  foreign,  ///< would change what the weight means, in a way that is not supported
};

/// A tensor of a weight. In a file it is called base + suffix; the base is the weight's name, for families with
/// `of_layer` without ".weight".
struct PartTraits {
  Family family;
  Role role;
  std::string_view suffix;
  bool required;
  bool tells;              ///< occurs in this family only: whoever has it is of the family
  std::string_view why{};  ///< a foreign part is one too many
};

inline constexpr std::array<PartTraits, 24> kParts{{
    {Family::bitsandbytes, Role::codes, "", true, false},
    {Family::bitsandbytes, Role::scales, ".absmax", true, true},
    {Family::bitsandbytes, Role::code_map, ".quant_map", true, true},
    {Family::bitsandbytes, Role::nested_scales, ".nested_absmax", false, true},
    {Family::bitsandbytes, Role::nested_map, ".nested_quant_map", false, true},
    {Family::bitsandbytes, Role::state, ".quant_state.bitsandbytes__nf4", false, true},
    {Family::bitsandbytes, Role::foreign, ".quant_state.bitsandbytes__fp4", false, true, "FP4 has other levels"},
    {Family::torchao, Role::codes, ".qdata", true, true},
    {Family::torchao, Role::scales, ".scale", true, false},
    {Family::torchao, Role::global, ".per_tensor_scale", false, true},
    {Family::torchao, Role::ignored, ".act_per_tensor_scale", false, false},
    {Family::torchao, Role::foreign, ".zero_point", false, false, "E2M1 is symmetric"},
    {Family::modelopt, Role::codes, ".weight", true, false},
    {Family::modelopt, Role::scales, ".weight_scale", true, false},
    {Family::modelopt, Role::global, ".weight_scale_2", true, true},
    {Family::modelopt, Role::ignored, ".input_scale", false, false},
    {Family::modelopt, Role::foreign, ".pre_quant_scale", false, false, "inputs are not rescaled here"},
    {Family::compressed_tensors, Role::codes, ".weight_packed", true, true},
    {Family::compressed_tensors, Role::scales, ".weight_scale", true, false},
    {Family::compressed_tensors, Role::global, ".weight_global_scale", true, true},
    {Family::compressed_tensors, Role::ignored, ".input_global_scale", false, false},
    {Family::compressed_tensors, Role::foreign, ".weight_zero_point", false, false, "E2M1 is symmetric"},
    {Family::compressed_tensors, Role::foreign, ".weight_g_idx", false, false, "inputs are not reordered here"},
    {Family::compressed_tensors, Role::foreign, ".weight", false, false, "the weight would be there twice"},
}};

/// nullptr for a role that the family does not have; the first of several.
[[nodiscard]] constexpr const PartTraits* part_of(Family family, Role role) noexcept {
  for (const PartTraits& part : kParts)
    if (part.family == family && part.role == role) return &part;
  return nullptr;
}

}  // namespace neuract::q4
