#include "neuract/memory/versioned.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <type_traits>
#include <vector>

#include "neuract/memory/dlpack.hpp"

namespace neuract::memory {
namespace {

using State = Versioned<Tensor>;

static_assert(!std::is_copy_constructible_v<State::Writer> && std::is_move_constructible_v<State::Writer>);
static_assert(std::is_copy_constructible_v<State::Snapshot> && std::is_default_constructible_v<State::Snapshot>);

State make(unsigned buffers = State::kDefaultBuffers, Dims shape = {4}) {
  return State::create("V_m", DType::f32, std::move(shape), buffers).value();
}

/// Publishes a version whose elements are all `value`.
Result<std::uint64_t> publish(State::Writer& writer, float value, std::uint64_t step = 0) {
  NEURACT_TRY_ASSIGN(const Tensor draft, writer.begin(writer.version(), State::Contents::unspecified));
  std::ranges::fill(draft.span<float>().value(), value);
  return writer.publish(step);
}

float first(const State::Snapshot& snapshot) { return snapshot.span<float>().value()[0]; }

TEST(Versioned, HasNothingToShowBeforeTheFirstVersion) {
  const State state = make();
  EXPECT_EQ(state.version(), 0U);
  const auto snapshot = state.snapshot();
  EXPECT_EQ(snapshot.error().code, ErrorCode::not_found);
  EXPECT_EQ(snapshot.error().message, "no version of \"V_m\" was published yet");
  EXPECT_FALSE(state.snapshot()) << "asking in vain changes nothing";
  auto writer = state.claim_writer("w").value();
  ASSERT_TRUE(publish(writer, 1));
  EXPECT_TRUE(state.snapshot());
}

TEST(Versioned, CostsNoMemoryBeforeItIsWritten) {
  HostAllocator allocator;
  const State state = State::create("V_m", DType::f32, {1000}, 5, allocator).value();
  auto writer = state.claim_writer("w").value();
  EXPECT_EQ(allocator.usage().live_bytes, 0U);
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(publish(writer, 1));
  EXPECT_EQ(allocator.usage().live_blocks, 2U) << "without readers two buffers take turns";
}

TEST(Versioned, VersionsGoUpByOneAndKeepTheirStep) {
  const State state = make();
  auto writer = state.claim_writer("w").value();
  for (std::uint64_t v = 1; v <= 10; ++v) {
    EXPECT_EQ(publish(writer, static_cast<float>(v), 100 * v).value(), v);
    const auto snapshot = state.snapshot().value();
    EXPECT_EQ(snapshot.version(), v);
    EXPECT_EQ(snapshot.step(), 100 * v);
    EXPECT_EQ(first(snapshot), static_cast<float>(v));
    EXPECT_EQ(state.version(), v);
    EXPECT_EQ(writer.version(), v);
  }
}

TEST(Versioned, DraftStartsFromTheLatestVersion) {
  const State state = make();
  auto writer = state.claim_writer("w").value();
  const Tensor fresh = writer.begin(0).value();
  EXPECT_EQ(fresh.at<float>({3}).value(), 0.0F);
  fresh.span<float>().value()[3] = 3.0F;
  ASSERT_TRUE(writer.publish(1));
  const Tensor next = writer.begin(1).value();
  EXPECT_EQ(next.at<float>({3}).value(), 3.0F);
  next.span<float>().value()[0] = 1.0F;
  EXPECT_EQ(first(*state.snapshot()), 0.0F) << "a draft is private";
  ASSERT_TRUE(writer.publish(2));
  EXPECT_EQ((*state.snapshot()).tensor().at<float>({3}).value(), 3.0F);
  EXPECT_EQ(first(*state.snapshot()), 1.0F);
}

TEST(Versioned, BeginningAgainStartsOver) {
  const State state = make();
  auto writer = state.claim_writer("w").value();
  writer.begin(0).value().span<float>().value()[0] = 5.0F;
  EXPECT_EQ(writer.begin(0).value().at<float>({0}).value(), 0.0F);
  ASSERT_TRUE(writer.publish(1));
  writer.begin(1).value().span<float>().value()[0] = 7.0F;
  EXPECT_EQ(writer.begin(1).value().at<float>({0}).value(), 0.0F);
}

TEST(Versioned, SecondWriterIsRefusedAndToldWhoTheFirstIs) {
  const State state = make();
  auto writer = std::optional(state.claim_writer("population E").value());
  const auto second = state.claim_writer("population I");
  EXPECT_EQ(second.error().code, ErrorCode::busy);
  EXPECT_EQ(second.error().message, "\"population I\" cannot write \"V_m\": its only writer is \"population E\"");
  auto moved = std::optional(std::move(*writer));
  writer.reset();
  EXPECT_FALSE(state.claim_writer("population I")) << "the right moved on with the object";
  moved.reset();
  EXPECT_TRUE(state.claim_writer("population I"));
}

TEST(Versioned, AssigningAWriterGivesUpItsOldRight) {
  const State a = make(), b = make();
  auto writer = a.claim_writer("w").value();
  writer = b.claim_writer("w").value();
  EXPECT_TRUE(a.claim_writer("x"));
  EXPECT_FALSE(b.claim_writer("x"));
}

TEST(Versioned, NextWriterGoesOnFromTheVersionOfTheLast) {
  const State state = make();
  {
    auto writer = state.claim_writer("one").value();
    ASSERT_TRUE(publish(writer, 1));
    ASSERT_TRUE(publish(writer, 2));
    writer.begin(2).value().span<float>().value()[0] = 99;  // abandoned
  }
  auto writer = state.claim_writer("two").value();
  EXPECT_EQ(first(*state.snapshot()), 2);
  EXPECT_FALSE(writer.publish(1)) << "the draft of another writer is gone";
  EXPECT_EQ(writer.begin(2).value().at<float>({0}).value(), 2.0F);
  EXPECT_EQ(writer.publish(1).value(), 3U);
}

TEST(Versioned, StaleWriteIsRefused) {
  const State state = make();
  auto writer = state.claim_writer("w").value();
  ASSERT_TRUE(publish(writer, 1));
  const std::uint64_t seen = state.version();
  ASSERT_TRUE(publish(writer, 2));
  const auto late = writer.begin(seen);
  EXPECT_EQ(late.error().code, ErrorCode::stale);
  EXPECT_EQ(late.error().message, "a write to \"V_m\" is based on version 1, but version 2 is the current one");
  EXPECT_EQ(writer.begin(3).error().code, ErrorCode::stale) << "nor can it come from the future";
  EXPECT_FALSE(writer.publish(0)) << "a refused write leaves nothing to publish";
  EXPECT_EQ(first(*state.snapshot()), 2);
}

TEST(Versioned, PublishingWithoutADraftIsAnError) {
  const State state = make();
  auto writer = state.claim_writer("w").value();
  EXPECT_EQ(writer.publish(0).error().code, ErrorCode::invalid_argument);
  ASSERT_TRUE(publish(writer, 1));
  EXPECT_EQ(writer.publish(0).error().code, ErrorCode::invalid_argument);
}

TEST(Versioned, SnapshotNeverChangesHoweverManyVersionsFollow) {
  const State state = make();
  auto writer = state.claim_writer("w").value();
  ASSERT_TRUE(publish(writer, 1, 10));
  const auto held = state.snapshot().value();
  for (int i = 2; i < 1000; ++i) ASSERT_TRUE(publish(writer, static_cast<float>(i)));
  EXPECT_EQ(held.version(), 1U);
  EXPECT_EQ(held.step(), 10U);
  EXPECT_EQ(first(held), 1);
}

TEST(Versioned, ExhaustedBuffersAreReportedAndNothingIsLost) {
  const State state = make(4);
  auto writer = state.claim_writer("w").value();
  std::vector<State::Snapshot> held;
  for (int i = 1; i <= 3; ++i) {
    ASSERT_TRUE(publish(writer, static_cast<float>(i))) << i;
    held.push_back(state.snapshot().value());
  }
  const auto refused = publish(writer, 4);
  EXPECT_EQ(refused.error().code, ErrorCode::exhausted);
  EXPECT_EQ(refused.error().message,
            "\"V_m\" cannot publish: readers hold 2 older versions, and there are only 4 buffers");
  EXPECT_EQ(state.version(), 3U);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(first(held[i]), static_cast<float>(i + 1));

  held.erase(held.begin());
  EXPECT_EQ(writer.publish(44).value(), 4U) << "the draft was kept";
  EXPECT_EQ(first(*state.snapshot()), 4);
  EXPECT_EQ(first(held[0]), 2);
}

TEST(Versioned, SlowReaderCostsOneBufferAndNotTheWriter) {
  const State state = make(3);
  auto writer = state.claim_writer("w").value();
  ASSERT_TRUE(publish(writer, 1));
  const auto slow = state.snapshot().value();
  ASSERT_TRUE(publish(writer, 2)) << "slow, current, draft";
  EXPECT_EQ(publish(writer, 3).error().code, ErrorCode::exhausted) << "there would be no buffer for the next draft";
  EXPECT_EQ(first(slow), 1);
}

TEST(Versioned, CopiedSnapshotHoldsTheVersionByItself) {
  const State state = make(3);
  auto writer = state.claim_writer("w").value();
  ASSERT_TRUE(publish(writer, 1));
  auto original = std::optional(state.snapshot().value());
  State::Snapshot copy = *original;
  State::Snapshot second;
  second = copy;
  original.reset();
  ASSERT_TRUE(publish(writer, 2));
  EXPECT_FALSE(publish(writer, 3));
  copy = State::Snapshot();
  EXPECT_FALSE(publish(writer, 3));
  EXPECT_EQ(first(second), 1);
  second = State::Snapshot();
  for (int i = 3; i < 10; ++i) EXPECT_TRUE(publish(writer, static_cast<float>(i)));
}

TEST(Versioned, TensorOfASnapshotHoldsTheVersionToo) {
  const State state = make(3);
  auto writer = state.claim_writer("w").value();
  ASSERT_TRUE(publish(writer, 1));
  auto slice = std::optional(state.snapshot().value().tensor().slice(0, 1, 3).value());
  DLManagedTensorVersioned* lent = export_dlpack(*slice);
  ASSERT_TRUE(publish(writer, 2));
  EXPECT_FALSE(publish(writer, 3));
  EXPECT_EQ(slice->at<float>({1}).value(), 1.0F);
  slice.reset();
  EXPECT_FALSE(publish(writer, 3));
  EXPECT_NE(lent->flags & DLPACK_FLAG_BITMASK_READ_ONLY, 0U);
  lent->deleter(lent);
  EXPECT_TRUE(publish(writer, 3));
}

TEST(Versioned, ReaderOutlivesTheTensorAndItsWriter) {
  HostAllocator allocator;
  {
    State::Snapshot snapshot;
    ConstTensor tensor;
    {
      const State state = State::create("V_m", DType::f32, {4}, 4, allocator).value();
      auto writer = state.claim_writer("w").value();
      ASSERT_TRUE(publish(writer, 1, 5));
      snapshot = state.snapshot().value();
      tensor = state.snapshot().value().tensor();
    }
    EXPECT_EQ(first(snapshot), 1);
    EXPECT_EQ(snapshot.step(), 5U);
    snapshot = State::Snapshot();
    EXPECT_EQ(tensor.at<float>({2}).value(), 1.0F);
    EXPECT_GT(allocator.usage().live_bytes, 0U);
  }
  EXPECT_EQ(allocator.usage().live_bytes, 0U);
}

TEST(Versioned, WriterOutlivesTheHandles) {
  auto writer = make().claim_writer("w").value();
  EXPECT_EQ(publish(writer, 1).value(), 1U);
}

TEST(Versioned, EmptySnapshotHoldsNothing) {
  const State::Snapshot none;
  EXPECT_EQ(none.version(), 0U);
  EXPECT_EQ(none.step(), 0U);
  EXPECT_TRUE(none.span<float>().value().empty());
  EXPECT_EQ(none.tensor().size(), 0);
  State::Snapshot copy = none;
  copy = none;
  EXPECT_EQ(copy.version(), 0U);
}

TEST(Versioned, WriterLearnsThatAVersionIsWanted) {
  const State state = make();
  auto writer = state.claim_writer("w").value();
  EXPECT_FALSE(writer.requested());
  state.request();
  EXPECT_TRUE(writer.requested());
  ASSERT_TRUE(publish(writer, 1));
  EXPECT_FALSE(writer.requested());
}

TEST(Versioned, DoesNotShowItsElementsAsAnotherType) {
  const State state = make();
  auto writer = state.claim_writer("w").value();
  ASSERT_TRUE(publish(writer, 1));
  EXPECT_EQ(state.snapshot()->span<double>().error().code, ErrorCode::invalid_argument);
}

TEST(Versioned, NeedsThreeBuffersAndAPossibleShape) {
  for (const unsigned buffers : {0U, 1U, 2U, 255U, 1000U})
    EXPECT_EQ(State::create("x", DType::f32, {1}, buffers).error().code, ErrorCode::invalid_argument) << buffers;
  EXPECT_TRUE(State::create("x", DType::f32, {1}, 254));
  EXPECT_EQ(State::create("x", DType::f32, {-1}).error().code, ErrorCode::invalid_argument);
}

TEST(Versioned, TensorsWithoutElementsHaveVersionsToo) {
  const State state = make(3, {0});
  auto writer = state.claim_writer("w").value();
  for (std::uint64_t v = 1; v < 5; ++v) EXPECT_EQ(publish(writer, 1).value(), v);
  EXPECT_EQ(state.snapshot()->version(), 4U);
}

TEST(Versioned, FailedAllocationNamesTheTensorAndCanBeTriedAgain) {
  const State state = make(4, {std::int64_t{1} << 50});
  auto writer = state.claim_writer("w").value();
  const auto draft = writer.begin(0);
  EXPECT_EQ(draft.error().code, ErrorCode::out_of_memory);
  EXPECT_NE(draft.error().to_string().find("version 1 of \"V_m\""), std::string::npos) << draft.error();
  EXPECT_EQ(writer.begin(0).error().code, ErrorCode::out_of_memory);
  EXPECT_FALSE(writer.publish(0));
}

}  // namespace
}  // namespace neuract::memory
