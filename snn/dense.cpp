#include "neuract/snn/dense.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>
#include <span>
#include <utility>

#include "neuract/kernels/input.hpp"
#include "neuract/kernels/q4_integer_rows.hpp"
#include "neuract/kernels/q4_spikes.hpp"
#include "neuract/kernels/q4_tiles.hpp"
#include "neuract/memory/host_array.hpp"
#include "neuract/q4/dispatcher.hpp"
#include "neuract/q4/nf4.hpp"
#include "neuract/q4/nvfp4.hpp"
#include "neuract/q4/tiles.hpp"
#include "neuract/snn/distribution.hpp"
#include "neuract/snn/random.hpp"

namespace neuract::snn {
namespace {

using kernels::kTileLineBytes;
using kernels::kTileOutputs;
using memory::HostArray;

constexpr std::uint32_t kGroup = Stream::kGroup;

/// The weights of one source after another, onto the targets of a cohort.
class WeightRows {
 public:
  WeightRows(const Plan& plan, std::uint32_t projection, const CohortRange& cohort)
      : spec_(plan.spec().projections[projection]),
        cohort_(cohort),
        stream_(plan.spec().seed, Purpose::weight, projection, 1),
        values_(std::size_t{groups()} * kGroup) {
    if (const auto* weight = std::get_if<Distribution>(&spec_.weight)) {
      sampler_.emplace(*weight);
      words_.resize(values_.size());
    }
  }

  /// Valid until the next call; targets past the cohort's are zero.
  std::span<float> row(std::uint32_t source) {
    if (sampler_) {
      stream_.fill(words_.data(), groups(), cohort_.first / kGroup, source);
      sampler_->draw(words_, values_);
    } else {
      std::fill(values_.begin(), values_.end(), static_cast<float>(std::get<double>(spec_.weight)));
    }
    std::fill(values_.begin() + cohort_.count, values_.end(), 0.0f);
    const bool same = spec_.source == spec_.target && !spec_.rule.allow_autapses;
    if (same && source >= cohort_.first && source - cohort_.first < cohort_.count)
      values_[source - cohort_.first] = 0.0f;
    return values_;
  }

 private:
  [[nodiscard]] std::uint32_t groups() const noexcept { return (cohort_.count + kGroup - 1) / kGroup; }

  const ProjectionSpec& spec_;
  CohortRange cohort_;
  Stream stream_;
  std::optional<Sampler> sampler_;
  std::vector<std::uint32_t> words_;
  std::vector<float> values_;
};

std::uint64_t synapses_of(const Plan& plan, std::uint32_t projection, const CohortRange& cohort) {
  const ProjectionSpec& spec = plan.spec().projections[projection];
  const std::uint64_t sources = plan.populations()[spec.source].n;
  const bool no_autapses = !spec.weights && spec.source == spec.target && !spec.rule.allow_autapses;
  return sources * cohort.count - (no_autapses ? cohort.count : 0);
}

/// Moves the codes of a block, which begins at target `first`, into the lines of their source.
template <q4::NibbleOrder order, std::size_t bytes>
void put_codes(const std::array<std::uint8_t, bytes>& packed, std::size_t first, std::uint8_t* lines) {
  for (std::size_t i = 0; i < 2 * bytes; ++i) {
    const std::size_t target = first + i;
    kernels::set_tile_code(lines + target / kTileOutputs * kTileLineBytes,
                           static_cast<std::uint32_t>(target % kTileOutputs), q4::code_at<order>(packed.data(), i));
  }
}

class Nf4RowWeights final : public DenseWeights {
 public:
  static constexpr std::uint32_t kBlock = 64;

  static Result<DenseWeightsPtr> build(const Plan& plan, std::uint32_t projection, const CohortRange& cohort) {
    auto self = std::make_shared<Nf4RowWeights>();
    const std::uint32_t sources = plan.populations()[plan.projections()[projection].source].n;
    const std::size_t tiles = kernels::tiles_of(cohort.count);
    const std::size_t scales = tiles * (kTileOutputs / kBlock);
    NEURACT_TRY_ASSIGN(self->codes_, HostArray<std::uint8_t>::zeros(sources * tiles * kTileLineBytes));
    NEURACT_TRY_ASSIGN(self->scales_, HostArray<float>::zeros(sources * scales));
    std::array<std::uint8_t, kBlock / 2> packed{};
    WeightRows rows(plan, projection, cohort);
    for (std::uint32_t source = 0; source < sources; ++source) {
      const std::span<float> row = rows.row(source);
      std::uint8_t* const line = self->codes_.data() + source * tiles * kTileLineBytes;
      for (std::size_t first = 0; first < row.size(); first += kBlock) {
        self->scales_[source * scales + first / kBlock] =
            q4::nf4::quantize_block(row.subspan(first, kBlock), packed.data());
        put_codes<q4::nf4::kTraits.order>(packed, first, line);
      }
    }
    self->rows_ = {cohort.count, sources, kBlock, self->codes_.data(), self->scales_.data()};
    self->targets_ = cohort.count;
    self->synapses_ = synapses_of(plan, projection, cohort);
    self->bytes_ = self->codes_.size() + self->scales_.size() * sizeof(float);
    self->representation_ = "dense nf4";
    self->path_ = q4::name_of(q4::Backend::cpu_nf4);
    return DenseWeightsPtr(std::move(self));
  }

