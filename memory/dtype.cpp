#include "neuract/memory/dtype.hpp"

#include <string>

namespace neuract::memory {

Result<DType> dtype_from_name(std::string_view name) {
  std::string known;
  for (const DTypeTraits& row : kDTypes) {
    if (row.name == name) return row.dtype;
    known += known.empty() ? "" : ", ";
    known += row.name;
  }
  return fail(ErrorCode::not_found, "unknown element type \"", name, "\"; there are ", known);
}

}  // namespace neuract::memory
