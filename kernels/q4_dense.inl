#include "neuract/kernels/q4_dense_batch.inl"
#include "neuract/kernels/q4_dense_row.inl"
#include "neuract/kernels/q4_dense_x.inl"

namespace neuract::kernels::NEURACT_ISA {

static constexpr DenseKernels kDenseKernels = {&prepare_row,   &row_nf4,   &row_nvfp4,
                                               &prepare_batch, &batch_nf4, &batch_nvfp4};

}  // namespace neuract::kernels::NEURACT_ISA
