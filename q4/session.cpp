#include "neuract/q4/session.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "neuract/q4/session_state.hpp"

namespace neuract::q4 {
namespace detail {

Result<BufferPool::Lease> BufferPool::borrow(std::size_t floats) {
  {
    const std::lock_guard lock(mutex_);
    const auto fits =
        std::find_if(free_.begin(), free_.end(), [=](const auto& array) { return array.size() >= floats; });
    if (fits != free_.end()) {
      memory::HostArray<float> array = std::move(*fits);
      free_.erase(fits);
      return Lease(this, std::move(array));
    }
    // The one that is too small gives way to one that is not, so that sizes that grow leave nothing behind.
    if (!free_.empty()) free_.pop_back();
  }
  NEURACT_TRY_ASSIGN(auto array, memory::HostArray<float>::zeros(floats));
  return Lease(this, std::move(array));
}

void BufferPool::give_back(memory::HostArray<float> array) noexcept {
  const std::lock_guard lock(mutex_);
  try {
    free_.push_back(std::move(array));
  } catch (const std::bad_alloc&) {  // then it is simply freed
  }
}

void BufferPool::clear() noexcept {
  const std::lock_guard lock(mutex_);
  free_.clear();
}

void SessionState::keep(std::shared_ptr<void> resource) {
  const std::lock_guard lock(mutex_);
  resources_.insert(std::move(resource));
}

void SessionState::release(const std::shared_ptr<void>& resource) noexcept {
  const std::lock_guard lock(mutex_);
  resources_.erase(resource);
}

}  // namespace detail

Result<Q4Session> Q4Session::create(Q4SessionConfig config) { return create(std::move(config), probe_capability()); }

Result<Q4Session> Q4Session::create(Q4SessionConfig config, Capability capability) {
  // A policy that suits no format is an error now, not at the first weight. Which formats a named backend takes is known.
  const auto* named = std::find_if(kBackends.begin(), kBackends.end(),
                                   [&](const BackendTraits& row) { return row.name == config.policy.backend; });
  std::optional<Result<Decision>> decision;
  for (const FormatTraits& row : kFormats) {
    if (named != kBackends.end() && !named->takes(row.format)) continue;
    decision = decide(row.format, config.policy, capability);
    if (*decision) break;
  }
  if (!*decision) return Unexpected(std::move(*decision).error());
  return Q4Session(std::make_shared<detail::SessionState>(std::move(config), std::move(capability),
                                                          std::move((*decision)->unified)));
}

const DispatchPolicy& Q4Session::policy() const noexcept { return state_->config().policy; }
const Capability& Q4Session::capability() const noexcept { return state_->capability(); }
const memory::UnifiedDecision& Q4Session::unified_memory() const noexcept { return state_->unified(); }
void Q4Session::release_buffers() noexcept { state_->buffers()->clear(); }

}  // namespace neuract::q4
