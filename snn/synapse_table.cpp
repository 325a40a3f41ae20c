#include "neuract/snn/synapse_table.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <optional>
#include <span>
#include <utility>

#include "neuract/snn/connectivity.hpp"
#include "neuract/snn/distribution.hpp"
#include "neuract/snn/draw.hpp"

namespace neuract::snn {
namespace {

constexpr std::uint64_t kReportEvery = std::uint64_t{1} << 20;

/// Codes and delays of one target's synapses after another.
class PropertyDrawer {
 public:
  PropertyDrawer(const ProjectionSpec& spec, double dt, double quantum, std::uint64_t seed, std::uint32_t projection)
      : weight_stream_(seed, Purpose::weight, projection),
        delay_stream_(seed, Purpose::delay, projection),
        delay_sampler_(spec.delay, dt),
        scale_(1.0 / quantum) {
    if (const auto* weight = std::get_if<Distribution>(&spec.weight)) weight_sampler_.emplace(*weight);
  }

  bool draws_weights() const { return weight_sampler_.has_value(); }
  bool draws_delays() const { return !delay_sampler_.uniform(); }
  std::pair<double, double> weights() const { return weight_sampler_->support(); }

  std::span<const std::int16_t> codes(std::uint32_t target, std::size_t n) {
    draw_words(weight_stream_, target, n);
    values_.resize(std::max(values_.size(), n));
    codes_.resize(std::max(codes_.size(), n));
    weight_sampler_->draw(std::span(words_).first(n), std::span(values_).first(n));
    quantise(values_.data(), scale_, n, codes_.data());
    return std::span(codes_).first(n);
  }

  std::span<const std::uint16_t> delays(std::uint32_t target, std::size_t n) {
    draw_words(delay_stream_, target, n);
    delays_.resize(std::max(delays_.size(), n));
    delay_sampler_.draw(std::span(words_).first(n), std::span(delays_).first(n));
    return std::span(delays_).first(n);
  }

 private:
  void draw_words(const Stream& stream, std::uint32_t target, std::size_t n) {
    const std::size_t groups = (n + Stream::kGroup - 1) / Stream::kGroup;
    words_.resize(std::max(words_.size(), groups * Stream::kGroup));
    stream.fill(words_.data(), groups, 0, target);
  }

