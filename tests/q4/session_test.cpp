#include "neuract/q4/session.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "neuract/q4/linear.hpp"
#include "samples.hpp"

namespace neuract::q4 {
namespace {

using memory::DType;
using memory::Tensor;
using memory::UnifiedMemoryPolicy;
using testing::HasSubstr;

QuantizedWeight sample_weight(Format format, std::int64_t n, std::int64_t k, std::uint64_t seed = 1) {
  const auto x = normal_sample(static_cast<std::size_t>(n * k), seed);
  return quantize(Tensor::from(std::span<const float>(x), {n, k}).value(), format).value();
}

std::string refusal(const DispatchPolicy& policy) {
  const auto session = Q4Session::create({.policy = policy});
  return session ? "" : session.error().to_string();
}

TEST(Session, RefusesAtOnceWhatNoFormatCanHave) {
  EXPECT_EQ(refusal({}), "");
  EXPECT_EQ(refusal({.backend = "cpu_nf4"}), "") << "one format is enough";
  EXPECT_EQ(refusal({.backend = "cpu_nvfp4"}), "");
  EXPECT_THAT(refusal({.backend = "gpu"}), HasSubstr("there is no backend \"gpu\"; there are cuda_nf4, "));
  EXPECT_THAT(refusal({.backend = "cpu_nvfp4", .target = Target::cuda}), HasSubstr("contradicts target cuda"));
  EXPECT_THAT(refusal({.compute_path = ComputePath::kernel_only, .backend = "cuda_nvfp4"}),
              HasSubstr("cuda_nvfp4: the device plugin is not loaded"));
  EXPECT_THAT(refusal({.target = Target::cuda}), HasSubstr("on target cuda is available: "));
}

TEST(Session, RefusesAtOnceToGoWithoutTheUnifiedMemoryThatIsRequired) {
  const DispatchPolicy required{.unified_memory = UnifiedMemoryPolicy::require_unified};
  EXPECT_THAT(refusal(required), HasSubstr("unified memory is required, but "));

  Capability capability = probe_capability();
  capability.unified = {true, true, true, false};
  capability.unified_disabled_by_environment = false;
  const auto session = Q4Session::create({.policy = required}, capability);
  ASSERT_TRUE(session);
  EXPECT_EQ(session->unified_memory().tier, memory::UnifiedTier::managed_concurrent);
}

TEST(Session, TellsHowItWillWork) {
  const Q4Session session = Q4Session::create({.policy = {.target = Target::cpu}}).value();
  EXPECT_EQ(session.policy().target, Target::cpu);
  EXPECT_TRUE(session.capability()[Backend::cpu_nf4].available);
  EXPECT_FALSE(session.unified_memory().reason.empty());
}

TEST(Session, TakesItsWeightsAlongWhenItEnds) {
  std::optional<Q4Linear> linear;
  const Tensor x = Tensor::zeros(DType::f32, {2, 64}).value();
  const Tensor y = Tensor::zeros(DType::f32, {2, 8}).value();
  {
    const Q4Session session = Q4Session::create().value();
    linear = Q4Linear::create(session, 64, 8).value();
    ASSERT_TRUE(linear->prepare_weight(sample_weight(Format::nf4, 8, 64)));
    ASSERT_TRUE(linear->forward(x, y));
    EXPECT_GT(linear->weight_bytes(), 0u);
  }
  EXPECT_EQ(linear->weight_bytes(), 0u);
  const kernels::SpikeBits none{};
  for (const Error& error :
       {linear->forward(x, y).error(), linear->forward_spikes(none, y).error(),
        linear->prepare_weight(sample_weight(Format::nf4, 8, 64)).error(),
        linear->replace_weight(sample_weight(Format::nf4, 8, 64)).error(), linear->diagnostics().error()}) {
    EXPECT_EQ(error.code, ErrorCode::cancelled);
    EXPECT_EQ(error.message, "the session of this layer has ended, and the layer's weight with it");
  }
  linear.reset();  // nothing is left to give back to
}

TEST(Session, OutlivesItsLayersAndMoves) {
  Q4Session first = Q4Session::create().value();
  Q4Linear linear = Q4Linear::create(first, 64, 8).value();
  ASSERT_TRUE(linear.prepare_weight(sample_weight(Format::nf4, 8, 64)));
  const Q4Session second = std::move(first);
  Q4Linear other = std::move(linear);
  EXPECT_GT(other.weight_bytes(), 0u);
  EXPECT_EQ(linear.weight_bytes(), 0u);
  other = Q4Linear::create(second, 16, 3).value();
  EXPECT_EQ(other.in_features(), 16);
  EXPECT_EQ(other.weight_bytes(), 0u);
}

TEST(Session, ConcurrentCallsPrepareAWeightOnce) {
  for (int round = 0; round < 20; ++round) {
    std::atomic<int> told{0};
    const Q4Session session =
        Q4Session::create({.policy = {}, .on_diagnostics = [&](const Diagnostics&) { ++told; }}).value();
    Q4Linear linear = Q4Linear::create(session, 256, 64).value();
    const QuantizedWeight weight = sample_weight(Format::nvfp4, 64, 256);
    std::atomic<int> prepared{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([&] {
        if (linear.prepare_weight(weight) && linear.diagnostics()) ++prepared;
      });
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(prepared, 4);
    EXPECT_EQ(told, 1);
  }
}

TEST(Session, LayersMayBeUsedByManyThreadsWhileWeightsChangeAndItEnds) {
  std::optional<Q4Session> session = Q4Session::create().value();
  Q4Linear linear = Q4Linear::create(*session, 64, 130).value();
  const QuantizedWeight weight = sample_weight(Format::nf4, 130, 64);
  ASSERT_TRUE(linear.prepare_weight(weight));
  const auto values = normal_sample(4 * 64, 1);
  const Tensor x = Tensor::from(std::span<const float>(values), {4, 64}).value();
  const Tensor expected = Tensor::zeros(DType::f16, {4, 130}).value();
  ASSERT_TRUE(linear.forward(x, expected));

  std::atomic<int> wrong{0}, forwards{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t)
    threads.emplace_back([&] {
      const Tensor y = Tensor::zeros(DType::f16, {4, 130}).value();
      for (;;) {
        const auto result = linear.forward(x, y);
        if (!result) {
          if (result.error().code != ErrorCode::cancelled) ++wrong;
          return;
        }
        if (!std::equal(y.data(), y.data() + y.bytes(), expected.data())) ++wrong;
        ++forwards;
      }
    });
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(linear.replace_weight(weight));
  while (forwards < 100) std::this_thread::yield();
  session.reset();
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

TEST(Session, BuffersComeAndGo) {
  Q4Session session = Q4Session::create().value();
  Q4Linear linear = Q4Linear::create(session, 64, 8).value();
  ASSERT_TRUE(linear.prepare_weight(sample_weight(Format::nf4, 8, 64)));
  const std::uint64_t before = memory::host_allocator().usage().live_bytes;
  {
    const Tensor x = Tensor::zeros(DType::f16, {200, 64}).value();
    const Tensor y = Tensor::zeros(DType::f32, {200, 8}).value();
    ASSERT_TRUE(linear.forward(x, y));
  }
  EXPECT_GT(memory::host_allocator().usage().live_bytes, before);
  session.release_buffers();
  EXPECT_EQ(memory::host_allocator().usage().live_bytes, before);
}

}  // namespace
}  // namespace neuract::q4
