#include <cstddef>
#include <iterator>
#include <utility>

#include "neuract/kernels/isa_variants.hpp"
#include "neuract/snn/models/all.hpp"
#include "neuract/snn/neuron_update.hpp"
#if NEURACT_X86_VARIANTS
#include <immintrin.h>
#endif

#define NEURACT_NUMBER float
#define NEURACT_KERNELS "neuract/snn/neuron_update.inl"
#include "neuract/kernels/for_each_isa.inl"

namespace neuract::snn {

template <>
UpdateKernel<float> update_kernel<float>(int model, Coefficients coefficients) noexcept {
  const auto column = static_cast<std::size_t>(coefficients);
  return NEURACT_SELECT(kernels::active_isa(), kUpdateKernels[model][column]);
}

}  // namespace neuract::snn
