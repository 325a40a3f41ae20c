#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "neuract/q4/format.hpp"

/// How a layer computes, in the words that users and logs see.

namespace neuract::q4 {

/// What the user allows.
enum class ComputePath : std::uint8_t {
  kernel_only,          ///< 4-bit kernels, or an error: never anything else
  kernel_or_fallback,   ///< 4-bit kernels; where there are none, dequantise once and multiply in f32, and say why
  dequant_matmul_only,  ///< dequantise once and multiply in f32: the path to compare the others with
};

/// What is done.
enum class Execution : std::uint8_t { kernel, dequant_matmul };

/// Where layers compute and where their activations are.
enum class Target : std::uint8_t { automatic, cpu, cuda };

enum class Backend : std::uint8_t { cuda_nf4, cuda_nvfp4, cpu_nf4, cpu_nvfp4, cuda_dequant_matmul, cpu_dequant_matmul };

struct BackendTraits {
  Backend backend;
  std::string_view name;
  Target target;
  Execution execution;
  std::optional<Format> format;  ///< none: every format

  [[nodiscard]] constexpr bool takes(Format wanted) const noexcept { return !format || *format == wanted; }
};

/// One row a backend, in the order of the enum; of those that may be used the first one is.
inline constexpr std::array<BackendTraits, 6> kBackends{{
    {Backend::cuda_nf4, "cuda_nf4", Target::cuda, Execution::kernel, Format::nf4},
    {Backend::cuda_nvfp4, "cuda_nvfp4", Target::cuda, Execution::kernel, Format::nvfp4},
    {Backend::cpu_nf4, "cpu_nf4", Target::cpu, Execution::kernel, Format::nf4},
    {Backend::cpu_nvfp4, "cpu_nvfp4", Target::cpu, Execution::kernel, Format::nvfp4},
    {Backend::cuda_dequant_matmul, "cuda_dequant_matmul", Target::cuda, Execution::dequant_matmul, std::nullopt},
    {Backend::cpu_dequant_matmul, "cpu_dequant_matmul", Target::cpu, Execution::dequant_matmul, std::nullopt},
}};

static_assert([] {
  for (std::size_t i = 0; i < kBackends.size(); ++i)
    if (static_cast<std::size_t>(kBackends[i].backend) != i || kBackends[i].target == Target::automatic) return false;
  return true;
}());

[[nodiscard]] constexpr const BackendTraits& traits_of(Backend backend) noexcept {
  return kBackends[static_cast<std::size_t>(backend)];
}

[[nodiscard]] constexpr std::string_view name_of(Backend backend) noexcept { return traits_of(backend).name; }

[[nodiscard]] constexpr std::string_view name_of(ComputePath path) noexcept {
  switch (path) {
    case ComputePath::kernel_only: return "kernel_only";
    case ComputePath::kernel_or_fallback: return "kernel_or_fallback";
    case ComputePath::dequant_matmul_only: return "dequant_matmul_only";
  }
  return "unknown";
}

[[nodiscard]] constexpr std::string_view name_of(Execution execution) noexcept {
  return execution == Execution::kernel ? "kernel" : "dequant_matmul";
}

[[nodiscard]] constexpr std::string_view name_of(Target target) noexcept {
  switch (target) {
    case Target::automatic: return "automatic";
    case Target::cpu: return "cpu";
    case Target::cuda: return "cuda";
  }
  return "unknown";
}

/// Whether the device plugin is there.
struct NativeLoadState {
  bool loaded = false;
  std::string reason;  ///< why it is not; empty when it is

  [[nodiscard]] std::string to_string() const { return loaded ? "loaded" : "not loaded: " + reason; }
};

/// What became of one weight.
struct Diagnostics {
  Format format = Format::nf4;
  Backend backend = Backend::cpu_nf4;
  Execution compute_path = Execution::kernel;
  std::string fallback_reason;  ///< why it is not a kernel, where one was wanted; else empty
  NativeLoadState native_load_state;

  /// "nf4 on cpu_dequant_matmul (dequant_matmul), because …; device plugin not loaded: …"
  [[nodiscard]] std::string to_string() const {
    std::string text;
    text.append(q4::traits_of(format).name).append(" on ").append(name_of(backend));
    text.append(" (").append(name_of(compute_path)).append(")");
    if (!fallback_reason.empty()) text.append(", because ").append(fallback_reason);
    return text.append("; device plugin ").append(native_load_state.to_string());
  }
};

/// Called once for each weight that a layer prepares, on the preparing thread; it may be called by several at once.
using DiagnosticsSink = std::function<void(const Diagnostics&)>;

}  // namespace neuract::q4
