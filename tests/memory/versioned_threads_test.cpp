// The contract of Versioned<Tensor> with everybody at work at once. Run under ThreadSanitizer these tests also prove
// the memory ordering.

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <deque>
#include <random>
#include <thread>
#include <vector>

#include "neuract/memory/versioned.hpp"

namespace neuract::memory {
namespace {

using State = Versioned<Tensor>;
constexpr std::uint64_t kPublishes = 20'000;
constexpr std::size_t kElements = 67;

/// Element i of version v; anything torn, stale or from another version differs.
std::uint64_t element(std::uint64_t version, std::size_t i) { return version * 0x9e3779b97f4a7c15U + i; }

std::size_t wrong_elements(const State::Snapshot& snapshot) {
  const auto elements = snapshot.span<std::uint64_t>().value();
  std::size_t wrong = elements.size() == kElements && snapshot.step() == 3 * snapshot.version() ? 0 : 1;
  for (std::size_t i = 0; i < elements.size(); ++i) wrong += elements[i] != element(snapshot.version(), i) ? 1 : 0;
  return wrong;
}

/// Publishes kPublishes versions, trying again while buffers are exhausted; returns how often they were.
std::uint64_t publish_all(const State& state) {
  auto writer = state.claim_writer("writer").value();
  std::uint64_t exhausted = 0;
  while (writer.version() < kPublishes) {
    const std::uint64_t next = writer.version() + 1;
    const Tensor draft = writer.begin(next - 1, State::Contents::unspecified).value();
    const auto elements = draft.span<std::uint64_t>().value();
    for (std::size_t i = 0; i < elements.size(); ++i) elements[i] = element(next, i);
    for (auto published = writer.publish(3 * next); !published; published = writer.publish(3 * next)) {
      EXPECT_EQ(published.error().code, ErrorCode::exhausted);
      ++exhausted;
      std::this_thread::yield();
    }
  }
  return exhausted;
}

State make(unsigned buffers) { return State::create("state", DType::u64, {kElements}, buffers).value(); }

TEST(VersionedThreads, ManyReadersNeverSeeATornOrOlderVersion) {
  const State state = make(8);
  std::atomic<std::size_t> wrong = 0, read = 0;
  std::vector<std::thread> readers;
  readers.reserve(3);
  for (int r = 0; r < 3; ++r)
    readers.emplace_back([&] {
      for (std::uint64_t last = 0; last < kPublishes;) {
        const auto snapshot = state.snapshot();
        if (!snapshot) continue;
        if (snapshot->version() < last) ++wrong;
        last = snapshot->version();
        wrong += wrong_elements(*snapshot);
        ++read;
      }
    });
  publish_all(state);
  for (auto& reader : readers) reader.join();
  EXPECT_EQ(wrong, 0U);
  EXPECT_GE(read, 3U);
  EXPECT_EQ(state.version(), kPublishes);
}

TEST(VersionedThreads, SlowReadersKeepTheirVersionsWhileTheWriterGoesOn) {
  constexpr unsigned kSlowReaders = 3;
  const State state = make(kSlowReaders + 3);  // one each, the current version, the draft and the next one
  std::atomic<std::size_t> wrong = 0;
  std::atomic<bool> done = false;
  std::vector<std::thread> readers;
  for (unsigned r = 0; r < kSlowReaders; ++r)
    readers.emplace_back([&, r] {
      while (!done) {
        const auto snapshot = state.snapshot();
        if (!snapshot) continue;
        std::this_thread::sleep_for(std::chrono::microseconds(200 * (r + 1)));
        wrong += wrong_elements(*snapshot);
      }
    });
  const std::uint64_t exhausted = publish_all(state);
  done = true;
  for (auto& reader : readers) reader.join();
  EXPECT_EQ(wrong, 0U);
  EXPECT_EQ(exhausted, 0U) << "there is a buffer for everybody";
}

TEST(VersionedThreads, HoardersExhaustTheBuffersAndNothingElse) {
  const State state = make(4);
  std::atomic<std::size_t> wrong = 0;
  std::atomic<bool> done = false;
  std::vector<std::thread> readers;
  for (unsigned r = 0; r < 2; ++r)
    readers.emplace_back([&, r] {
      std::mt19937 random(r);
      std::deque<State::Snapshot> hoard;
      while (!done) {
        if (auto snapshot = state.snapshot()) hoard.push_back(*std::move(snapshot));
        if (random() % 4 == 0 && !hoard.empty()) hoard.push_back(hoard.front());  // copies, too
        while (hoard.size() > random() % 5) {
          wrong += wrong_elements(hoard.front());
          hoard.pop_front();
        }
      }
    });
  publish_all(state);
  done = true;
  for (auto& reader : readers) reader.join();
  EXPECT_EQ(wrong, 0U);
  EXPECT_EQ(state.version(), kPublishes);
}

TEST(VersionedThreads, SnapshotsMayBeHandedToOtherThreadsAndOutliveEverything) {
  std::vector<State::Snapshot> kept;
  std::vector<ConstTensor> tensors;
  {
    const State state = make(100);
    std::thread writer([&] { publish_all(state); });
    while (kept.size() < 40)
      if (auto snapshot = state.snapshot();
          snapshot && (kept.empty() || snapshot->version() != kept.back().version())) {
        tensors.push_back(snapshot->tensor());
        kept.push_back(*std::move(snapshot));
      } else if (state.version() == kPublishes) {
        break;
      }
    writer.join();
  }
  std::atomic<std::size_t> wrong = 0;
  std::thread reader([&wrong, kept = std::move(kept), tensors = std::move(tensors)] {
    for (const auto& snapshot : kept) wrong += wrong_elements(snapshot);
    for (std::size_t i = 0; i < tensors.size(); ++i)
      wrong += (tensors[i].at<std::uint64_t>({1}).value() != element(kept[i].version(), 1)) ? 1 : 0;
  });
  reader.join();
  EXPECT_EQ(wrong, 0U);
}

TEST(VersionedThreads, ManyWouldBeWritersGetTheRightOneAtATime) {
  const State state = make(4);
  constexpr std::uint64_t kThreads = 3, kEach = 300;
  std::vector<std::thread> writers;
  writers.reserve(kThreads);
  for (std::uint64_t t = 0; t < kThreads; ++t)
    writers.emplace_back([&] {
      for (std::uint64_t done = 0; done < kEach;) {
        auto writer = state.claim_writer("one of many");
        if (!writer) {
          EXPECT_EQ(writer.error().code, ErrorCode::busy);
          std::this_thread::yield();
          continue;
        }
        const Tensor draft = writer->begin(writer->version()).value();
        draft.span<std::uint64_t>().value()[0] += 1;  // would lose counts if two wrote at once
        EXPECT_TRUE(writer->publish(0));
        ++done;
      }
    });
  for (auto& writer : writers) writer.join();
  EXPECT_EQ(state.version(), kThreads * kEach);
  EXPECT_EQ(state.snapshot()->span<std::uint64_t>().value()[0], kThreads * kEach);
}

TEST(VersionedThreads, RequestedVersionArrives) {
  const State state = make(4);
  std::atomic<bool> done = false;
  std::thread owner([&] {
    auto writer = state.claim_writer("owner").value();
    for (std::uint64_t step = 0; !done; ++step) {
      if (!writer.requested()) {
        std::this_thread::yield();
        continue;
      }
      const Tensor draft = writer.begin(writer.version()).value();
      draft.span<std::uint64_t>().value()[0] = step;
      (void)writer.publish(step);
    }
  });
  for (int i = 0; i < 100; ++i) {
    const std::uint64_t before = state.version();
    state.request();
    while (state.version() == before) std::this_thread::yield();
    EXPECT_EQ(state.snapshot()->span<std::uint64_t>().value()[0], state.snapshot()->step());
  }
  done = true;
  owner.join();
  EXPECT_GE(state.version(), 100U);
}

}  // namespace
}  // namespace neuract::memory
