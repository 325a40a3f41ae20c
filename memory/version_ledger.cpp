#include "neuract/memory/version_ledger.hpp"

#include <utility>

namespace neuract::memory {

VersionLedger::VersionLedger(std::string name, unsigned buffers)
    : name_(std::move(name)), buffers_(buffers), slots_(std::make_unique<Slot[]>(buffers)) {}

std::optional<unsigned> VersionLedger::acquire() noexcept {
  const unsigned index = index_of(current_.fetch_add(1, std::memory_order_acquire));
  if (index == kNone) return std::nullopt;
  return index;
}

void VersionLedger::acquire_again(unsigned index) noexcept {
  // While the caller holds the buffer, released < acquired; asking for one more release keeps it so until both are
  // gone.
  slots_[index].released_.fetch_sub(1, std::memory_order_relaxed);
}

void VersionLedger::release(unsigned index) noexcept {
  slots_[index].released_.fetch_add(1, std::memory_order_release);
}

Result<void> VersionLedger::claim(std::string holder) {
  const std::lock_guard lock(claim_mutex_);
  if (holder_)
    return fail(ErrorCode::busy, '"', holder, "\" cannot write \"", name_, "\": its only writer is \"", *holder_, '"');
  holder_ = std::move(holder);
  return {};
}

void VersionLedger::unclaim() {
  const std::lock_guard lock(claim_mutex_);
  holder_.reset();
}

bool VersionLedger::is_free(unsigned index) noexcept {
  Slot& slot = slots_[index];
  if (slot.in_use_ && index != current().value_or(kNone) &&
      slot.released_.load(std::memory_order_acquire) == slot.acquired_)
    slot.in_use_ = false;
  return !slot.in_use_;
}

unsigned VersionLedger::find_free() noexcept {
  for (unsigned i = 0; i < buffers_; ++i)
    if (i != draft_ && is_free(i)) return i;
  return kNone;
}

std::optional<unsigned> VersionLedger::current() const noexcept {
  // Only the writer changes the index, so it reads its own last store.
  const unsigned index = index_of(current_.load(std::memory_order_relaxed));
  if (index == kNone) return std::nullopt;
  return index;
}

unsigned VersionLedger::draft() noexcept {
  // publish() made sure that one is free.
  if (draft_ == kNone) draft_ = find_free();
  return draft_;
}

Result<std::uint64_t> VersionLedger::publish(std::uint64_t step) {
  if (find_free() == kNone)
    return fail(ErrorCode::exhausted, "\"", name_, "\" cannot publish: readers hold ", live() - 1,
                " older versions, and there are only ", buffers_, " buffers");
  const std::uint64_t version = version_.load(std::memory_order_relaxed) + 1;
  Slot& next = slots_[draft_];
  next.version = version;
  next.step = step;
  next.in_use_ = true;
  // Nobody else knows this buffer now; the exchange publishes the counters along with the contents.
  next.released_.store(0, std::memory_order_relaxed);
  requested_.store(false, std::memory_order_relaxed);
  const std::uint64_t old = current_.exchange(pack(draft_), std::memory_order_acq_rel);
  if (index_of(old) != kNone) slots_[index_of(old)].acquired_ = count_of(old);
  draft_ = kNone;
  version_.store(version, std::memory_order_release);
  return version;
}

unsigned VersionLedger::live() noexcept {
  unsigned count = 0;
  for (unsigned i = 0; i < buffers_; ++i) count += i != draft_ && !is_free(i) ? 1 : 0;
  return count;
}

}  // namespace neuract::memory
