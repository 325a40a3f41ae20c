#include "neuract/q4/dispatcher.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <tuple>
#include <vector>

namespace neuract::q4 {
namespace {

using memory::UnifiedCapability;
using memory::UnifiedMemoryPolicy;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr auto kOnly = ComputePath::kernel_only;
constexpr auto kOr = ComputePath::kernel_or_fallback;
constexpr auto kDequant = ComputePath::dequant_matmul_only;
constexpr ComputePath kPaths[] = {kOnly, kOr, kDequant};
constexpr Target kTargets[] = {Target::automatic, Target::cpu, Target::cuda};
constexpr Format kBoth[] = {Format::nf4, Format::nvfp4};

/// A machine on which exactly these backends are available.
Capability machine(const std::vector<std::string>& available) {
  Capability capability;
  for (const BackendTraits& row : kBackends) {
    BackendState& state = capability[row.backend];
    for (const std::string& name : available) state.available |= name == row.name;
    if (!state.available) state.reason = "out of order";
  }
  return capability;
}

const std::vector<std::string> kCpu = {"cpu_nf4", "cpu_nvfp4", "cpu_dequant_matmul"};
const std::vector<std::string> kAll = {"cuda_nf4",  "cuda_nvfp4",          "cpu_nf4",
                                       "cpu_nvfp4", "cuda_dequant_matmul", "cpu_dequant_matmul"};
const std::vector<std::string> kNoCpuKernels = {"cpu_dequant_matmul"};

/// The backend's name, with "because" and the reason when it is a fallback; or the error's code and text.
std::string answer(const Result<Decision>& decision) {
  if (!decision) return std::string(name_of(decision.error().code)) + ": " + decision.error().message;
  EXPECT_EQ(decision->compute_path, traits_of(decision->backend).execution);
  const std::string reason = decision->fallback_reason.empty() ? "" : " because " + decision->fallback_reason;
  return std::string(name_of(decision->backend)) + reason;
}

TEST(Dispatcher, DecidesAsThisTableSays) {
  struct Row {
    Format format;
    ComputePath path;
    std::string backend;
    Target target;
    std::vector<std::string> available;
    std::string expected;
  };
  const auto a = Target::automatic;
  const auto cpu = Target::cpu;
  const auto cuda = Target::cuda;
  const auto nf4 = Format::nf4;
  const auto nvfp4 = Format::nvfp4;
  const std::vector<Row> rows = {
      // The usual machine, without a device.
      {nf4, kOnly, "", a, kCpu, "cpu_nf4"},
      {nf4, kOr, "", a, kCpu, "cpu_nf4"},
      {nf4, kDequant, "", a, kCpu, "cpu_dequant_matmul"},
      {nvfp4, kOnly, "", a, kCpu, "cpu_nvfp4"},
      {nvfp4, kOr, "", cpu, kCpu, "cpu_nvfp4"},
      {nvfp4, kDequant, "", cpu, kCpu, "cpu_dequant_matmul"},
      // With a device it goes first, unless the target is the CPU.
      {nf4, kOr, "", a, kAll, "cuda_nf4"},
      {nvfp4, kOnly, "", a, kAll, "cuda_nvfp4"},
      {nvfp4, kOnly, "", cpu, kAll, "cpu_nvfp4"},
      {nf4, kDequant, "", a, kAll, "cuda_dequant_matmul"},
      {nf4, kDequant, "", cpu, kAll, "cpu_dequant_matmul"},
      // A kernel that is named is taken, or degrades where that is allowed.
      {nf4, kOr, "cpu_nf4", a, kAll, "cpu_nf4"},
      {nf4, kOnly, "cpu_nf4", cpu, kCpu, "cpu_nf4"},
      {nf4, kOr, "cuda_nf4", a, kCpu, "cpu_dequant_matmul because cuda_nf4: out of order"},
      {nf4, kOnly, "cuda_nf4", a, kCpu,
       "unsupported: nothing that computes nf4 with compute path kernel_only on target automatic is available: "
       "cuda_nf4: out of order"},
      {nf4, kOr, "cpu_dequant_matmul", a, kAll,
       "cpu_dequant_matmul because cpu_dequant_matmul is the backend asked for"},
      {nf4, kDequant, "cpu_dequant_matmul", a, kAll, "cpu_dequant_matmul"},
      // Without kernels.
      {nf4, kOr, "", a, kNoCpuKernels, "cpu_dequant_matmul because cuda_nf4: out of order; cpu_nf4: out of order"},
      {nvfp4, kOr, "", cpu, kNoCpuKernels, "cpu_dequant_matmul because cpu_nvfp4: out of order"},
      {nvfp4, kOnly, "", a, kNoCpuKernels,
       "unsupported: nothing that computes nvfp4 with compute path kernel_only on target automatic is available: "
       "cuda_nvfp4: out of order; cpu_nvfp4: out of order"},
      // A target is binding: activations stay where they are.
      {nf4, kOr, "", cuda, kCpu,
       "unsupported: nothing that computes nf4 with compute path kernel_or_fallback on target cuda is available: "
       "cuda_nf4: out of order; cuda_dequant_matmul: out of order"},
      {nf4, kDequant, "", cuda, kCpu,
       "unsupported: nothing that computes nf4 with compute path dequant_matmul_only on target cuda is available: "
       "cuda_dequant_matmul: out of order"},
      {nf4, kOr, "cuda_dequant_matmul", a, kCpu,
       "unsupported: nothing that computes nf4 with compute path kernel_or_fallback on target automatic is available: "
       "cuda_dequant_matmul: out of order"},
      // What does not exist and what contradicts itself.
      {nf4, kOr, "cpu_nf5", a, kAll,
       "not_found: there is no backend \"cpu_nf5\"; there are cuda_nf4, cuda_nvfp4, cpu_nf4, cpu_nvfp4, "
       "cuda_dequant_matmul, cpu_dequant_matmul"},
      {nf4, kOnly, "cpu_dequant_matmul", a, kAll,
       "invalid_argument: backend cpu_dequant_matmul contradicts compute path kernel_only, which allows cuda_nf4, "
       "cuda_nvfp4, cpu_nf4, cpu_nvfp4"},
      {nf4, kDequant, "cpu_nf4", a, kAll,
       "invalid_argument: backend cpu_nf4 contradicts compute path dequant_matmul_only, which allows "
       "cuda_dequant_matmul, cpu_dequant_matmul"},
      {nf4, kOr, "cpu_nf4", cuda, kAll,
       "invalid_argument: backend cpu_nf4 contradicts target cuda, which has cuda_nf4, cuda_nvfp4, "
       "cuda_dequant_matmul"},
      {nvfp4, kOr, "cpu_nf4", a, kAll,
       "invalid_argument: backend cpu_nf4 does not take nvfp4; those that do are cuda_nvfp4, cpu_nvfp4, "
       "cuda_dequant_matmul, cpu_dequant_matmul"},
  };
  for (const Row& row : rows) {
    const DispatchPolicy policy{row.path, row.backend, row.target, UnifiedMemoryPolicy::prefer_unified};
    EXPECT_EQ(answer(decide(row.format, policy, machine(row.available))), row.expected)
        << traits_of(row.format).name << " " << name_of(row.path) << " \"" << row.backend << "\" "
        << name_of(row.target);
  }
}

/// The rule in other words: of all backends those that pass every filter; kernels come before fallbacks, a device
/// before the CPU. Nothing means an error.
std::optional<std::string> expected(Format format, const DispatchPolicy& policy,
                                    const std::vector<std::string>& there) {
  const auto exists = [&](const std::string& name) {
    for (const auto& one : there)
      if (one == name) return true;
    return false;
  };
  const std::string kernel = format == Format::nf4 ? "nf4" : "nvfp4";
  const std::string fallback = "dequant_matmul";
  if (!policy.backend.empty()) {
    const auto underscore = policy.backend.find('_');
    const std::string device = policy.backend.substr(0, underscore);
    const std::string what = policy.backend.substr(underscore + 1);
    if ((device != "cpu" && device != "cuda") || (what != kernel && what != fallback)) return std::nullopt;
    if (policy.target != Target::automatic && device != name_of(policy.target)) return std::nullopt;
    if (policy.compute_path == kOnly && what == fallback) return std::nullopt;
    if (policy.compute_path == kDequant && what != fallback) return std::nullopt;
    if (exists(policy.backend)) return policy.backend;
    if (what == fallback || policy.compute_path == kOnly) return std::nullopt;
  }
  for (const std::string& what : {kernel, fallback}) {
    if (what == kernel && (policy.compute_path == kDequant || !policy.backend.empty())) continue;
    if (what == fallback && policy.compute_path == kOnly) continue;
    for (const std::string device : {"cuda", "cpu"}) {
      if (policy.target != Target::automatic && device != name_of(policy.target)) continue;
      if (exists(device + "_" + what)) return device + "_" + what;
    }
  }
  return std::nullopt;
}

TEST(Dispatcher, FollowsItsRuleInEveryCombination) {
  std::vector<std::string> overrides = kAll;
  overrides.insert(overrides.end(), {"", "cpu", "cpu_fp4", "CPU_NF4", "cuda_"});
  std::size_t combinations = 0;
  for (std::size_t subset = 0; subset < std::size_t{1} << kAll.size(); ++subset) {
    std::vector<std::string> there;
    for (std::size_t b = 0; b < kAll.size(); ++b)
      if ((subset >> b & 1) != 0) there.push_back(kAll[b]);
    const Capability capability = machine(there);
    for (const Format format : kBoth)
      for (const ComputePath path : kPaths)
        for (const Target target : kTargets)
          for (const std::string& backend : overrides) {
            const DispatchPolicy policy{path, backend, target, UnifiedMemoryPolicy::prefer_unified};
            const auto decision = decide(format, policy, capability);
            const auto wanted = expected(format, policy, there);
            SCOPED_TRACE(testing::Message() << traits_of(format).name << " " << name_of(path) << " \"" << backend
                                            << "\" " << name_of(target) << " " << subset);
            ++combinations;
            ASSERT_EQ(decision.has_value(), wanted.has_value()) << answer(decision);
            if (!wanted) continue;
            ASSERT_EQ(name_of(decision->backend), *wanted);
            ASSERT_EQ(decision->compute_path,
                      wanted->ends_with("matmul") ? Execution::dequant_matmul : Execution::kernel);
            // A reason is given exactly when a kernel was allowed and something else is done.
            ASSERT_EQ(!decision->fallback_reason.empty(),
                      decision->compute_path == Execution::dequant_matmul && path == kOr);
          }
  }
  EXPECT_EQ(combinations, 64u * 2 * 3 * 3 * 11);
}

TEST(Dispatcher, DecidesUnifiedMemoryAsMemoryDoes) {
  const UnifiedCapability none{};
  const UnifiedCapability managed{true, true, true, false};
  for (const auto policy :
       {UnifiedMemoryPolicy::disabled, UnifiedMemoryPolicy::prefer_unified, UnifiedMemoryPolicy::require_unified})
    for (const UnifiedCapability& unified : {none, managed})
      for (const bool disabled : {false, true}) {
        Capability capability = machine(kCpu);
        capability.unified = unified;
        capability.unified_disabled_by_environment = disabled;
        const auto wanted = memory::decide_unified_memory(policy, unified, disabled);
        const auto decision = decide(Format::nf4, {kOr, "", Target::automatic, policy}, capability);
        ASSERT_EQ(decision.has_value(), wanted.has_value());
        if (wanted) {
          EXPECT_EQ(decision->unified.tier, wanted->tier);
          EXPECT_EQ(decision->unified.reason, wanted->reason);
        } else {
          EXPECT_EQ(decision.error(), wanted.error());
        }
      }
}

TEST(Dispatcher, KnowsThisMachine) {
  const Capability capability = probe_capability();
  for (const BackendTraits& row : kBackends) {
    const BackendState& state = capability[row.backend];
    EXPECT_EQ(state.available, row.target == Target::cpu) << row.name;
    EXPECT_EQ(state.reason.empty(), state.available) << row.name;
  }
  EXPECT_FALSE(capability.native.loaded);
  EXPECT_EQ(answer(decide(Format::nf4, {kOnly, "cuda_nf4", Target::automatic, {}}, capability)),
            "unsupported: nothing that computes nf4 with compute path kernel_only on target automatic is available: "
            "cuda_nf4: the device plugin is not loaded: this version looks for no device plugin");
}

TEST(Dispatcher, DiagnosticsReadAsASentence) {
  Diagnostics diagnostics{Format::nf4, Backend::cpu_dequant_matmul, Execution::dequant_matmul, "cpu_nf4: no", {}};
  diagnostics.native_load_state.reason = "none";
  EXPECT_EQ(diagnostics.to_string(),
            "nf4 on cpu_dequant_matmul (dequant_matmul), because cpu_nf4: no; device plugin not loaded: none");
  diagnostics = {Format::nvfp4, Backend::cuda_nvfp4, Execution::kernel, "", {true, ""}};
  EXPECT_EQ(diagnostics.to_string(), "nvfp4 on cuda_nvfp4 (kernel); device plugin loaded");
}

}  // namespace
}  // namespace neuract::q4
