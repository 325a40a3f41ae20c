#pragma once

#include <cstdint>
#include <vector>

#include "neuract/memory/layout.hpp"
#include "neuract/q4/checkpoint/schema.hpp"
#include "neuract/q4/weight.hpp"

/// Looks at every part of a stored weight, once for both: what is wrong with it, and what it is. Private to q4/.
namespace neuract::q4::detail {

/// Bytes in a row of codes of which twice as many elements can still be counted; an empty tensor may claim more.
inline constexpr std::int64_t kMostPackedInputs = std::int64_t{1} << 60;

struct Reading {
  std::vector<Fault> faults;
  QuantizedWeight weight;  ///< counts only when there are no faults
};

/// `weight` is of a family with a format. Without `build` no arrays are allocated or computed. Errors: out_of_memory.
[[nodiscard]] Result<Reading> read_weight(const SafetensorsFile& file, const StoredWeight& weight,
                                          const memory::Dims& shape, bool build);

}  // namespace neuract::q4::detail
