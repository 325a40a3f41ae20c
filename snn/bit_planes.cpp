#include "neuract/snn/bit_planes.hpp"

#include <algorithm>
#include <bit>
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

std::uint32_t words_of_bits(std::uint32_t targets) {
  return (targets + kernels::kBitRowAlignment - 1) / kernels::kBitRowAlignment * kLine;
}

/// A row goes on behind its bits, so that all of it comes from one place: how many synapses it has, and the bits of
/// targets, once for each synapse of a pair beyond the first.
struct Tail {
  static constexpr std::uint32_t kHeader = 12;  // bytes

  std::uint32_t synapses;  // onto the cohort
  std::uint32_t excess;    // entries
  std::uint32_t spilled;   // where they begin among those of rows that do not hold them
  // std::uint16_t entries[], as many as fit

  const std::uint16_t* entries() const noexcept { return reinterpret_cast<const std::uint16_t*>(this + 1); }
  std::uint16_t* entries() noexcept { return reinterpret_cast<std::uint16_t*>(this + 1); }
};
static_assert(sizeof(Tail) == Tail::kHeader);

std::uint32_t words_of_tail(double excess) {
  const double room = excess + 6.0 * std::sqrt(excess);
  return static_cast<std::uint32_t>(std::ceil((Tail::kHeader + 2.0 * room) / 64.0)) * kLine;
}

/// Immutable once built; cohorts of several samples share it.
struct Rows {
  std::uint32_t sources = 0;
  std::uint32_t bits = 0;   // words of a row that are bits
  std::uint32_t words = 0;  // of a row
  std::uint64_t synapses = 0;
  memory::HostArray<std::uint64_t> rows;
  memory::HostArray<std::uint16_t> spilled;
  std::uint32_t largest_excess = 0;  // of a pair

  std::uint64_t bytes() const noexcept { return rows.bytes() + spilled.bytes(); }
  std::uint32_t room() const noexcept { return (8 * (words - bits) - Tail::kHeader) / 2; }  // entries
  const Tail& tail(std::uint32_t source) const noexcept {
    return *reinterpret_cast<const Tail*>(rows.data() + std::size_t{source} * words + bits);
  }
  Tail& tail(std::uint32_t source) noexcept {
    return *reinterpret_cast<Tail*>(rows.data() + std::size_t{source} * words + bits);
  }
  std::span<const std::uint16_t> excess(const Tail& tail) const noexcept {
    return {tail.excess <= room() ? tail.entries() : spilled.data() + tail.spilled, tail.excess};
  }
};

