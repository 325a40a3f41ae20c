#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "neuract/memory/dtype.hpp"
#include "neuract/memory/layout.hpp"
#include "neuract/memory/result.hpp"
#include "neuract/q4/checkpoint/family.hpp"
#include "neuract/q4/checkpoint/safetensors.hpp"
#include "neuract/q4/checkpoint/safetensors_writer.hpp"
#include "neuract/q4/checkpoint/schema.hpp"
#include "neuract/q4/weight.hpp"

/// 4-bit weights from checkpoints, and back.

namespace neuract::q4 {

/// The weight called `name` or `name`.weight. Codes and scales are views of the file where it has them in the form of
/// QuantizedWeight; double-quantised absmax, and f16 or f32 scales of NVFP4, are computed, both exactly as their
/// family's own software does. A global scale that divides becomes its reciprocal.
/// `shape`: as for validate(). Errors: not_found; invalid_argument (it is not quantised); parse, with all faults;
/// out_of_memory. They name the file.
[[nodiscard]] Result<QuantizedWeight> load(const SafetensorsFile& file, std::string_view name,
                                           const memory::Dims& shape = {});
[[nodiscard]] Result<QuantizedWeight> load(const SafetensorsFile& file, const StoredWeight& weight,
                                           const memory::Dims& shape = {});

struct StoreOptions {
  Family family = Family::bitsandbytes;
  bool double_quant = false;                        ///< bitsandbytes only
  memory::DType source_dtype = memory::DType::f32;  ///< what the weight was before: quant_state tells it
};

/// What a weight of this shape will be stored as, known before it is quantised. Errors: invalid_argument (the family has
/// another format, no double quantisation, or no name for the weight).
[[nodiscard]] Result<std::vector<SafetensorsItem>> stored_items(std::string_view name, Format format,
                                                                std::int64_t out_features, std::int64_t in_features,
                                                                std::uint32_t block, const StoreOptions& options);

struct StoredTensors {
  std::vector<NamedTensor> tensors;  ///< as stored_items() said
  QuantizedWeight weight;            ///< as load() will give it back
};

/// Tensors to be written. What load() gives back differs from `weight` where the family cannot hold it: absmax after
/// double quantisation, and the last bit of a global scale that is stored as its reciprocal.
/// Errors: those of check() and stored_items(); invalid_argument (a global scale without a finite reciprocal).
[[nodiscard]] Result<StoredTensors> store(std::string_view name, const QuantizedWeight& weight,
                                          const StoreOptions& options);

}  // namespace neuract::q4
