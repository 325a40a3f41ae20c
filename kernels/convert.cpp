#include "neuract/kernels/convert.hpp"

#include "neuract/kernels/isa_variants.hpp"

#define NEURACT_KERNELS "neuract/kernels/convert.inl"
#include "neuract/kernels/for_each_isa.inl"

namespace neuract::kernels {

const ConvertKernels& convert_kernels() noexcept { return NEURACT_SELECT(active_isa(), kConvertKernels); }

}  // namespace neuract::kernels
