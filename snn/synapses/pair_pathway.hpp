#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "neuract/memory/result.hpp"
#include "neuract/snn/pathway.hpp"
#include "neuract/snn/plan.hpp"
#include "neuract/snn/synapse_table.hpp"
#include "neuract/snn/synapses/kernel.hpp"
#include "neuract/snn/synapses/pair_model.hpp"
#include "neuract/snn/synapses/post_history.hpp"
#include "neuract/snn/synapses/presynaptic.hpp"
#include "neuract/snn/synapses/rows.hpp"

namespace neuract::snn::synapses {

/// stdp_pair, stdp_pl, stdp_triplet and vogels_sprekeler: weights that change with the spikes of the two neurons alone.
///
/// A synapse is brought up to date when a spike arrives at it: with the spikes of its target since its last one, then
/// with the spike itself. Where the history of a neuron is full, all rows are brought up to date as far as no spike under
/// way can see a difference; since every change of a weight is computed from the times of its two spikes and the traces
/// they left, that cannot change a bit.
template <class Real>
class PairPathway final : public Pathway {
 public:
  static Result<std::unique_ptr<Pathway>> build(const Plan& plan, std::uint32_t projection, const CohortRange& cohort,
                                                const BuildProgress& progress);

  void deliver(const Window& window) override;
  void fired(const SpikeBatch& spikes) override;
  [[nodiscard]] bool wants_fired() const noexcept override { return true; }
  [[nodiscard]] Step longest_delay() const noexcept override { return rows_.delay_max; }
  void start_presentation() override;
  [[nodiscard]] std::uint64_t synapses() const noexcept override { return rows_.synapses(); }
  [[nodiscard]] std::uint64_t bytes() const noexcept override { return rows_.bytes() + pre_.bytes() + post_.bytes(); }
  [[nodiscard]] std::uint64_t events() const noexcept override { return events_; }
  [[nodiscard]] const char* representation() const noexcept override {
    return sizeof(Real) == sizeof(float) ? "plastic f32" : "plastic f64";
  }
  void save(StateWriter& out) const override;
  void load(StateReader& in) override;
  [[nodiscard]] WeightList weights() const override;

 private:
  PairPathway(const Plan& plan, std::uint32_t projection, const PairModel& model, Rows<Real> rows,
              std::uint32_t neurons);

  [[nodiscard]] std::int32_t relative(Step step) const noexcept { return static_cast<std::int32_t>(step - base_); }
  void send(const Window& window);
  void make_room(std::uint32_t neuron);
  void rebase();
  /// The part of a row that a spike of its source, or nothing but the spikes of its targets, brings up to date to
  /// `upper`; `previous` and `trace` are of the spike before.
  [[nodiscard]] Row<Real> row_of(const typename Rows<Real>::Piece& piece, std::int32_t previous, double trace,
                                 std::int32_t upper, Real* weights) const noexcept;
  /// Brings `weights` up to date to `upper - per_delay · delay`.
  void facilitate_all(Real* weights, std::int32_t upper, std::int32_t per_delay, Scratch<Real>& scratch) const;

  static constexpr std::uint32_t kDeepHistory = 64;

  std::uint32_t source_;
  Step base_ = 0;  // steps are relative to it
  Step now_ = 0;   // what arrives before it has been delivered
  PairModel model_;
  Rule<Real> rule_;
  std::size_t receptor_;
  bool negative_;
  double scale_;  // quanta of x = 1
  Rows<Real> rows_;
  Presynaptic pre_;
  PostHistory<Real> post_;
  std::int32_t flushed_ = kNever;  // all synapses know the spikes of their targets up to here
  std::uint64_t events_ = 0;
  Scratch<Real> scratch_;
  std::vector<Row<Real>> pieces_;
};

}  // namespace neuract::snn::synapses
