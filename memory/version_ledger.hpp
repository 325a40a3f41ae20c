#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "neuract/memory/result.hpp"

/// The bookkeeping behind Versioned<T>: which of a fixed number of buffers is the current version, which ones readers
/// still hold, and who may write. It knows buffers by number only.
///
/// How it works. `current_` packs the number of the current buffer (upper 8 bits) and how often that version was
/// acquired (lower 56).
///   acquire  current_ += 1                      the reader learns the buffer and is counted, in one step: wait-free
///   release  buffer.released += 1               wait-free
///   publish  old = exchange(current_, new, 0)   from here on nobody acquires the old buffer, and its count of
///   acquisitions is final
/// A buffer is free again when it is not current and released == acquired. Only the writer asks that question, and only
/// the writer sets `acquired`. Nobody ever waits for anybody.
///
/// Memory order. The exchange releases what the writer put into the buffer; an acquisition is an acquire on the same
/// variable and sees it (additions by other readers in between continue the release sequence). A reader's last look at
/// the buffer comes before its release of `released`; the writer's acquire load of the final count synchronises with
/// all of them for the same reason, so that writing into a recycled buffer comes after every read. Comparing counts for
/// equality makes it immune to their order.
///
/// A version can be acquired 2^56 times, which takes decades.

namespace neuract::memory {

class VersionLedger {
 public:
  static constexpr unsigned kMaxBuffers = 254;

  /// One buffer's place. `version` and `step` are written by the writer before publication and constant afterwards.
  struct Slot {
    std::uint64_t version = 0;
    std::uint64_t step = 0;

   private:
    friend class VersionLedger;
    std::atomic<std::uint64_t> released_{0};
    std::uint64_t acquired_ = 0;
    bool in_use_ = false;  ///< published once and not found free since; the writer's
  };

  /// 3 <= buffers <= kMaxBuffers.
  VersionLedger(std::string name, unsigned buffers);

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] unsigned buffers() const noexcept { return buffers_; }
  [[nodiscard]] const Slot& slot(unsigned index) const noexcept { return slots_[index]; }

  // For readers, from any thread.
  /// The buffer of the current version, held until released; nothing before the first publication.
  [[nodiscard]] std::optional<unsigned> acquire() noexcept;
  /// One more hold on a buffer that the caller holds already.
  void acquire_again(unsigned index) noexcept;
  void release(unsigned index) noexcept;
  /// 0 before the first publication.
  [[nodiscard]] std::uint64_t version() const noexcept { return version_.load(std::memory_order_acquire); }
  void request() noexcept { requested_.store(true, std::memory_order_relaxed); }

  // Who writes. busy, naming the holder, when somebody does.
  [[nodiscard]] Result<void> claim(std::string holder);
  void unclaim();

  // For the claimed writer only.
  [[nodiscard]] bool requested() const noexcept { return requested_.load(std::memory_order_relaxed); }
  /// The buffer to write the next version into; it stays the same until published.
  [[nodiscard]] unsigned draft() noexcept;
  /// The current buffer without counting as a reader.
  [[nodiscard]] std::optional<unsigned> current() const noexcept;
  /// Makes the draft the next version and returns its number. exhausted, with everything as before, when readers hold
  /// so many buffers that none would be left for the next draft.
  [[nodiscard]] Result<std::uint64_t> publish(std::uint64_t step);
  /// Published buffers that cannot be recycled now: the current one and those that readers hold.
  [[nodiscard]] unsigned live() noexcept;

 private:
  static constexpr unsigned kIndexShift = 56;
  static constexpr unsigned kNone = 255;
  static constexpr std::uint64_t pack(unsigned index) noexcept { return std::uint64_t{index} << kIndexShift; }
  static constexpr unsigned index_of(std::uint64_t word) noexcept { return static_cast<unsigned>(word >> kIndexShift); }
  static constexpr std::uint64_t count_of(std::uint64_t word) noexcept {
    return word & ((std::uint64_t{1} << kIndexShift) - 1);
  }

  [[nodiscard]] bool is_free(unsigned index) noexcept;
  [[nodiscard]] unsigned find_free() noexcept;

  const std::string name_;
  const unsigned buffers_;
  const std::unique_ptr<Slot[]> slots_;
  alignas(64) std::atomic<std::uint64_t> current_{pack(kNone)};
  alignas(64) std::atomic<std::uint64_t> version_{0};
  std::atomic<bool> requested_{false};
  unsigned draft_ = kNone;

  std::mutex claim_mutex_;
  std::optional<std::string> holder_;  // under claim_mutex_
};

}  // namespace neuract::memory
