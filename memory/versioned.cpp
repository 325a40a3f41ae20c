#include "neuract/memory/versioned.hpp"

#include <vector>

#include "neuract/memory/copy.hpp"
#include "neuract/memory/version_ledger.hpp"

namespace neuract::memory {

struct Versioned<Tensor>::Core {
  Core(std::string name, DType element_type, Dims dims, unsigned buffer_count, Allocator& source)
      : ledger(std::move(name), buffer_count),
        dtype(element_type),
        shape(std::move(dims)),
        allocator(source),
        buffers(buffer_count) {}

  VersionLedger ledger;
  const DType dtype;
  const Dims shape;
  Allocator& allocator;
  /// Made by the writer when first drafted, then seen by readers through the ledger only. A buffer without owner is not
  /// made yet.
  std::vector<Tensor> buffers;
};

Result<Versioned<Tensor>> Versioned<Tensor>::create(std::string name, DType dtype, Dims shape, unsigned max_buffers,
                                                    Allocator& allocator) {
  if (max_buffers < 3 || max_buffers > VersionLedger::kMaxBuffers)
    return fail(ErrorCode::invalid_argument, "\"", name, "\" cannot have ", max_buffers,
                " buffers: there must be 3 to ", VersionLedger::kMaxBuffers,
                ", for a draft, the current version and readers of older ones");
  NEURACT_TRY(element_count(shape));
  return Versioned(std::make_shared<Core>(std::move(name), dtype, std::move(shape), max_buffers, allocator));
}

const std::string& Versioned<Tensor>::name() const noexcept { return core_->ledger.name(); }
DType Versioned<Tensor>::dtype() const noexcept { return core_->dtype; }
const Dims& Versioned<Tensor>::shape() const noexcept { return core_->shape; }
std::uint64_t Versioned<Tensor>::version() const noexcept { return core_->ledger.version(); }
void Versioned<Tensor>::request() const noexcept { core_->ledger.request(); }

Result<Versioned<Tensor>::Snapshot> Versioned<Tensor>::snapshot() const {
  const auto index = core_->ledger.acquire();
  if (!index) return fail(ErrorCode::not_found, "no version of \"", name(), "\" was published yet");
  return Snapshot(core_, *index);
}

Result<Versioned<Tensor>::Writer> Versioned<Tensor>::claim_writer(std::string holder) const {
  NEURACT_TRY(core_->ledger.claim(std::move(holder)));
  return Writer(core_);
}

Versioned<Tensor>::Snapshot::Snapshot(const Snapshot& other) noexcept : core_(other.core_), index_(other.index_) {
  if (core_ != nullptr) core_->ledger.acquire_again(index_);
}

Versioned<Tensor>::Snapshot::~Snapshot() {
  if (core_ != nullptr) core_->ledger.release(index_);
}

std::uint64_t Versioned<Tensor>::Snapshot::version() const noexcept {
  return core_ == nullptr ? 0 : core_->ledger.slot(index_).version;
}

std::uint64_t Versioned<Tensor>::Snapshot::step() const noexcept {
  return core_ == nullptr ? 0 : core_->ledger.slot(index_).step;
}

const ConstTensor& Versioned<Tensor>::Snapshot::elements() const noexcept {
  static const ConstTensor nothing;
  return core_ == nullptr ? nothing : core_->buffers[index_];
}

ConstTensor Versioned<Tensor>::Snapshot::tensor() const {
  return elements().with_owner(std::make_shared<Snapshot>(*this));
}

Versioned<Tensor>::Writer& Versioned<Tensor>::Writer::operator=(Writer&& other) noexcept {
  const Writer old(std::move(*this));
  core_ = std::move(other.core_);
  begun_ = std::exchange(other.begun_, false);
  return *this;
}

Versioned<Tensor>::Writer::~Writer() {
  if (core_ != nullptr) core_->ledger.unclaim();
}

std::uint64_t Versioned<Tensor>::Writer::version() const noexcept { return core_->ledger.version(); }
bool Versioned<Tensor>::Writer::requested() const noexcept { return core_->ledger.requested(); }

Result<Tensor> Versioned<Tensor>::Writer::begin(std::uint64_t based_on, Contents contents) {
  VersionLedger& ledger = core_->ledger;
  if (based_on != ledger.version())
    return fail(ErrorCode::stale, "a write to \"", ledger.name(), "\" is based on version ", based_on, ", but version ",
                ledger.version(), " is the current one");
  const unsigned index = ledger.draft();
  Tensor& draft = core_->buffers[index];
  const auto current = ledger.current();
  // Before the first version, "latest" is a fresh buffer: an abandoned draft may have left its elements in this one.
  if (draft.owner() == nullptr || (contents == Contents::latest && !current)) {
    auto made = Tensor::zeros(core_->dtype, core_->shape, core_->allocator);
    if (!made)
      return Unexpected(std::move(made).error().with_context("version " + std::to_string(based_on + 1) + " of \"" +
                                                             ledger.name() + '"'));
    draft = *std::move(made);
  }
  if (contents == Contents::latest && current) NEURACT_TRY(copy(core_->buffers[*current], draft));
  begun_ = true;
  return draft;
}

Result<std::uint64_t> Versioned<Tensor>::Writer::publish(std::uint64_t step) {
  if (!begun_)
    return fail(ErrorCode::invalid_argument, "there is no draft of \"", core_->ledger.name(),
                "\" to publish; begin() makes one");
  NEURACT_TRY_ASSIGN(const std::uint64_t version, core_->ledger.publish(step));
  begun_ = false;
  return version;
}

}  // namespace neuract::memory
