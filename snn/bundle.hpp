#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "neuract/kernels/deliver.hpp"
#include "neuract/memory/host_array.hpp"
#include "neuract/memory/result.hpp"
#include "neuract/snn/plan.hpp"
#include "neuract/snn/spikes.hpp"
#include "neuract/snn/synapse_table.hpp"

namespace neuract::snn {

/// Cohorts of one shard and one sample that take their input together: the rings that hold the inputs of their coming
/// steps, the static synapses onto them, and the calendar of what spikes have yet to bring.
///
/// A row of synapses that reaches several populations is one piece of memory here, so that a spike costs few cache
/// misses. A spike is entered into the calendar once, when it becomes known: for every chunk of delays of its row, in the
/// step in which the chunk begins to act. Threads: one writer.
class Bundle {
 public:
  static constexpr std::uint32_t kMostNeurons = 65536;  ///< a target is 16 bits

  /// The tables, which all samples share.
  using Tables = std::vector<SynapseTable>;

  /// `parts`: the cohorts, at most kMostNeurons neurons in all, each beginning at a multiple of kCohortAlignment.
  /// `quantum`: the longest window that will be advanced at once. `spread`: by how many steps delays differ at most
  /// among what others than lists add to the rings. `like`: the bundle of the same neurons in another sample, or null.
  /// `used`: for each part, the receptors that anything but lists drives.
  static Result<std::unique_ptr<Bundle>> build(const Plan& plan, std::vector<TargetPart> parts, Step quantum,
                                               Step spread, std::span<const std::array<bool, 2>> used,
                                               const Bundle* like, const BuildProgress& progress);

  [[nodiscard]] std::span<const TargetPart> parts() const noexcept { return parts_; }
  [[nodiscard]] const Tables& tables() const noexcept { return *tables_; }
  /// Whether the tables were built for this bundle, rather than for another sample.
  [[nodiscard]] bool owns_tables() const noexcept { return owns_tables_; }

  /// Inputs of part `k` by receptor; no data where nothing can arrive.
  [[nodiscard]] std::array<kernels::InputRing, 2> rings(std::size_t k) const noexcept;

  /// Enters the spikes of a cohort of the same sample; what would act before `now` has been delivered already.
  void enter(const SpikeBatch& spikes, Step now);
  /// Adds to the rings what begins to act in [from, to).
  void deliver(Step from, Step to);
  /// Where a presentation begins: no input.
  void clear() noexcept;

  /// Synaptic events delivered, of spikes after the warm-up, of projections[k] of table `table`.
  [[nodiscard]] std::uint64_t events(std::size_t table, std::size_t k) const noexcept { return events_[table][k]; }
  void set_events(std::size_t table, std::size_t k, std::uint64_t events) noexcept { events_[table][k] = events; }
  /// Steps that a spike is under way at most.
  [[nodiscard]] Step longest_delay() const noexcept { return longest_delay_; }

 private:
  explicit Bundle(const Plan& plan) : plan_(plan) {}
  Result<void> build_tables(const BuildProgress& progress);
  Result<void> build_rings(Step quantum, Step spread, std::span<const std::array<bool, 2>> used);
  std::vector<kernels::RowEvent>& slot(Step step);
  void fetch_ahead(Step next) noexcept;
  void count(std::span<const kernels::RowEvent> events, Step step) noexcept;

  const Plan& plan_;
  std::vector<TargetPart> parts_;
  std::uint32_t neurons_ = 0;  // with the gaps between parts
  std::shared_ptr<const Tables> tables_;
  bool owns_tables_ = true;
  std::vector<kernels::SynapseRows> rows_;                 // the arrays of the tables
  std::vector<std::vector<std::uint32_t>> tables_from_;    // by source population
  std::vector<std::vector<std::uint64_t>> events_;         // [table][projection]
  std::array<memory::HostArray<std::int32_t>, 2> inputs_;  // by receptor
  std::array<kernels::InputRing, 2> rings_;                // their rows
  std::vector<std::array<bool, 2>> used_;                  // by part and receptor
  std::vector<std::vector<kernels::RowEvent>> calendar_;   // by step, a power of two of them
  Step begin_ = 0;                                         // the calendar holds steps from here on
  std::vector<kernels::RowEvent> due_;
  Step longest_delay_ = 0;
};

}  // namespace neuract::snn
