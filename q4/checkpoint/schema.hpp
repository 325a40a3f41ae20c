#pragma once

#include <cstdint>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "neuract/memory/layout.hpp"
#include "neuract/memory/result.hpp"
#include "neuract/q4/checkpoint/family.hpp"
#include "neuract/q4/checkpoint/safetensors.hpp"

/// Which weights a checkpoint holds, how they are stored, and everything that is wrong with them. Nothing is guessed
/// from numbers: names and types of tensors decide.

namespace neuract::q4 {

/// A weight in a file.
struct StoredWeight {
  std::string name;  ///< "fc1.weight", whatever its parts are called
  Family family = Family::plain;
  std::string base;                ///< what the names of its parts begin with; see PartTraits
  std::vector<std::string> parts;  ///< the file's tensors that belong to it
  memory::Dims shape;              ///< [out_features, in_features]; empty where only the caller can know it
  std::uint64_t bytes = 0;         ///< of all parts
};

/// All weights, by name: whatever belongs to a family, complete or not, and two-dimensional f32, f16 and bf16 tensors
/// (Family::plain).
[[nodiscard]] std::vector<StoredWeight> list_weights(const SafetensorsFile& file);

/// The weight called `name` or `name`.weight. not_found, with the names there are.
[[nodiscard]] Result<StoredWeight> detect(const SafetensorsFile& file, std::string_view name);

/// One thing that is wrong with a weight.
struct Fault {
  std::string key;  ///< the tensor concerned
  std::string expected;
  std::string found;
  friend bool operator==(const Fault&, const Fault&) = default;
};
/// `"fc1.weight.absmax": expected F32 [32], found F32 [31]`
[[nodiscard]] std::string to_string(const Fault& fault);
inline std::ostream& operator<<(std::ostream& out, const Fault& fault) { return out << to_string(fault); }

/// All faults: missing, surplus and contradicting parts, in types, shapes and numbers. Empty means that load() will
/// succeed, as far as memory goes. `shape`, if not empty, is what the caller expects; NF4 without a quant_state needs it.
/// Reads all block scales.
[[nodiscard]] std::vector<Fault> validate(const SafetensorsFile& file, const StoredWeight& weight,
                                          const memory::Dims& shape = {});

}  // namespace neuract::q4
