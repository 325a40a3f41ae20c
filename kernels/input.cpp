#include "neuract/kernels/input.hpp"

#include <cmath>
#include <cstddef>

#include "neuract/kernels/isa_variants.hpp"
#include "neuract/kernels/philox.hpp"
#if NEURACT_X86_VARIANTS
#include <immintrin.h>
#endif

#define NEURACT_KERNELS "neuract/kernels/input.inl"
#include "neuract/kernels/for_each_isa.inl"

namespace neuract::kernels {

const InputKernels& input_kernels() noexcept { return NEURACT_SELECT(active_isa(), kInputKernels); }

}  // namespace neuract::kernels
