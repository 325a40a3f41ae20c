#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "neuract/snn/pathway.hpp"
#include "neuract/snn/state_io.hpp"
#include "neuract/snn/synapses/kernel.hpp"

namespace neuract::snn::synapses {

/// What the source neurons of a projection did: their last spike, the traces it left, and the spikes that have been sent
/// but have not reached all synapses of their row. Steps are relative to the pathway's base.
class Presynaptic {
 public:
  struct Traces {
    double rate = 0.0;  ///< -dt / tau
    bool accumulates = true;
    bool slow = false;
    double slow_rate = 0.0;
  };

  /// A spike under way, with what its synapses need of those before it.
  struct Spike {
    std::uint32_t source = 0;
    std::int32_t sent = 0;
    std::int32_t previous = kNever;
    std::uint32_t segment = 0;  ///< of the row: those before it have been reached
    double trace = 0.0;         ///< just after the previous spike; 0 = there was none
    double slow = 0.0;          ///< slow trace just before this one
  };

  Presynaptic(std::uint32_t sources, Traces traces);

  /// A spike of `source` sent in `step`: now under way.
  void send(std::uint32_t source, std::int32_t step);
  [[nodiscard]] std::vector<Spike>& under_way() noexcept { return under_way_; }
  [[nodiscard]] std::span<const Spike> under_way() const noexcept { return under_way_; }

  /// The last spike that was sent, and the trace after it; 0 = there was none.
  [[nodiscard]] std::int32_t last(std::uint32_t source) const noexcept { return last_[source]; }
  [[nodiscard]] double trace(std::uint32_t source) const noexcept { return trace_[source]; }

  void clear();
  void shift(std::int32_t steps);
  [[nodiscard]] std::uint64_t bytes() const noexcept;
  void save(StateWriter& out) const;
  void load(StateReader& in);

 private:
  Traces rules_;
  std::vector<std::int32_t> last_;
  std::vector<double> trace_;
  std::vector<double> slow_;
  std::vector<Spike> under_way_;  // oldest first
};

}  // namespace neuract::snn::synapses