  Stream weight_stream_;
  Stream delay_stream_;
  std::optional<Sampler> weight_sampler_;
  DelaySampler delay_sampler_;
  double scale_;
  std::vector<std::uint32_t> words_;
  std::vector<double> values_;
  std::vector<std::int16_t> codes_;
  std::vector<std::uint16_t> delays_;
};

/// Where the next synapse of each row goes: one element into `offsets`, so that what is the begin of row s while
/// storing starts has become its end, the begin of row s + 1, when storing is over.
std::uint32_t* next_of_row(SynapseTable& table) { return table.offsets.data() + 1; }

/// From the number of synapses in each row to its begin; the sum.
std::uint64_t counts_to_begins(SynapseTable& table) {
  std::uint32_t* const next = next_of_row(table);
  std::uint64_t begin = 0;
  for (std::uint32_t row = 0; row < table.sources; ++row) {
    const std::uint32_t count = next[row];
    next[row] = static_cast<std::uint32_t>(begin);
    begin += count;
  }
  return begin;
}

Result<void> allocate(SynapseTable& table, std::uint64_t synapses, bool with_codes, bool with_delays) {
  const std::size_t size = static_cast<std::size_t>(synapses) + SynapseTable::kPadding;
  NEURACT_TRY_ASSIGN(table.targets, memory::HostArray<std::uint16_t>::zeros(size));
  if (with_codes) {
    NEURACT_TRY_ASSIGN(table.codes, memory::HostArray<std::int16_t>::zeros(size));
  }
  if (with_delays && table.delay_max - table.delay_min <= 255) {
    NEURACT_TRY_ASSIGN(table.delays, memory::HostArray<std::uint8_t>::zeros(size));
  } else if (with_delays) {
    NEURACT_TRY_ASSIGN(table.wide_delays, memory::HostArray<std::uint16_t>::zeros(size));
  }
  return {};
}

/// Stores one target's synapses. The rows' ends are hit at random; with one open cache line a row they fit the outer
/// caches.
template <bool kCodes, class Delay>
void store(SynapseTable& table, Delay* table_delays, std::uint16_t target, std::span<const std::uint32_t> sources,
           std::span<const std::int16_t> codes, std::span<const std::uint16_t> delays) {
  std::uint32_t* const next = next_of_row(table);
  std::uint16_t* const targets = table.targets.data();
  std::int16_t* const table_codes = table.codes.data();
  for (std::size_t i = 0; i < sources.size(); ++i) {
    const std::uint32_t position = next[sources[i]]++;
    targets[position] = target;
    if constexpr (kCodes) table_codes[position] = codes[i];
    if constexpr (!std::is_void_v<Delay>) table_delays[position] = static_cast<Delay>(delays[i]);
  }
}

template <bool kCodes>
void store(SynapseTable& table, std::uint16_t target, std::span<const std::uint32_t> sources,
           std::span<const std::int16_t> codes, std::span<const std::uint16_t> delays) {
  if (delays.empty()) {
    store<kCodes, void>(table, nullptr, target, sources, codes, delays);
  } else if (!table.delays.empty()) {
    store<kCodes>(table, table.delays.data(), target, sources, codes, delays);
  } else {
    store<kCodes>(table, table.wide_delays.data(), target, sources, codes, delays);
  }
}

/// What one target has of each receptor, when its synapses go to two.
struct Part {
  std::vector<std::uint32_t> sources;
  std::vector<std::int16_t> codes;
  std::vector<std::uint16_t> delays;
};

void split_by_sign(std::span<const std::uint32_t> sources, std::span<const std::int16_t> codes,
                   std::span<const std::uint16_t> delays, Part& positive, Part& negative) {
  for (Part* part : {&positive, &negative}) {
    part->sources.clear();
    part->codes.clear();
    part->delays.clear();
  }
  for (std::size_t i = 0; i < sources.size(); ++i) {
    Part& part = codes[i] < 0 ? negative : positive;
    part.sources.push_back(sources[i]);
    part.codes.push_back(codes[i]);
    if (!delays.empty()) part.delays.push_back(delays[i]);
  }
}

class Builder {
 public:
  Builder(const Plan& plan, std::uint32_t projection, const CohortRange& cohort, const BuildProgress& progress)
      : plan_(plan),
        index_(projection),
        spec_(plan.spec().projections[projection]),
        projection_(plan.projections()[projection]),
        cohort_(cohort),
        progress_(progress),
        drawer_(spec_, plan.dt(), projection_.weight_quantum, plan.spec().seed, projection) {}

  Result<std::vector<SynapseTable>> build() {
    const PopulationPlan& source = plan_.populations()[projection_.source];
    const PopulationPlan& target = plan_.populations()[projection_.target];
    NEURACT_TRY_ASSIGN(const Connectivity connectivity,
                       Connectivity::make(spec_.rule, source.n, target.n, projection_.source == projection_.target,
                                          plan_.spec().seed, index_));
    NEURACT_TRY(make_tables(source.n));
    NEURACT_TRY(count(connectivity));
    for (SynapseTable& table : tables_) {
      const std::uint64_t synapses = counts_to_begins(table);
      if (synapses > std::numeric_limits<std::uint32_t>::max() - SynapseTable::kPadding) {
        return fail(ErrorCode::exhausted, synapses, " synapses onto ", cohort_.count,
                    " neurons are more than a table holds; a smaller cohort size helps");
      }
      NEURACT_TRY(allocate(table, synapses, drawer_.draws_weights(), drawer_.draws_delays()));
    }
    NEURACT_TRY(store_all(connectivity));
    return std::move(tables_);
  }

