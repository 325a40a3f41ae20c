#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "neuract/memory/result.hpp"
#include "neuract/snn/pathway.hpp"
#include "neuract/snn/plan.hpp"
#include "neuract/snn/synapse_table.hpp"
#include "neuract/snn/synapses/kernel.hpp"
#include "neuract/snn/synapses/rows.hpp"
#include "neuract/snn/synapses/short_term.hpp"

namespace neuract::snn::synapses {

/// tsodyks and tsodyks2: fixed weights, of which a spike delivers a share that depends on the spikes of its source. The
/// share is kept by source; synapses cost what static ones do.
class ShortTermPathway final : public Pathway {
 public:
  static Result<std::unique_ptr<Pathway>> build(const Plan& plan, std::uint32_t projection, const CohortRange& cohort,
                                                const BuildProgress& progress);

  void deliver(const Window& window) override;
  [[nodiscard]] Step longest_delay() const noexcept override { return rows_.delay_max; }
  void start_presentation() override;
  [[nodiscard]] std::uint64_t synapses() const noexcept override { return rows_.synapses(); }
  [[nodiscard]] std::uint64_t bytes() const noexcept override {
    return rows_.bytes() + sources_.size() * sizeof(sources_[0]);
  }
  [[nodiscard]] std::uint64_t events() const noexcept override { return events_; }
  [[nodiscard]] const char* representation() const noexcept override { return "short-term plastic"; }
  void save(StateWriter& out) const override;
  void load(StateReader& in) override;

 private:
  struct Source {
    Step last = -1;  // step of the last spike
    Resources resources;
  };
  struct Spike {  // under way
    Step sent = 0;
    double share = 0.0;
    std::uint32_t source = 0;
    std::uint32_t segment = 0;  // those before it have been reached
  };

  ShortTermPathway(const Plan& plan, std::uint32_t projection, Rows<std::int16_t> rows);

  ShortTermRule rule_;
  std::uint32_t population_;
  std::size_t receptor_;
  double weight_;        // of all synapses, where they have the same; in the unit of the target model
  double code_quantum_;  // of the rows' numbers
  double receptor_quantum_;
  Rows<std::int16_t> rows_;
  std::vector<Source> sources_;
  std::vector<Spike> under_way_;  // oldest first
  std::uint64_t events_ = 0;
  std::vector<ScaledRow> pieces_;
};

}  // namespace neuract::snn::synapses
