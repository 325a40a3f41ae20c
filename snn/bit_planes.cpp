#include "neuract/snn/bit_planes.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include "neuract/kernels/bit_planes.hpp"
#include "neuract/memory/host_array.hpp"
#include "neuract/snn/connectivity.hpp"
#include "neuract/snn/portable_math.hpp"
#include "neuract/snn/synapse_properties.hpp"

namespace neuract::snn {
namespace {

constexpr std::uint64_t kReportEvery = std::uint64_t{1} << 20;
constexpr std::uint32_t kLine = 8;  // words

std::uint32_t words_of_row(std::uint32_t targets) {
  return (targets + kernels::kBitRowAlignment - 1) / kernels::kBitRowAlignment * kLine;
}

/// Immutable once built; cohorts of several samples share it.
struct Rows {
  struct Row {
    std::uint32_t excess;    // where its part of the list begins; it ends where the next row's begins
    std::uint32_t synapses;  // onto the cohort
  };

  std::uint32_t sources = 0;
  std::uint32_t words = 0;
  std::uint64_t synapses = 0;
  memory::HostArray<std::uint64_t> bits;
  memory::HostArray<Row> rows;              // one more than sources
  memory::HostArray<std::uint16_t> excess;  // targets, once for each synapse of a pair beyond the first

  std::uint64_t bytes() const noexcept { return bits.bytes() + rows.bytes() + excess.bytes(); }
  std::span<const std::uint16_t> excess_of(std::uint32_t source) const noexcept {
    return {excess.data() + rows.data()[source].excess, excess.data() + rows.data()[source + 1].excess};
  }
};

class BitPlanes final : public Pathway {
 public:
  BitPlanes(std::shared_ptr<const Rows> rows, const Plan& plan, std::uint32_t projection, std::uint32_t targets,
            bool owns_rows)
      : rows_(std::move(rows)), bits_{rows_->bits.data(), rows_->words, targets}, owns_rows_(owns_rows) {
    const ProjectionPlan& p = plan.projections()[projection];
    const double weight = SynapseProperties(plan, projection).common_weight();
    source_ = p.source;
    delay_ = p.delay_min;
    receptor_ = static_cast<std::size_t>(weight < 0.0 ? p.receptor_negative : p.receptor_positive);
    code_ =
        static_cast<std::int32_t>(std::nearbyint(weight / plan.populations()[p.target].receptor_quantum[receptor_]));
  }

  void deliver(const Window& window) override;

  Step longest_delay() const noexcept override { return delay_; }
  std::uint64_t synapses() const noexcept override { return rows_->synapses; }
  std::uint64_t bytes() const noexcept override { return owns_rows_ ? rows_->bytes() : 0; }
  std::uint64_t events() const noexcept override { return events_; }
  const char* representation() const noexcept override { return "bit planes"; }
  void save(StateWriter& out) const override { out.value(events_); }
  void load(StateReader& in) override { events_ = in.value<std::uint64_t>(); }

  const std::shared_ptr<const Rows>& rows() const noexcept { return rows_; }

 private:
  struct Arrival {
    Step step;
    std::span<const std::uint32_t> sources;
  };

  void fetch_bits(std::span<const std::uint32_t> sources) const noexcept;
  void fetch_excess(std::span<const std::uint32_t> sources) const noexcept;
  std::uint64_t add_excess(std::span<const std::uint32_t> sources, std::int32_t* sums) const noexcept;