 private:
  Result<void> make_tables(std::uint32_t sources) {
    bool positive = true;
    bool negative = false;
    if (drawer_.draws_weights()) {
      positive = drawer_.weights().second > 0.0;
      negative = drawer_.weights().first < 0.0;
      positive = positive || !negative;
    } else {
      negative = std::get<double>(spec_.weight) < 0.0;
      positive = !negative;
    }
    by_sign_ = positive && negative && projection_.receptor_positive != projection_.receptor_negative;
    std::vector<int> receptors = {positive ? projection_.receptor_positive : projection_.receptor_negative};
    if (by_sign_) receptors.push_back(projection_.receptor_negative);
    for (const int receptor : receptors) {
      SynapseTable table;
      table.projection = index_;
      table.receptor = receptor;
      table.sources = sources;
      table.delay_min = projection_.delay_min;
      table.delay_max = projection_.delay_max;
      const double quantum = plan_.populations()[projection_.target].receptor_quantum[receptor];
      if (drawer_.draws_weights()) {
        // Both are powers of two.
        table.shift = std::ilogb(projection_.weight_quantum) - std::ilogb(quantum);
        if (table.shift < 0 || table.shift > 31) {
          return fail(ErrorCode::internal, "weight quantum ", projection_.weight_quantum, " and receptor quantum ",
                      quantum, " do not fit");
        }
      } else {
        table.uniform_code = static_cast<std::int32_t>(std::nearbyint(std::get<double>(spec_.weight) / quantum));
      }
      NEURACT_TRY_ASSIGN(table.offsets,
                         memory::HostArray<std::uint32_t>::zeros(std::size_t{sources} + 1 + SynapseTable::kPadding));
      tables_.push_back(std::move(table));
    }
    return {};
  }

  Result<void> count(const Connectivity& connectivity) {
    const bool finished =
        connectivity.for_each_target(cohort_.first, cohort_.count, [&](std::uint32_t target, auto sources) {
          std::uint32_t* const rows = next_of_row(tables_.front());
          if (!by_sign_) {
            for (const std::uint32_t source : sources) ++rows[source];
          } else {
            std::uint32_t* const negative_rows = next_of_row(tables_.back());
            const auto codes = drawer_.codes(target, sources.size());
            for (std::size_t i = 0; i < sources.size(); ++i) ++(codes[i] < 0 ? negative_rows : rows)[sources[i]];
          }
          return go_on(sources.size(), 0);
        });
    if (!finished) return cancelled();
    return {};
  }

  Result<void> store_all(const Connectivity& connectivity) {
    since_report_ = 0;
    std::uint64_t stored = 0;
    std::array<Part, 2> parts;
    const bool finished =
        connectivity.for_each_target(cohort_.first, cohort_.count, [&](std::uint32_t target, auto sources) {
          const std::size_t n = sources.size();
          const auto local = static_cast<std::uint16_t>(target - cohort_.first);
          const auto delays = drawer_.draws_delays() ? drawer_.delays(target, n) : std::span<const std::uint16_t>();
          if (!drawer_.draws_weights()) {
            store<false>(tables_.front(), local, sources, {}, delays);
          } else if (!by_sign_) {
            store<true>(tables_.front(), local, sources, drawer_.codes(target, n), delays);
          } else {
            split_by_sign(sources, drawer_.codes(target, n), delays, parts[0], parts[1]);
            for (std::size_t k = 0; k < 2; ++k)
              store<true>(tables_[k], local, parts[k].sources, parts[k].codes, parts[k].delays);
          }
          stored += n;
          return go_on(n, stored);
        });
    if (!finished || (progress_ && !progress_(stored))) return cancelled();
    return {};
  }

  bool go_on(std::size_t synapses, std::uint64_t stored) {
    since_report_ += synapses;
    if (since_report_ < kReportEvery || !progress_) return true;
    since_report_ = 0;
    return progress_(stored);
  }

  static Unexpected<Error> cancelled() { return fail(ErrorCode::cancelled, "building was given up"); }

  const Plan& plan_;
  std::uint32_t index_;
  const ProjectionSpec& spec_;
  const ProjectionPlan& projection_;
  CohortRange cohort_;
  const BuildProgress& progress_;
  PropertyDrawer drawer_;
  bool by_sign_ = false;
  std::uint64_t since_report_ = 0;
  std::vector<SynapseTable> tables_;
};

}  // namespace

Result<std::vector<SynapseTable>> build_synapse_tables(const Plan& plan, std::uint32_t projection,
                                                       const CohortRange& cohort, const BuildProgress& progress) {
  return Builder(plan, projection, cohort, progress).build().transform_error([&](Error error) {
    return error.with_context("projection \"" + plan.spec().projections[projection].name + "\"");
  });
}

}  // namespace neuract::snn
