#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "neuract/memory/host_array.hpp"
#include "neuract/memory/result.hpp"
#include "neuract/snn/pathway.hpp"
#include "neuract/snn/plan.hpp"
#include "neuract/snn/synapse_table.hpp"
#include "neuract/snn/synapses/parameters.hpp"
#include "neuract/snn/synapses/post_history.hpp"
#include "neuract/snn/synapses/presynaptic.hpp"
#include "neuract/snn/synapses/rows.hpp"

namespace neuract::snn::synapses {

/// stdp_dopamine: pairs of spikes change an eligibility trace c of each synapse, and the weight moves by c (n - b), n the
/// dopamine trace that all synapses of the projection share.
///
/// Between the spikes of its two neurons a synapse's c decays, and what its weight does follows from the integral of
/// (n - b) exp(-t / tau_c), which is kept by step. Every tau_c or so all synapses are brought up to date and the
/// integral begins anew; that happens at fixed steps, whatever the windows are. All synapses have one delay.
template <class Real>
class DopaminePathway final : public Pathway {
 public:
  static Result<std::unique_ptr<Pathway>> build(const Plan& plan, std::uint32_t projection, const CohortRange& cohort,
                                                const BuildProgress& progress);

  void deliver(const Window& window) override;
  void fired(const SpikeBatch& spikes) override;
  [[nodiscard]] bool wants_fired() const noexcept override { return true; }
  [[nodiscard]] Step longest_delay() const noexcept override { return rows_.delay_max; }
  void start_presentation() override;
  [[nodiscard]] std::uint64_t synapses() const noexcept override { return rows_.synapses(); }
  [[nodiscard]] std::uint64_t bytes() const noexcept override;
  [[nodiscard]] std::uint64_t events() const noexcept override { return events_; }
  [[nodiscard]] const char* representation() const noexcept override {
    return sizeof(Real) == sizeof(float) ? "plastic f32" : "plastic f64";
  }
  void save(StateWriter& out) const override;
  void load(StateReader& in) override;
  [[nodiscard]] WeightList weights() const override;

 private:
  /// What changes in a synapse: x = |w| / largest magnitude, and c.
  struct Synapses {
    Real* x;
    Real* c;
  };
  /// A row, or its part, and when its source fired last.
  struct RowTimes {
    std::int32_t updated;   ///< synapses know everything up to this step
    std::int32_t previous;  ///< last spike of the source, and the trace after it
    double trace;
    std::int32_t now;
  };

  DopaminePathway(const Plan& plan, std::uint32_t projection, Rows<Real> rows, std::uint32_t neurons);

  [[nodiscard]] std::int32_t relative(Step step) const noexcept { return static_cast<std::int32_t>(step - base_); }
  void step_dopamine(std::uint32_t spikes);
  void begin_epoch();
  void update_row(std::uint32_t source, const RowTimes& times, Synapses synapses, std::int32_t* inputs) const noexcept;
  void update_all(std::int32_t now, Synapses synapses) const;

  std::uint32_t source_;
  std::uint32_t modulator_;
  StdpDopamine::Parameters parameters_;
  double dt_;
  std::size_t receptor_;
  bool negative_;
  double largest_ = 1.0;   // magnitude of the largest weight
  double smallest_ = 0.0;  // of the smallest, relative to it
  double scale_;           // quanta of x = 1
  Rows<Real> rows_;
  memory::HostArray<Real> eligibility_;
  Presynaptic pre_;
  PostHistory<Real> post_;

  Step base_ = 0;   // of relative steps
  Step now_ = 0;    // what arrives before it has been delivered
  Step clock_ = 0;  // spikes sent before it have been taken into account, and dopamine that acts before it
  Step epoch_ = 0;  // when all synapses were last brought up to date
  std::int32_t epoch_steps_;
  double dopamine_ = 0.0;              // n just after the spikes of step clock_ - 1
  std::deque<std::uint32_t> rewards_;  // spikes of the modulator that act in clock_, clock_ + 1 …
  std::vector<double> integral_;       // by step of the epoch: of (n - b) exp(-t / tau_c)
  std::vector<double> left_;           // exp(-k dt / tau_c)
  std::vector<double> grown_;          // exp(+k dt / tau_c)
  std::uint64_t events_ = 0;
};

}  // namespace neuract::snn::synapses
