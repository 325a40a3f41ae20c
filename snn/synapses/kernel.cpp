#include "neuract/snn/synapses/kernel.hpp"

#include "neuract/kernels/isa_variants.hpp"
#include "neuract/snn/portable_math.hpp"
#if NEURACT_X86_VARIANTS
#include <immintrin.h>
#endif

#define NEURACT_KERNELS "neuract/snn/synapses/kernel.inl"
#include "neuract/kernels/for_each_isa.inl"

namespace neuract::snn::synapses {

const Kernels& row_kernels() noexcept { return NEURACT_SELECT(kernels::active_isa(), kKernels); }

}  // namespace neuract::snn::synapses
