#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "neuract/actors/messages.hpp"

/// Answers that come from several actors, put together. Knows no actor.
namespace neuract::actors {

/// All actors stop where they are and say where that is.
class Rendezvous {
 public:
  bool under_way() const noexcept { return missing_ > 0; }
  /// Number of the new round.
  std::uint64_t begin(std::size_t actors) {
    missing_ = actors;
    furthest_ = 0;
    return ++round_;
  }
  /// The step that all can reach, once the last has answered.
  std::optional<Step> add(const Held& held) {
    if (held.round != round_ || missing_ == 0) return std::nullopt;
    furthest_ = std::max(furthest_, held.now);
    if (--missing_ > 0) return std::nullopt;
    return furthest_;
  }

 private:
  std::uint64_t round_ = 0;
  std::size_t missing_ = 0;
  Step furthest_ = 0;
};

/// Snapshots whose parts are still on their way.
class SnapshotParts {
 public:
  void expect(std::uint64_t request, std::size_t shards, Step step, double dt_ms) {
    Open open{shards, std::nullopt, {}};
    open.snapshot.step = step;
    open.snapshot.time_ms = static_cast<double>(step) * dt_ms;
    open_.emplace(request, std::move(open));
  }

  /// The whole, or the first error, once the last part is there.
  std::optional<Result<StateSnapshot>> add(StateTaken& taken) {
    const auto found = open_.find(taken.request);
    if (found == open_.end()) return std::nullopt;
    Open& open = found->second;
    if (taken.error && !open.error) open.error = std::move(taken.error);
    auto& parts = open.snapshot.parts;
    std::move(taken.parts.begin(), taken.parts.end(), std::back_inserter(parts));
    if (--open.missing > 0) return std::nullopt;
    std::sort(parts.begin(), parts.end(), [](const StatePart& a, const StatePart& b) { return a.first < b.first; });
    Result<StateSnapshot> whole =
        open.error ? Result<StateSnapshot>(*std::move(open.error)) : Result<StateSnapshot>(std::move(open.snapshot));
    open_.erase(found);
    return whole;
  }

  /// Those that will never be complete.
  std::vector<std::uint64_t> give_up() {
    std::vector<std::uint64_t> requests;
    for (const auto& [request, open] : open_) requests.push_back(request);
    open_.clear();
    return requests;
  }

 private:
  struct Open {
    std::size_t missing;
    std::optional<Error> error;
    StateSnapshot snapshot;
  };
  std::map<std::uint64_t, Open> open_;
};

}  // namespace neuract::actors
