#include "neuract/snn/synapse_table.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <span>
#include <utility>

#include "neuract/snn/connectivity.hpp"
#include "neuract/snn/synapse_properties.hpp"

namespace neuract::snn {
namespace {

constexpr std::uint64_t kReportEvery = std::uint64_t{1} << 20;

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
        properties_(plan, projection) {}

  Result<std::vector<SynapseTable>> build() {
    const PopulationPlan& source = plan_.populations()[projection_.source];
    const Connectivity& connectivity = plan_.connectivity(index_);
    NEURACT_TRY(make_tables(source.n));
    NEURACT_TRY(count(connectivity));
    for (SynapseTable& table : tables_) {
      const std::uint64_t synapses = counts_to_begins(table);
      if (synapses > std::numeric_limits<std::uint32_t>::max() - SynapseTable::kPadding) {
        return fail(ErrorCode::exhausted, synapses, " synapses onto ", cohort_.count,
                    " neurons are more than a table holds; a smaller cohort size helps");
      }
      NEURACT_TRY(allocate(table, synapses, properties_.varied_weights(), properties_.varied_delays()));
    }
    NEURACT_TRY(store_all(connectivity));
    return std::move(tables_);
  }

 private:
  Result<void> make_tables(std::uint32_t sources) {
    bool positive = true;
    bool negative = false;
    if (properties_.varied_weights()) {
      positive = properties_.weight_range().second > 0.0;
      negative = properties_.weight_range().first < 0.0;
      positive = positive || !negative;
    } else {
      negative = properties_.common_weight() < 0.0;
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
      if (properties_.varied_weights()) {
        // Both are powers of two.
        table.shift = std::ilogb(projection_.weight_quantum) - std::ilogb(quantum);
        if (table.shift < 0 || table.shift > 31) {
          return fail(ErrorCode::internal, "weight quantum ", projection_.weight_quantum, " and receptor quantum ",
                      quantum, " do not fit");
        }
      } else {
        table.uniform_code = static_cast<std::int32_t>(std::nearbyint(properties_.common_weight() / quantum));
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
            const auto codes = properties_.codes(target, sources);
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
          const auto delays =
              properties_.varied_delays() ? properties_.delays(target, sources) : std::span<const std::uint16_t>();
          if (!properties_.varied_weights()) {
            store<false>(tables_.front(), local, sources, {}, delays);
          } else if (!by_sign_) {
            store<true>(tables_.front(), local, sources, properties_.codes(target, sources), delays);
          } else {
            split_by_sign(sources, properties_.codes(target, sources), delays, parts[0], parts[1]);
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
  SynapseProperties properties_;
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