  void forward(const kernels::ActiveLists& spikes, float* y, std::size_t stride) const override {
    kernels::rows_nf4(rows_, spikes, y, stride);
  }

 private:
  kernels::Nf4Rows rows_;
  HostArray<std::uint8_t> codes_;
  HostArray<float> scales_;
};

class Nvfp4RowWeights final : public DenseWeights {
 public:
  static constexpr std::uint32_t kBlock = q4::nvfp4::kBlock;

  static Result<DenseWeightsPtr> build(const Plan& plan, std::uint32_t projection, const CohortRange& cohort) {
    auto self = std::make_shared<Nvfp4RowWeights>();
    const std::uint32_t sources = plan.populations()[plan.projections()[projection].source].n;
    const std::size_t tiles = kernels::tiles_of(cohort.count);
    const std::size_t scales = tiles * (kTileOutputs / kBlock);
    // The same for all cohorts.
    const float global = q4::nvfp4::global_scale(static_cast<float>(plan.projections()[projection].largest_weight));
    NEURACT_TRY_ASSIGN(self->codes_, HostArray<std::uint8_t>::zeros(sources * tiles * kTileLineBytes));
    NEURACT_TRY_ASSIGN(self->scales_, HostArray<std::uint8_t>::zeros(sources * scales));
    std::array<std::uint8_t, kBlock / 2> packed{};
    WeightRows rows(plan, projection, cohort);
    for (std::uint32_t source = 0; source < sources; ++source) {
      const std::span<float> row = rows.row(source);
      std::uint8_t* const line = self->codes_.data() + source * tiles * kTileLineBytes;
      for (std::size_t first = 0; first < row.size(); first += kBlock) {
        const auto block = std::span<const float, kBlock>(row.data() + first, kBlock);
        const std::uint32_t position =
            kernels::integer_scale_position(static_cast<std::uint32_t>(first % kTileOutputs / kBlock));
        self->scales_[source * scales + first / kTileOutputs * 8 + position] =
            q4::nvfp4::quantize_block(block, global, packed.data()).bits;
        put_codes<q4::nvfp4::kTraits.order>(packed, first, line);
      }
    }
    self->rows_ = {cohort.count, sources, self->codes_.data(), nullptr, self->scales_.data(), 0, 0.5f * global};
    self->use_multiples();
    self->targets_ = cohort.count;
    self->synapses_ = synapses_of(plan, projection, cohort);
    self->bytes_ = self->codes_.size() + self->scales_.size();
    self->representation_ = "dense nvfp4";
    self->path_ = q4::name_of(q4::Backend::cpu_nvfp4);
    return DenseWeightsPtr(std::move(self));
  }

  void forward(const kernels::ActiveLists& spikes, float* y, std::size_t stride) const override {
    kernels::rows_nvfp4(rows_, spikes, y, stride);
  }
  void add(const kernels::ActiveLists& spikes, float scale, std::int32_t* const* sums) const override {
    kernels::add_rows_nvfp4(rows_, spikes, scale, sums);
  }

 private:
  /// Replaces the scales by bytes that count a common unit, where all of them can be so; sums are the same either way.
  void use_multiples() {
    std::array<bool, 128> used{};
    for (const std::uint8_t bits : scales_) used[bits] = true;
    int exponent = std::numeric_limits<int>::max();
    float largest = 0.0f;
    for (std::size_t bits = 1; bits < used.size(); ++bits) {
      if (!used[bits]) continue;
      const float scale = q4::decode_e4m3({static_cast<std::uint8_t>(bits)});
      const auto units = static_cast<unsigned>(scale * 0x1p9f);
      exponent = std::min(exponent, std::countr_zero(units) - 9);
      largest = std::max(largest, scale);
    }
    if (largest == 0.0f) exponent = 0;
    if (std::ldexp(largest, -exponent) > 255.0f) return;
    std::array<std::uint8_t, 128> multiples{};
    for (std::size_t bits = 0; bits < used.size(); ++bits) {
      const float scale = q4::decode_e4m3({static_cast<std::uint8_t>(bits)});
      if (used[bits]) multiples[bits] = static_cast<std::uint8_t>(std::ldexp(scale, -exponent));
    }
    for (std::uint8_t& scale : scales_) scale = multiples[scale];
    rows_.multiples = std::exchange(rows_.scales, nullptr);
    rows_.exponent = exponent;
  }

