#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <tuple>
#include <vector>

#include "neuract/kernels/q4_rows.hpp"
#include "neuract/memory/result.hpp"
#include "neuract/snn/plan.hpp"

/// Dense projections: a weight for every pair of neurons, in 4 bits or f32, driven by spikes.
namespace neuract::snn {

/// The weights of one projection onto one cohort, in the layout of a kernel. Immutable; all samples share them.
///
/// Generated weights are kept by source with scales along the targets, since only few sources are active in a short
/// step; imported ones keep the blocks they came with. Sums are the same bits on every machine and in every batch.
class DenseWeights {
 public:
  DenseWeights(const DenseWeights&) = delete;
  DenseWeights& operator=(const DenseWeights&) = delete;
  virtual ~DenseWeights() = default;

  /// y[row][t] = sum over the active sources of the row of w[t][source], for all targets of the cohort.
  /// Shapes: y f32[spikes.rows][stride], stride >= targets().
  virtual void forward(const kernels::ActiveLists& spikes, float* y, std::size_t stride) const = 0;

  /// sums[row][t] += round(y[row][t] · scale) to the nearest integer, ties to even; scale is a power of two.
  virtual void add(const kernels::ActiveLists& spikes, float scale, std::int32_t* const* sums) const;

  [[nodiscard]] std::uint32_t targets() const noexcept { return targets_; }
  [[nodiscard]] std::uint64_t synapses() const noexcept { return synapses_; }
  [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }
  [[nodiscard]] const char* representation() const noexcept { return representation_; }  ///< "dense nf4", …
  /// The backend (q4/dispatcher.hpp), and why it is not the one for the format; empty where it is.
  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  [[nodiscard]] const std::string& fallback_reason() const noexcept { return fallback_reason_; }

 protected:
  DenseWeights() = default;

  std::uint32_t targets_ = 0;
  std::uint64_t synapses_ = 0;
  std::uint64_t bytes_ = 0;
  const char* representation_ = "dense f32";
  std::string path_ = "cpu_f32";
  std::string fallback_reason_;
};
using DenseWeightsPtr = std::shared_ptr<const DenseWeights>;

/// Draws or repacks the weights of a dense projection for one cohort; `cohort.sample` does not matter.
/// Errors: out_of_memory, invalid_argument (what the file's weights are).
Result<DenseWeightsPtr> build_dense_weights(const Plan& plan, std::uint32_t projection, const CohortRange& cohort);

/// The dense weights of a process: built when first asked for, then shared. Threads: any.
class DenseStore {
 public:
  Result<DenseWeightsPtr> get(const Plan& plan, std::uint32_t projection, const CohortRange& cohort);

 private:
  struct Entry {
    std::mutex mutex;
    DenseWeightsPtr weights;
  };
  std::mutex mutex_;
  std::map<std::tuple<std::uint32_t, std::uint32_t, std::uint32_t>, std::shared_ptr<Entry>> entries_;
};

/// One request for a product: what the spikes of some steps and samples bring to a cohort. Filled by a shard, answered
/// by whoever calls run() or run_together(), and taken back by the shard.
struct DenseBatch {
  DenseWeightsPtr weights;
  std::vector<std::uint32_t> offsets{0};  ///< rows + 1
  std::vector<std::uint32_t> ids;         ///< active sources of each row, ascending
  std::vector<float> y;                   ///< [rows][stride]
  std::size_t stride = 0;
  bool done = false;

  [[nodiscard]] std::uint32_t rows() const noexcept { return static_cast<std::uint32_t>(offsets.size()) - 1; }
  [[nodiscard]] kernels::ActiveLists spikes() const noexcept { return {offsets.data(), ids.data(), rows()}; }
  void run();
};
using DenseBatchPtr = std::shared_ptr<DenseBatch>;

/// Runs all, those of the same weights as one product. Results are the same as those of run() on each.
void run_together(std::span<const DenseBatchPtr> batches);

}  // namespace neuract::snn
