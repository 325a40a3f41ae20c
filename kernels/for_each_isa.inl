// Compiles the file that NEURACT_KERNELS names once per instruction set, with NEURACT_ISA = base, avx2, avx512.
// See isa_variants.hpp for the pattern. Included at namespace scope, outside every namespace.

#ifndef NEURACT_KERNELS
#error "define NEURACT_KERNELS as the .inl file to compile"
#endif

#define NEURACT_ISA base
#include NEURACT_KERNELS
#undef NEURACT_ISA

#if NEURACT_X86_VARIANTS

#pragma GCC push_options
#pragma GCC target("avx2,bmi,bmi2,lzcnt,popcnt")
#define NEURACT_ISA avx2
#define NEURACT_ISA_AVX2 1
#include NEURACT_KERNELS
#undef NEURACT_ISA_AVX2
#undef NEURACT_ISA
#pragma GCC pop_options

#pragma GCC push_options
#pragma GCC target("avx2,bmi,bmi2,lzcnt,popcnt,avx512f,avx512bw,avx512cd,avx512dq,avx512vl,prefer-vector-width=512")
#define NEURACT_ISA avx512
#define NEURACT_ISA_AVX512 1
#include NEURACT_KERNELS
#undef NEURACT_ISA_AVX512
#undef NEURACT_ISA
#pragma GCC pop_options

#endif

#undef NEURACT_KERNELS