  kernels::Nvfp4IntegerRows rows_;
  HostArray<std::uint8_t> codes_;
  HostArray<std::uint8_t> scales_;
};

class F32RowWeights final : public DenseWeights {
 public:
  static Result<std::shared_ptr<F32RowWeights>> make(const Plan& plan, std::uint32_t projection,
                                                     const CohortRange& cohort) {
    auto self = std::make_shared<F32RowWeights>();
    const std::uint32_t sources = plan.populations()[plan.projections()[projection].source].n;
    self->stride_ = (std::size_t{cohort.count} + kGroup - 1) / kGroup * kGroup;
    NEURACT_TRY_ASSIGN(self->weights_, HostArray<float>::zeros(sources * self->stride_));
    self->rows_ = {cohort.count, sources, self->weights_.data(), self->stride_};
    self->targets_ = cohort.count;
    self->synapses_ = synapses_of(plan, projection, cohort);
    self->bytes_ = self->weights_.size() * sizeof(float);
    return self;
  }

  static Result<DenseWeightsPtr> draw(const Plan& plan, std::uint32_t projection, const CohortRange& cohort) {
    NEURACT_TRY_ASSIGN(auto self, make(plan, projection, cohort));
    WeightRows rows(plan, projection, cohort);
    for (std::uint32_t source = 0; source < self->rows_.k; ++source) {
      const std::span<float> row = rows.row(source);
      std::memcpy(self->weights_.data() + source * self->stride_, row.data(), row.size_bytes());
    }
    return DenseWeightsPtr(std::move(self));
  }

  /// `w` is row-major [all targets][sources].
  static Result<DenseWeightsPtr> import(const Plan& plan, std::uint32_t projection, const CohortRange& cohort,
                                        std::span<const float> w, const std::optional<q4::Decision>& fallback) {
    NEURACT_TRY_ASSIGN(auto self, make(plan, projection, cohort));
    const std::size_t sources = self->rows_.k;
    for (std::size_t target = 0; target < cohort.count; ++target) {
      for (std::size_t source = 0; source < sources; ++source)
        self->weights_[source * self->stride_ + target] = w[(cohort.first + target) * sources + source];
    }
    if (fallback) {
      self->path_ = q4::name_of(fallback->backend);
      self->fallback_reason_ = fallback->fallback_reason;
    }
    return DenseWeightsPtr(std::move(self));
  }

  void forward(const kernels::ActiveLists& spikes, float* y, std::size_t stride) const override {
    kernels::rows_f32(rows_, spikes, y, stride);
  }

 private:
  kernels::F32Rows rows_;
  std::size_t stride_ = 0;
  HostArray<float> weights_;
};

/// Weights of a checkpoint, with scales along the sources.
class TileWeights final : public DenseWeights {
 public:
  TileWeights(q4::PackedTiles tiles, std::uint64_t synapses, q4::Backend backend) : tiles_(std::move(tiles)) {
    std::visit([&](const auto& view) { sources_ = view.k, targets_ = view.n; }, tiles_.view());
    synapses_ = synapses;
    bytes_ = tiles_.bytes();
    representation_ = tiles_.format() == q4::Format::nf4 ? "dense nf4" : "dense nvfp4";
    path_ = q4::name_of(backend);
  }

  void forward(const kernels::ActiveLists& spikes, float* y, std::size_t stride) const override {
    const std::size_t words = (std::size_t{sources_} + 63) / 64;
    thread_local std::vector<std::uint64_t> bits;
    bits.assign(words * spikes.rows, 0);
    for (std::size_t row = 0; row < spikes.rows; ++row) {
      for (std::uint32_t i = spikes.offsets[row]; i < spikes.offsets[row + 1]; ++i)
        bits[row * words + spikes.ids[i] / 64] |= std::uint64_t{1} << (spikes.ids[i] % 64);
    }
    const kernels::SpikeBits input{bits.data(), spikes.rows, static_cast<std::uint32_t>(words)};
    if (const auto* nf4 = std::get_if<kernels::Nf4Tiles>(&tiles_.view())) {
      kernels::spikes_nf4(*nf4, input, y, stride);
    } else {
      kernels::spikes_nvfp4(std::get<kernels::Nvfp4Tiles>(tiles_.view()), input, y, stride);
    }
  }

