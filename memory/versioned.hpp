#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include "neuract/memory/result.hpp"
#include "neuract/memory/tensor.hpp"

/// Versioned<Tensor>: one writer, any number of readers, nobody waits.
///
///   auto state  = *Versioned<Tensor>::create("E", DType::f32, {3, 10000});
///   auto writer = *state.claim_writer("population E");             // the only one; move-only
///   auto draft  = *writer.begin(writer.version());                 // private until published
///   fill(*draft.span<float>());
///   writer.publish(step);                                          // version + 1
///   auto seen   = *state.snapshot();                               // any thread, at any time
///   seen.version(), seen.step(), *seen.span<float>();              // immutable for as long as it is held
///
/// A snapshot costs a few atomic additions and no copy. Buffers are allocated when they are first needed and recycled
/// when their last snapshot goes, so that publishing faster than anybody reads needs two of them. Readers that hold on
/// to old versions use up the others: publish() then reports `exhausted` and changes nothing, and the writer may go on
/// writing its draft and publish later. Large state is published on demand: a reader calls request(), and the owner
/// publishes at a good moment when its writer says requested().
///
/// Thread-safe: everything but Writer, which belongs to one thread at a time. How it works: version_ledger.hpp.

namespace neuract::memory {

template <class T>
class Versioned;

/// A handle: copies are the same tensor. Writers and snapshots stay good when all handles are gone.
template <>
class Versioned<Tensor> {
  struct Core;

 public:
  static constexpr unsigned kDefaultBuffers = 4;

  /// What a draft holds at first.
  enum class Contents : std::uint8_t {
    latest,       ///< a copy of the current version; zeros before the first
    unspecified,  ///< anything: for writers that overwrite all of it
  };

  class Snapshot;
  class Writer;

  /// `max_buffers`: one for the writer's draft, one for the current version, the rest for older versions that readers
  /// hold; from 3 to 254. Allocates no elements. Errors: invalid_argument.
  [[nodiscard]] static Result<Versioned> create(std::string name, DType dtype, Dims shape,
                                                unsigned max_buffers = kDefaultBuffers,
                                                Allocator& allocator = host_allocator());

  [[nodiscard]] const std::string& name() const noexcept;
  [[nodiscard]] DType dtype() const noexcept;
  [[nodiscard]] const Dims& shape() const noexcept;
  /// The latest published version; 0 before the first.
  [[nodiscard]] std::uint64_t version() const noexcept;

  /// The current version. not_found before the first.
  [[nodiscard]] Result<Snapshot> snapshot() const;
  /// Asks the writer's owner to publish.
  void request() const noexcept;

  /// busy, naming the holder, while there is another writer.
  [[nodiscard]] Result<Writer> claim_writer(std::string holder) const;

 private:
  explicit Versioned(std::shared_ptr<Core> core) noexcept : core_(std::move(core)) {}
  std::shared_ptr<Core> core_;
};

/// One version, held. Copies hold it too. A default-made one holds nothing: version 0 and no elements.
class Versioned<Tensor>::Snapshot {
 public:
  Snapshot() = default;
  Snapshot(const Snapshot& other) noexcept;
  Snapshot(Snapshot&& other) noexcept : core_(std::move(other.core_)), index_(other.index_) {}
  Snapshot& operator=(Snapshot other) noexcept {
    core_.swap(other.core_);
    std::swap(index_, other.index_);
    return *this;
  }
  ~Snapshot();

  [[nodiscard]] std::uint64_t version() const noexcept;
  /// As given to publish().
  [[nodiscard]] std::uint64_t step() const noexcept;

  /// All elements; good while this snapshot, or a copy of it, is held.
  template <class T>
  [[nodiscard]] Result<std::span<const T>> span() const {
    return elements().span<T>();
  }

  /// A tensor that holds the version itself, as do its copies, slices and DLPack exports.
  [[nodiscard]] ConstTensor tensor() const;

 private:
  friend class Versioned;
  Snapshot(std::shared_ptr<Core> core, unsigned index) noexcept : core_(std::move(core)), index_(index) {}
  [[nodiscard]] const ConstTensor& elements() const noexcept;

  std::shared_ptr<Core> core_;
  unsigned index_ = 0;
};

/// The right to write. Ends with this object; a draft that was not published is then gone.
class Versioned<Tensor>::Writer {
 public:
  Writer(Writer&& other) noexcept : core_(std::move(other.core_)), begun_(std::exchange(other.begun_, false)) {}
  Writer& operator=(Writer&& other) noexcept;
  ~Writer();

  [[nodiscard]] std::uint64_t version() const noexcept;
  /// Somebody asked for a version since the last one.
  [[nodiscard]] bool requested() const noexcept;

  /// The draft of the next version, contiguous; it must not be written after publish(). stale unless `based_on` is the
  /// current version (0 before the first): what was computed from an older one must not replace it. Beginning again
  /// before publishing starts over.
  [[nodiscard]] Result<Tensor> begin(std::uint64_t based_on, Contents contents = Contents::latest);

  /// Makes the draft the next version and returns its number. exhausted: see above. invalid_argument: nothing was
  /// begun.
  Result<std::uint64_t> publish(std::uint64_t step);

 private:
  friend class Versioned;
  explicit Writer(std::shared_ptr<Core> core) noexcept : core_(std::move(core)) {}

  std::shared_ptr<Core> core_;
  bool begun_ = false;
};

}  // namespace neuract::memory
