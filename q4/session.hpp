#pragma once

#include <memory>

#include "neuract/memory/result.hpp"
#include "neuract/q4/diagnostics.hpp"
#include "neuract/q4/dispatcher.hpp"

namespace neuract::q4 {

namespace detail {
class SessionState;
}

struct Q4SessionConfig {
  DispatchPolicy policy{};
  DiagnosticsSink on_diagnostics{};  ///< may be empty
};

/// Owns everything that layers need to compute: their prepared weights, the buffers that they convert in, what was
/// found out about the machine. Layers (Q4Linear) hold none of it. With the session all of it goes, except what a
/// forward that is under way still uses, which goes when that returns; a layer that is still there then answers every
/// call with the error `cancelled`.
///
/// Move-only. Threads: layers may be made in the same session, and used, by several threads at once.
class Q4Session {
 public:
  /// Asks the machine what it can do, once. Errors: those of decide(), where the policy suits no format.
  [[nodiscard]] static Result<Q4Session> create(Q4SessionConfig config = {});
  /// The same on a machine described by the caller.
  [[nodiscard]] static Result<Q4Session> create(Q4SessionConfig config, Capability capability);

  Q4Session(Q4Session&&) noexcept = default;
  Q4Session& operator=(Q4Session&&) noexcept = default;

  [[nodiscard]] const DispatchPolicy& policy() const noexcept;
  [[nodiscard]] const Capability& capability() const noexcept;
  [[nodiscard]] const memory::UnifiedDecision& unified_memory() const noexcept;

  /// Frees the buffers that no forward is using. They come back when they are needed.
  void release_buffers() noexcept;

 private:
  friend class Q4Linear;
  explicit Q4Session(std::shared_ptr<detail::SessionState> state) noexcept : state_(std::move(state)) {}

  std::shared_ptr<detail::SessionState> state_;
};

}  // namespace neuract::q4