 private:
  q4::PackedTiles tiles_;
  std::uint32_t sources_ = 0;
};

Result<DenseWeightsPtr> import(const Plan& plan, std::uint32_t projection, const CohortRange& cohort) {
  const ImportedWeights& imported = *plan.spec().projections[projection].weights;
  const auto* quantized = std::get_if<q4::QuantizedWeight>(&imported.data);
  if (quantized == nullptr) {
    NEURACT_TRY_ASSIGN(const auto w, std::get<memory::ConstTensor>(imported.data).span<float>());
    return F32RowWeights::import(plan, projection, cohort, w, std::nullopt);
  }
  const bool nf4 = quantized->format == q4::Format::nf4;
  q4::Capability capability = q4::probe_capability();
  auto tiles = q4::pack_tiles(*quantized, cohort.first, cohort.count);
  if (!tiles) {
    if (tiles.error().code != ErrorCode::unsupported) return tiles.error();
    capability[nf4 ? q4::Backend::cpu_nf4 : q4::Backend::cpu_nvfp4] = {false, tiles.error().message};
  }
  NEURACT_TRY_ASSIGN(const q4::Decision decision,
                     q4::decide(quantized->format, {.target = q4::Target::cpu}, capability));
  if (decision.compute_path == q4::Execution::kernel)
    return DenseWeightsPtr(
        std::make_shared<TileWeights>(std::move(*tiles), synapses_of(plan, projection, cohort), decision.backend));
  // Summed source by source, not by a matrix product, whose bits would depend on the batch.
  NEURACT_TRY_ASSIGN(const memory::Tensor values, q4::dequantize(*quantized));
  NEURACT_TRY_ASSIGN(const std::span<const float> w, values.span<float>());
  return F32RowWeights::import(plan, projection, cohort, w, decision);
}

}  // namespace

void DenseWeights::add(const kernels::ActiveLists& spikes, float scale, std::int32_t* const* sums) const {
  thread_local std::vector<float> y;
  y.resize(std::size_t{spikes.rows} * targets_);
  forward(spikes, y.data(), targets_);
  for (std::size_t row = 0; row < spikes.rows; ++row)
    kernels::input_kernels().add_rounded(y.data() + row * targets_, scale, targets_, sums[row]);
}

Result<DenseWeightsPtr> build_dense_weights(const Plan& plan, std::uint32_t projection, const CohortRange& cohort) {
  const ProjectionSpec& spec = plan.spec().projections[projection];
  if (spec.weights) return import(plan, projection, cohort);
  switch (*spec.format) {
    case DenseFormat::nf4: return Nf4RowWeights::build(plan, projection, cohort);
    case DenseFormat::nvfp4: return Nvfp4RowWeights::build(plan, projection, cohort);
    case DenseFormat::f32: break;
  }
  return F32RowWeights::draw(plan, projection, cohort);
}

Result<DenseWeightsPtr> DenseStore::get(const Plan& plan, std::uint32_t projection, const CohortRange& cohort) {
  std::shared_ptr<Entry> entry;
  {
    const std::lock_guard lock(mutex_);
    auto& slot = entries_[{projection, cohort.first, cohort.count}];
    if (!slot) slot = std::make_shared<Entry>();
    entry = slot;
  }
  const std::lock_guard lock(entry->mutex);
  if (!entry->weights) {
    auto built = build_dense_weights(plan, projection, cohort);
    if (!built)
      return std::move(built).error().with_context("projection \"" + plan.spec().projections[projection].name + "\"");
    entry->weights = std::move(*built);
  }
  return entry->weights;
}

void DenseBatch::run() {
  y.resize(rows() * stride);
  if (rows() > 0) weights->forward(spikes(), y.data(), stride);
  done = true;
}

void run_together(std::span<const DenseBatchPtr> batches) {
  std::vector<DenseBatchPtr> waiting(batches.begin(), batches.end());
  while (!waiting.empty()) {
    const DenseWeightsPtr weights = waiting.front()->weights;
    const auto others = std::stable_partition(waiting.begin(), waiting.end(),
                                              [&](const DenseBatchPtr& b) { return b->weights == weights; });
    if (others - waiting.begin() == 1) {
      waiting.front()->run();
    } else {
      DenseBatch all;
      all.weights = weights;
      all.stride = waiting.front()->stride;
      for (auto batch = waiting.begin(); batch != others; ++batch) {
        const auto before = static_cast<std::uint32_t>(all.ids.size());
        all.ids.insert(all.ids.end(), (*batch)->ids.begin(), (*batch)->ids.end());
        for (std::uint32_t row = 1; row <= (*batch)->rows(); ++row)
          all.offsets.push_back(before + (*batch)->offsets[row]);
      }
      all.run();
      auto from = all.y.cbegin();
      for (auto batch = waiting.begin(); batch != others; ++batch) {
        const auto length = static_cast<std::ptrdiff_t>((*batch)->rows() * all.stride);
        (*batch)->y.assign(from, from + length);
        (*batch)->done = true;
        from += length;
      }
    }
    waiting.erase(waiting.begin(), others);
  }
}

}  // namespace neuract::snn
