#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <vector>

#include "neuract/snn/plan.hpp"
#include "neuract/snn/shard.hpp"

namespace neuract::bench {

/// The shards of a network, taking turns in one loop: what a simulation would cost without actors.
class PlainLoop {
 public:
  /// Throws where the network cannot be built.
  PlainLoop(const snn::NetworkSpec& spec, std::uint32_t shards) : plan_(snn::Plan::make(spec).value()) {
    const auto placement = snn::place(*plan_, shards);
    for (std::uint32_t i = 0; i < placement.size(); ++i)
      shards_.push_back(snn::Shard::build(plan_, placement, i).value());
  }
  [[nodiscard]] std::size_t shards() const { return shards_.size(); }

  /// Simulates `ms` more; seconds that it took.
  double run(double ms) {
    const auto begin = std::chrono::steady_clock::now();
    goal_ += plan_->steps_of(ms);
    while (shards_.back()->now() < goal_) {
      for (auto& shard : shards_) {
        const snn::Step to = std::min({goal_, shard->horizon(), shard->now() + shard->quantum()});
        if (to <= shard->now()) continue;
        const auto output = shard->advance(to);
        for (const std::uint32_t target : shard->targets()) shards_[target]->receive(output);
      }
    }
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  }

 private:
  snn::PlanPtr plan_;
  std::vector<std::unique_ptr<snn::Shard>> shards_;
  snn::Step goal_ = 0;
};

}  // namespace neuract::bench
