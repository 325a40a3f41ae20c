#pragma once

#include "neuract/kernels/isa.hpp"

/// How a .cpp file gets one variant of its kernels per instruction set. Three files make a family of kernels:
///
///   saxpy.hpp     struct SaxpyKernels { void (*saxpy)(float a, const float* x, float* y, std::size_t n) noexcept; };
///                 const SaxpyKernels& saxpy_kernels() noexcept;
///
///   saxpy.inl     namespace neuract::kernels::NEURACT_ISA {                     // base, avx2, avx512
///                 static void saxpy(float a, const float* x, float* y, std::size_t n) noexcept { for (…) … }
///                 static constexpr SaxpyKernels kSaxpyKernels = {&saxpy};
///                 }
///
///   saxpy.cpp     #include "neuract/kernels/saxpy.hpp"
///                 #include <cstddef>                                            // everything that saxpy.inl uses
///                 #include "neuract/kernels/isa_variants.hpp"
///                 #define NEURACT_KERNELS "neuract/kernels/saxpy.inl"
///                 #include "neuract/kernels/for_each_isa.inl"
///                 const SaxpyKernels& saxpy_kernels() noexcept { return NEURACT_SELECT(active_isa(), kSaxpyKernels); }
///
/// Rules for an .inl file: it includes nothing, so that no code of other headers is compiled for a higher instruction
/// set and then shared by the linker with the rest of the program; for the same reason it instantiates no template that
/// is not forced inline. Non-template inline functions from headers may be called: they are inlined, and vectorised for
/// the caller's instruction set. Loops should have a trip count known on entry, no call that stays a call, and
/// __restrict pointers.

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define NEURACT_X86_VARIANTS 1
#else
#define NEURACT_X86_VARIANTS 0
#endif

#if NEURACT_X86_VARIANTS
#define NEURACT_SELECT(isa, table)                          \
  ((isa) == ::neuract::kernels::Isa::avx512 ? avx512::table \
   : (isa) == ::neuract::kernels::Isa::avx2 ? avx2::table   \
                                            : base::table)
#else
#define NEURACT_SELECT(isa, table) (static_cast<void>(isa), base::table)
#endif
