#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <set>
#include <span>
#include <unordered_map>
#include <vector>

#include "neuract/snn/plan.hpp"
#include "neuract/snn/spikes.hpp"

/// The arithmetic of the epoch protocol: how far an actor may go now. Knows no actor.
namespace neuract::actors {

using snn::Step;
inline constexpr Step kNever = std::numeric_limits<Step>::max();

/// How many steps a producer may be ahead of what a consumer has confirmed. Consumers confirm every quarter of it, so
/// that a producer that is not too fast never waits. Long enough to bridge the wake-up of a thread (about 0.1 ms) for
/// networks of a microsecond a step.
inline Step credit_steps(Step longest_window) { return std::max<Step>(4 * longest_window, 1024); }

/// Bytes that a shard may have sent to the recorder without having heard that they are written.
inline constexpr std::uint64_t kRecorderCreditBytes = 32u << 20;

/// Shards to use when the user does not say: a small network is faster on fewer threads than the machine has.
std::uint32_t choose_threads(const snn::Plan& plan, std::uint32_t available);

/// Size of an output in memory, near enough for credit.
std::uint64_t bytes_of_output(const snn::ShardOutput& output) noexcept;

/// Where windows must end: at the goal, after the warm-up, at the run guard's windows, and where somebody wants a
/// snapshot.
class Windows {
 public:
  Windows(Step warmup, Step guard_window) : warmup_(warmup), guard_window_(guard_window) {}

  void run_to(Step goal) { goal_ = goal; }
  Step goal() const noexcept { return goal_; }
  void cut_at(Step step) { cuts_.insert(step); }
  void passed(Step now) { cuts_.erase(cuts_.begin(), cuts_.upper_bound(now)); }

  /// End of the window that begins at `now`; `now` itself when nothing may be done.
  Step next(Step now, Step horizon, Step quantum, Step credit) const noexcept;

  bool guard_due(Step now) const noexcept { return guard_window_ > 0 && now > 0 && now % guard_window_ == 0; }

 private:
  Step warmup_;
  Step guard_window_;  ///< 0 = no guard
  Step goal_ = 0;
  std::set<Step> cuts_;
};

/// Bounds how far a producer runs ahead of consumers from which it needs nothing itself. (A pair that exchanges spikes
/// both ways is bounded by its delays already.)
class Credit {
 public:
  /// Consumers are the targets that are not sources; both lists ascending. All begin at `now`.
  Credit(std::span<const std::uint32_t> targets, std::span<const std::uint32_t> sources, Step steps, Step now = 0);

  void confirm(std::uint32_t consumer, Step step) { confirmed_.at(consumer) = step; }
  Step limit() const noexcept;

 private:
  Step steps_;
  std::unordered_map<std::uint32_t, Step> confirmed_;
};

/// Sees when the mean rate of a population over a guard window exceeds the limit. Fed with all spikes so far, per shard
/// and window.
class RateWatch {
 public:
  struct Excess {
    std::uint32_t population = 0;
    Step end = 0;
    double rate_hz = 0.0;
  };

  RateWatch(const snn::Plan& plan, std::size_t shards);
  Step window() const noexcept { return window_; }  ///< steps; 0 = the network has no guard

  /// Goes on with a run of which `spikes[population]` had been fired at the last end of a window.
  void resume(std::span<const std::uint64_t> spikes) { before_.assign(spikes.begin(), spikes.end()); }

  /// `spikes[population]` since the beginning, of one shard at step `end`. Answers when this completes a window that is
  /// too fast.
  std::vector<Excess> add(Step end, std::span<const std::uint64_t> spikes);

 private:
  struct Window {
    Step end = 0;
    std::size_t reports = 0;
    std::vector<std::uint64_t> spikes;
  };
  const snn::Plan& plan_;
  std::size_t shards_;
  Step window_ = 0;
  std::vector<std::uint64_t> before_;  ///< spikes up to the last complete window
  std::vector<Window> open_;           ///< ascending
};

}  // namespace neuract::actors
