#pragma once

#include <cstdint>
#include <vector>

#include "neuract/snn/state_io.hpp"
#include "neuract/snn/synapses/kernel.hpp"

namespace neuract::snn::synapses {

/// The last spikes of the neurons of a cohort, with their traces, as synapses onto them need them: what a row of
/// synapses has not taken into account yet is always there. All neurons have room for the same number of spikes, which
/// grows; whoever adds a spike asks for room first.
template <class Real>
class PostHistory {
 public:
  struct Traces {
    double rate = 0.0;        ///< -dt / tau of the fast trace
    bool accumulates = true;  ///< or is 1 after each spike
    bool slow = false;
    double slow_rate = 0.0;
  };

  PostHistory(std::uint32_t neurons, Traces traces);

  [[nodiscard]] PostSpikes<Real> view() const noexcept {
    return {latest_.data(), steps_.data(), traces_.data(), slow_.empty() ? nullptr : slow_.data(), depth_};
  }
  [[nodiscard]] std::uint32_t depth() const noexcept { return depth_; }

  /// Whether a spike can be added to `neuron` while its spikes after `lower` stay, and one before `upper`.
  [[nodiscard]] bool has_room(std::uint32_t neuron, std::int32_t lower, std::int32_t upper) const noexcept {
    const std::int32_t* const steps = steps_.data() + std::size_t{neuron} * depth_;
    return steps[depth_ - 1] <= lower && steps[depth_ - 2] < upper;
  }
  void add(std::uint32_t neuron, std::int32_t step);
  /// Twice the room for all.
  void deepen();

  void clear();
  /// All steps become smaller by `steps`.
  void shift(std::int32_t steps);

  [[nodiscard]] std::uint64_t bytes() const noexcept;
  void save(StateWriter& out) const;
  void load(StateReader& in);

 private:
  static constexpr std::uint32_t kLeastDepth = 8;

  void fill_latest(std::uint32_t neuron) noexcept;

  std::uint32_t neurons_;
  std::uint32_t depth_ = kLeastDepth;
  Traces rules_;
  std::vector<typename PostSpikes<Real>::Latest> latest_;
  std::vector<std::int32_t> steps_;  // [neuron][depth], newest first
  std::vector<Real> traces_;
  std::vector<Real> slow_;
};

}  // namespace neuract::snn::synapses
