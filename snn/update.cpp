#include "neuract/snn/update.hpp"

#include <cstddef>
#include <utility>

#include "neuract/kernels/isa_variants.hpp"
#include "neuract/snn/models/all.hpp"
#if NEURACT_X86_VARIANTS
#include <immintrin.h>
#endif

#define NEURACT_KERNELS "neuract/snn/update.inl"
#include "neuract/kernels/for_each_isa.inl"

namespace neuract::snn {

UpdateKernel update_kernel(int model, Coefficients coefficients) noexcept {
  const auto column = static_cast<std::size_t>(coefficients);
  return NEURACT_SELECT(kernels::active_isa(), kUpdateKernels[model][column]);
}

}  // namespace neuract::snn
