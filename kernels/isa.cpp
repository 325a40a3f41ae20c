#include "neuract/kernels/isa.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "neuract/kernels/isa_variants.hpp"

namespace neuract::kernels {
namespace {

constexpr std::array<Isa, 3> kAllIsas = {Isa::base, Isa::avx2, Isa::avx512};

Isa detect() noexcept {
#if NEURACT_X86_VARIANTS
  __builtin_cpu_init();
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2") &&
                    __builtin_cpu_supports("lzcnt") && __builtin_cpu_supports("popcnt");
  if (!avx2) return Isa::base;
  const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
                      __builtin_cpu_supports("avx512vl");
  return avx512 ? Isa::avx512 : Isa::avx2;
#else
  return Isa::base;
#endif
}

Isa best() noexcept {
  static const Isa isa = detect();
  return isa;
}

std::string names(std::span<const Isa> isas) {
  std::string text;
  for (const Isa isa : isas) {
    if (!text.empty()) text += ", ";
    text += name_of(isa);
  }
  return text;
}

Isa choose() noexcept {
  const char* wanted = std::getenv("NEURACT_ISA");
  if (wanted == nullptr || *wanted == '\0') return best();
  const std::optional<Isa> isa = parse_isa(wanted);
  if (isa && *isa <= best()) return *isa;
  std::fprintf(stderr, "neuract: NEURACT_ISA=%s is %s; using %s (possible here: %s)\n", wanted,
               isa ? "not supported by this CPU" : "not an instruction set", name_of(best()).data(),
               names(supported_isas()).c_str());
  return best();
}

std::atomic<Isa>& active() noexcept {
  static std::atomic<Isa> isa{choose()};
  return isa;
}

}  // namespace

std::string_view name_of(Isa isa) noexcept {
  switch (isa) {
    case Isa::base: return "base";
    case Isa::avx2: return "avx2";
    case Isa::avx512: return "avx512";
  }
  return "unknown";
}

std::optional<Isa> parse_isa(std::string_view name) noexcept {
  for (const Isa isa : kAllIsas) {
    if (name == name_of(isa)) return isa;
  }
  return std::nullopt;
}

std::span<const Isa> supported_isas() noexcept {
  return std::span(kAllIsas).first(static_cast<std::size_t>(best()) + 1);
}

Isa active_isa() noexcept { return active().load(std::memory_order_relaxed); }

bool set_isa_for_testing(Isa isa) noexcept {
  if (isa > best()) return false;
  active().store(isa, std::memory_order_relaxed);
  return true;
}

}  // namespace neuract::kernels