  std::shared_ptr<const Rows> rows_;
  kernels::BitRows bits_;
  bool owns_rows_;
  std::uint32_t source_ = 0;
  Step delay_ = 1;
  std::size_t receptor_ = 0;
  std::int32_t code_ = 0;
  std::uint64_t events_ = 0;
  std::vector<Arrival> arrivals_;  // of a window
};

void BitPlanes::deliver(const Window& window) {
  arrivals_.clear();
  for (Step step = std::max(window.from, window.begin + delay_); step < window.to; ++step) {
    const auto sources = window.spikes->at(source_, step - delay_);
    if (!sources.empty()) arrivals_.push_back({step, sources});
  }
  if (arrivals_.empty() || rows_->synapses == 0) return;
  const auto add_rows = kernels::bit_plane_kernels().add_rows;
  const kernels::InputRing& ring = window.rings[receptor_];
  fetch_bits(arrivals_.front().sources);
  fetch_excess(arrivals_.front().sources);
  for (std::size_t i = 0; i < arrivals_.size(); ++i) {
    const auto [step, sources] = arrivals_[i];
    const auto next = i + 1 < arrivals_.size() ? arrivals_[i + 1].sources : std::span<const std::uint32_t>();
    std::int32_t* const sums = ring.data + (static_cast<std::size_t>(step) & ring.mask) * ring.stride;
    add_rows(bits_, {sources.data(), sources.size()}, {next.data(), next.size()}, code_, sums);
    fetch_excess(next);
    const std::uint64_t events = add_excess(sources, sums);
    if (step - delay_ >= window.counted) events_ += events;
  }
}

/// The first rows of a window; of later ones the kernel takes care.
void BitPlanes::fetch_bits(std::span<const std::uint32_t> sources) const noexcept {
  constexpr std::size_t kMost = 64;
  for (const std::uint32_t source : sources.first(std::min(kMost, sources.size()))) {
    const std::uint64_t* const row = bits_.bits + std::size_t{source} * bits_.words;
    for (std::uint32_t word = 0; word < bits_.words; word += kLine) __builtin_prefetch(row + word, 0, 2);
  }
}

void BitPlanes::fetch_excess(std::span<const std::uint32_t> sources) const noexcept {
  constexpr std::ptrdiff_t kTargetsOfLine = 32;
  for (const std::uint32_t source : sources) {
    const auto targets = rows_->excess_of(source);
    for (const std::uint16_t* t = targets.data(); t < targets.data() + targets.size(); t += kTargetsOfLine)
      __builtin_prefetch(t);
  }
}

/// The number of all synapses of these sources.
std::uint64_t BitPlanes::add_excess(std::span<const std::uint32_t> sources, std::int32_t* sums) const noexcept {
  const std::int32_t code = code_;
  std::uint64_t synapses = 0;
  for (const std::uint32_t source : sources) {
    synapses += rows_->rows.data()[source].synapses;
    for (const std::uint16_t target : rows_->excess_of(source)) sums[target] += code;
  }
  return synapses;
}

/// A synapse that its pair's bit does not tell of.
struct Excess {
  std::uint32_t source;
  std::uint16_t target;
};

Result<std::shared_ptr<const Rows>> build_rows(const Plan& plan, std::uint32_t projection, const CohortRange& cohort,
                                               const BuildProgress& progress) {
  std::string why_not;
  if (!bit_planes_possible(plan, projection, &why_not))
    return fail(ErrorCode::invalid_argument, "it cannot be kept as bit planes: ", why_not);
  const ProjectionPlan& p = plan.projections()[projection];
  const std::uint32_t sources = plan.populations()[p.source].n;
  auto built = std::make_shared<Rows>();
  built->sources = sources;
  built->words = words_of_row(cohort.count);
  NEURACT_TRY_ASSIGN(built->bits, memory::HostArray<std::uint64_t>::zeros(std::size_t{sources} * built->words));
  NEURACT_TRY_ASSIGN(built->rows, memory::HostArray<Rows::Row>::zeros(std::size_t{sources} + 1));

  std::uint64_t* const bits = built->bits.data();
  Rows::Row* const rows = built->rows.data();
  std::vector<Excess> excess;
  std::uint64_t since_report = 0;
  const bool finished =
      plan.connectivity(projection).for_each_target(cohort.first, cohort.count, [&](std::uint32_t target, auto from) {
        const std::uint32_t local = target - cohort.first;
        const std::uint32_t bit = kernels::bit_of_target(local);
        const std::uint64_t mask = std::uint64_t{1} << (bit % 64);
        for (const std::uint32_t source : from) {
          std::uint64_t& word = bits[std::size_t{source} * built->words + bit / 64];
          if ((word & mask) != 0) excess.push_back({source, static_cast<std::uint16_t>(local)});
          word |= mask;
          ++rows[source].synapses;
        }
        built->synapses += from.size();
        since_report += from.size();
        if (since_report < kReportEvery || !progress) return true;
        since_report = 0;
        return progress(built->synapses);
      });
  if (!finished || (progress && !progress(built->synapses))) return fail(ErrorCode::cancelled, "building was given up");
  if (excess.size() > std::numeric_limits<std::uint32_t>::max())
    return fail(ErrorCode::exhausted, excess.size(), " synapses beyond the first of a pair are more than a list holds");

  NEURACT_TRY_ASSIGN(built->excess, memory::HostArray<std::uint16_t>::zeros(excess.size()));
  for (const Excess& synapse : excess) ++rows[synapse.source + 1].excess;
  for (std::uint32_t row = 0; row < sources; ++row) rows[row + 1].excess += rows[row].excess;
  std::vector<std::uint32_t> next(sources);
  for (std::uint32_t row = 0; row < sources; ++row) next[row] = rows[row].excess;
  for (const Excess& synapse : excess) built->excess.data()[next[synapse.source]++] = synapse.target;
  return std::shared_ptr<const Rows>(std::move(built));
}

/// Per source: synapses, and how many of them are a pair's second or further one.
struct Expectation {
  double synapses = 0.0;
  double excess = 0.0;
};

Expectation expected_row(const Plan& plan, std::uint32_t projection) {
  const ProjectionPlan& p = plan.projections()[projection];
  const Rule& rule = plan.spec().projections[projection].rule;
  const double sources = std::max(1u, plan.populations()[p.source].n);
  const double targets = std::max(1u, plan.populations()[p.target].n);
  Expectation row;
  row.synapses = p.expected_synapses / sources;
  const bool drawn_with_replacement =
      rule.allow_multapses && (rule.kind == Rule::Kind::fixed_indegree || rule.kind == Rule::Kind::fixed_outdegree ||
                               rule.kind == Rule::Kind::fixed_total_number);
  if (drawn_with_replacement) row.excess = row.synapses + targets * portable::expm1(-row.synapses / targets);
  return row;
}

}  // namespace

bool bit_planes_possible(const Plan& plan, std::uint32_t projection, std::string* why_not) {
  const ProjectionSpec& spec = plan.spec().projections[projection];
  const ProjectionPlan& p = plan.projections()[projection];
  const auto no = [&](std::string reason) {
    if (why_not != nullptr) *why_not = std::move(reason);
    return false;
  };
  if (p.dense()) return no("it is dense");
  if (!spec.synapse.is_static()) return no("its synapses are " + spec.synapse.model + ", not static");
  if (!p.uniform_weight) return no("its weights differ");
  if (!p.uniform_delay) return no("its delays differ");
  return true;
}

double bit_planes_bytes(const Plan& plan, std::uint32_t projection) {
  const ProjectionPlan& p = plan.projections()[projection];
  const double row = 8.0 * words_of_row(plan.populations()[p.target].n) + sizeof(Rows::Row) +
                     sizeof(std::uint16_t) * expected_row(plan, projection).excess;
  return plan.populations()[p.source].n * row;
}

bool bit_planes_worthwhile(const Plan& plan, std::uint32_t projection) {
  if (!bit_planes_possible(plan, projection)) return false;
  // Nanoseconds, see bit_planes_bench.
  constexpr double kListed = 0.6;      // a synapse of a list
  constexpr double kSpread = 30.0;     // counts of 512 targets, added to their sums
  constexpr double kCounted = 1.2;     // 512 targets of a row, from outside the cache
  constexpr double kMargin = 0.8;      // bits have to be clearly better
  constexpr double kTypicalRate = 10;  // Hz
  const ProjectionPlan& p = plan.projections()[projection];
  const Expectation row = expected_row(plan, projection);
  const double sources = plan.populations()[p.source].n;
  const double lines = words_of_row(plan.populations()[p.target].n) / kLine;
  const double spikes = sources * kTypicalRate * 1e-3 * plan.dt();  // a step
  const double with_spikes = -portable::expm1(-spikes);             // part of the steps
  const double as_lists = spikes * row.synapses * kListed;
  const double as_bits = lines * (with_spikes * kSpread + spikes * kCounted) + spikes * row.excess * kListed;
  const double bytes_as_lists = sources * (sizeof(std::uint32_t) + sizeof(std::uint16_t) * row.synapses);
  return as_bits < kMargin * as_lists && bit_planes_bytes(plan, projection) <= 2.0 * bytes_as_lists;
}

Result<std::unique_ptr<Pathway>> build_bit_planes(const Plan& plan, std::uint32_t projection, const CohortRange& cohort,
                                                  const BuildProgress& progress, const Pathway* like) {
  std::shared_ptr<const Rows> rows;
  if (like != nullptr) {
    rows = static_cast<const BitPlanes*>(like)->rows();
  } else {
    NEURACT_TRY_ASSIGN(rows, build_rows(plan, projection, cohort, progress).transform_error([&](Error error) {
      return error.with_context("projection \"" + plan.spec().projections[projection].name + "\"");
    }));
  }
  return std::unique_ptr<Pathway>(
      std::make_unique<BitPlanes>(std::move(rows), plan, projection, cohort.count, like == nullptr));
}

}  // namespace neuract::snn