class BitPlanes final : public Pathway {
 public:
  BitPlanes(std::shared_ptr<const Rows> rows, const Plan& plan, std::uint32_t projection, std::uint32_t targets,
            bool owns_rows)
      : rows_(std::move(rows)), bits_{rows_->rows.data(), rows_->words, targets}, owns_rows_(owns_rows) {
    const ProjectionPlan& p = plan.projections()[projection];
    const double weight = SynapseProperties(plan, projection).common_weight();
    source_ = p.source;
    delay_ = p.delay_min;
    receptor_ = static_cast<std::size_t>(weight < 0.0 ? p.receptor_negative : p.receptor_positive);
    code_ =
        static_cast<std::int32_t>(std::nearbyint(weight / plan.populations()[p.target].receptor_quantum[receptor_]));
    constexpr std::uint32_t kMostExcess = 15;  // of a pair, so that many rows still fit a byte
    scatters_ = rows_->largest_excess > kMostExcess;
    if (rows_->largest_excess == 0 || scatters_) return;
    extra_.resize(std::size_t{64} * rows_->bits);
    most_rows_ = kernels::kMostBitRows / (1 + rows_->largest_excess);
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

  void fetch(std::span<const std::uint32_t> sources) const noexcept;
  std::uint64_t count(std::span<const std::uint32_t> sources) const noexcept;
  std::uint64_t count_excess(std::span<const std::uint32_t> sources) noexcept;
  void scatter_excess(std::span<const std::uint32_t> sources, std::int32_t* sums) const noexcept;

  std::shared_ptr<const Rows> rows_;
  kernels::BitRows bits_;
  bool owns_rows_;
  std::uint32_t source_ = 0;
  Step delay_ = 1;
  std::size_t receptor_ = 0;
  std::int32_t code_ = 0;
  std::uint64_t events_ = 0;
  std::vector<Arrival> arrivals_;                  // of a window
  std::vector<std::uint8_t> extra_;                // for each bit of a row, while a step is delivered; empty: not used
  bool scatters_ = false;                          // some pair has too many synapses for that
  std::size_t most_rows_ = kernels::kMostBitRows;  // that are delivered together
};

void BitPlanes::deliver(const Window& window) {
  arrivals_.clear();
  for (Step step = std::max(window.from, window.begin + delay_); step < window.to; ++step) {
    auto sources = window.spikes->at(source_, step - delay_);
    for (; sources.size() > most_rows_; sources = sources.subspan(most_rows_))
      arrivals_.push_back({step, sources.first(most_rows_)});
    if (!sources.empty()) arrivals_.push_back({step, sources});
  }
  if (arrivals_.empty() || rows_->synapses == 0) return;
  const auto add_rows = kernels::bit_plane_kernels().add_rows;
  const kernels::InputRing& ring = window.rings[receptor_];
  const auto sources_of = [&](std::size_t i) {
    return i < arrivals_.size() ? arrivals_[i].sources : std::span<const std::uint32_t>();
  };
  fetch(sources_of(0));
  for (std::size_t i = 0; i < arrivals_.size(); ++i) {
    const auto [step, sources] = arrivals_[i];
    const auto next = sources_of(i + 1);
    std::int32_t* const sums = ring.data + (static_cast<std::size_t>(step) & ring.mask) * ring.stride;
    const std::uint64_t events = extra_.empty() ? count(sources) : count_excess(sources);
    if (step - delay_ >= window.counted) events_ += events;
    add_rows(bits_, {sources.data(), sources.size()}, {next.data(), next.size()},
             extra_.empty() ? nullptr : extra_.data(), code_, sums);
    if (scatters_) scatter_excess(sources, sums);
  }
}

/// The first rows of a window; of later ones the kernel takes care.
void BitPlanes::fetch(std::span<const std::uint32_t> sources) const noexcept {
  constexpr std::size_t kMost = 64;
  sources = sources.first(std::min(kMost, sources.size()));
  for (std::uint32_t word = rows_->words; word > 0; word -= kLine) {
    for (const std::uint32_t source : sources)
      __builtin_prefetch(bits_.bits + std::size_t{source} * bits_.words + (word - kLine), 0, 2);
  }
}

/// The number of all synapses of these sources.
std::uint64_t BitPlanes::count(std::span<const std::uint32_t> sources) const noexcept {
  std::uint64_t synapses = 0;
  for (const std::uint32_t source : sources) synapses += rows_->tail(source).synapses;
  return synapses;
}

/// The same; leaves in extra_ what their bits do not tell of.
std::uint64_t BitPlanes::count_excess(std::span<const std::uint32_t> sources) noexcept {
  std::uint8_t* const extra = extra_.data();
  std::uint64_t synapses = 0;
  for (const std::uint32_t source : sources) {
    const Tail& tail = rows_->tail(source);
    synapses += tail.synapses;
    for (const std::uint16_t bit : rows_->excess(tail)) ++extra[bit];
  }
  return synapses;
}

void BitPlanes::scatter_excess(std::span<const std::uint32_t> sources, std::int32_t* sums) const noexcept {
  const std::int32_t code = code_;
  for (const std::uint32_t source : sources) {
    for (const std::uint16_t bit : rows_->excess(rows_->tail(source))) sums[kernels::target_of_bit(bit)] += code;
  }
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

/// A synapse that the bit of its pair does not tell of.
struct Excess {
  std::uint32_t source;
  std::uint16_t bit;
};

/// Fills in the tails. `excess`: target by target, so that those of a pair follow each other.
Result<void> finish_rows(Rows& rows, std::span<const Excess> excess) {
  std::uint64_t spilled = 0;
  for (std::uint32_t source = 0; source < rows.sources; ++source) {
    Tail& tail = rows.tail(source);
    if (tail.excess <= rows.room()) continue;
    tail.spilled = static_cast<std::uint32_t>(spilled);
    spilled += tail.excess;
  }
  if (spilled > std::numeric_limits<std::uint32_t>::max())
    return fail(ErrorCode::exhausted, spilled, " synapses beyond the first of a pair are more than a list holds");
  NEURACT_TRY_ASSIGN(rows.spilled, memory::HostArray<std::uint16_t>::zeros(static_cast<std::size_t>(spilled)));
  std::vector<std::uint32_t> stored(rows.sources);
  for (const Excess& synapse : excess) {
    Tail& tail = rows.tail(synapse.source);
    std::uint16_t* const entries = tail.excess <= rows.room() ? tail.entries() : rows.spilled.data() + tail.spilled;
    entries[stored[synapse.source]++] = synapse.bit;
  }
  for (std::uint32_t source = 0; source < rows.sources; ++source) {
    Tail& tail = rows.tail(source);
    tail.synapses = tail.excess;
    const std::uint64_t* const row = rows.rows.data() + std::size_t{source} * rows.words;
    for (std::uint32_t word = 0; word < rows.bits; ++word)
      tail.synapses += static_cast<std::uint32_t>(std::popcount(row[word]));
    const auto bits = rows.excess(tail);
    std::uint32_t run = 0;
    for (std::size_t i = 0; i < bits.size(); ++i) {
      run = i > 0 && bits[i] == bits[i - 1] ? run + 1 : 1;
      rows.largest_excess = std::max(rows.largest_excess, run);
    }
  }
  return {};
}

Result<std::shared_ptr<const Rows>> build_rows(const Plan& plan, std::uint32_t projection, const CohortRange& cohort,
                                               const BuildProgress& progress) {
  std::string why_not;
  if (!bit_planes_possible(plan, projection, &why_not))
    return fail(ErrorCode::invalid_argument, "it cannot be kept as bit planes: ", why_not);
  const ProjectionPlan& p = plan.projections()[projection];
  const std::uint32_t sources = plan.populations()[p.source].n;
  auto built = std::make_shared<Rows>();
  built->sources = sources;
  built->bits = words_of_bits(cohort.count);
  const double part = static_cast<double>(cohort.count) / std::max(1u, plan.populations()[p.target].n);
  built->words = built->bits + words_of_tail(expected_row(plan, projection).excess * part);
  NEURACT_TRY_ASSIGN(built->rows, memory::HostArray<std::uint64_t>::zeros(std::size_t{sources} * built->words));

  std::uint64_t* const rows = built->rows.data();
  std::vector<Excess> excess;
  std::uint64_t since_report = 0;
  const bool finished =
      plan.connectivity(projection).for_each_target(cohort.first, cohort.count, [&](std::uint32_t target, auto from) {
        const std::uint32_t local = target - cohort.first;
        const std::uint32_t bit = kernels::bit_of_target(local);
        const std::uint64_t mask = std::uint64_t{1} << (bit % 64);
        for (const std::uint32_t source : from) {
          std::uint64_t& word = rows[std::size_t{source} * built->words + bit / 64];
          if ((word & mask) != 0) {
            ++built->tail(source).excess;
            excess.push_back({source, static_cast<std::uint16_t>(bit)});
          }
          word |= mask;
        }
        built->synapses += from.size();
        since_report += from.size();
        if (since_report < kReportEvery || !progress) return true;
        since_report = 0;
        return progress(built->synapses);
      });
  if (!finished || (progress && !progress(built->synapses))) return fail(ErrorCode::cancelled, "building was given up");
  NEURACT_TRY(finish_rows(*built, excess));
  return std::shared_ptr<const Rows>(std::move(built));
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
  const double row =
      8.0 * (words_of_bits(plan.populations()[p.target].n) + words_of_tail(expected_row(plan, projection).excess));
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
  const double lines = words_of_bits(plan.populations()[p.target].n) / kLine;
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
