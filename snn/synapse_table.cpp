#include "neuract/snn/synapse_table.hpp"

#include <algorithm>
#include <cmath>
#include <deque>
#include <limits>
#include <span>
#include <utility>

#include "neuract/snn/connectivity.hpp"
#include "neuract/snn/delay_groups.hpp"
#include "neuract/snn/synapse_properties.hpp"
#include "neuract/snn/weight_codes.hpp"

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

enum class Form : std::uint8_t { common, four_bits, sixteen_bits, thirty_two_bits };

Form form_of(const ProjectionSpec& spec, bool varied) {
  if (!varied) return Form::common;
  switch (spec.weight_format) {
    case WeightFormat::four_bits: return Form::four_bits;
    case WeightFormat::thirty_two_bits: return Form::thirty_two_bits;
    case WeightFormat::automatic:
    case WeightFormat::sixteen_bits: break;
  }
  return Form::sixteen_bits;
}

Result<void> allocate(SynapseTable& table, std::uint64_t synapses, Form form, bool with_delays) {
  const std::size_t size = static_cast<std::size_t>(synapses) + SynapseTable::kPadding;
  if (form == Form::sixteen_bits) {
    NEURACT_TRY_ASSIGN(table.words, memory::HostArray<std::uint32_t>::zeros(size));
  } else {
    NEURACT_TRY_ASSIGN(table.targets, memory::HostArray<std::uint16_t>::zeros(size));
  }
  if (form == Form::four_bits) {
    NEURACT_TRY_ASSIGN(table.nibbles, memory::HostArray<std::uint8_t>::zeros(size / 2 + SynapseTable::kPadding));
  } else if (form == Form::thirty_two_bits) {
    NEURACT_TRY_ASSIGN(table.wide_codes, memory::HostArray<std::int32_t>::zeros(size));
  }
  if (with_delays && table.delay_max - table.delay_min <= 255) {
    NEURACT_TRY_ASSIGN(table.delays, memory::HostArray<std::uint8_t>::zeros(size));
  } else if (with_delays) {
    NEURACT_TRY_ASSIGN(table.wide_delays, memory::HostArray<std::uint16_t>::zeros(size));
  }
  return {};
}

/// The synapses of one target, or those of them that go to one receptor.
struct Synapses {
  std::uint16_t target;
  std::span<const std::uint32_t> sources;
  std::span<const std::int32_t> codes;    // empty: common weight
  std::span<const std::uint16_t> delays;  // empty: common delay
};

/// Stores one target's synapses. The rows' ends are hit at random; with one open cache line a row they fit the outer
/// caches.
template <Form kForm, class Delay>
void store(SynapseTable& table, Delay* table_delays, const Synapses& synapses) {
  std::uint32_t* const next = next_of_row(table);
  std::uint16_t* const targets = table.targets.data();
  std::uint32_t* const words = table.words.data();
  std::uint8_t* const nibbles = table.nibbles.data();
  std::int32_t* const wide_codes = table.wide_codes.data();
  for (std::size_t i = 0; i < synapses.sources.size(); ++i) {
    const std::uint32_t position = next[synapses.sources[i]]++;
    if constexpr (kForm == Form::sixteen_bits) {
      words[position] = synapses.target | static_cast<std::uint32_t>(synapses.codes[i]) << 16;
    } else {
      targets[position] = synapses.target;
    }
    if constexpr (kForm == Form::four_bits) {
      nibbles[position / 2] =
          static_cast<std::uint8_t>(nibbles[position / 2] | synapses.codes[i] << (position % 2 * 4));
    } else if constexpr (kForm == Form::thirty_two_bits) {
      wide_codes[position] = synapses.codes[i];
    }
    if constexpr (!std::is_void_v<Delay>) table_delays[position] = static_cast<Delay>(synapses.delays[i]);
  }
}

template <Form kForm>
void store(SynapseTable& table, const Synapses& synapses) {
  if (synapses.delays.empty()) {
    store<kForm, void>(table, nullptr, synapses);
  } else if (!table.delays.empty()) {
    store<kForm>(table, table.delays.data(), synapses);
  } else {
    store<kForm>(table, table.wide_delays.data(), synapses);
  }
}

void store(SynapseTable& table, Form form, const Synapses& synapses) {
  switch (form) {
    case Form::common: return store<Form::common>(table, synapses);
    case Form::four_bits: return store<Form::four_bits>(table, synapses);
    case Form::sixteen_bits: return store<Form::sixteen_bits>(table, synapses);
    case Form::thirty_two_bits: return store<Form::thirty_two_bits>(table, synapses);
  }
}

/// What one target has of each receptor, when its synapses go to two.
struct Part {
  std::vector<std::uint32_t> sources;
  std::vector<std::int32_t> codes;
  std::vector<std::uint16_t> delays;
};

bool has_both_signs(const std::pair<double, double>& weights) { return weights.first < 0.0 && weights.second > 0.0; }

/// What projections need to have in common.
struct Kind {
  std::uint32_t source;
  int receptor;
  Form form;
  double receptor_quantum;
  double weight_quantum;
  double weight;  // when all have it
  int delay_min;
  int delay_max;
  std::uint32_t single;  // of a projection that has to stay alone, its number + 1
  bool operator==(const Kind&) const = default;
};

Kind kind_of(const Plan& plan, std::uint32_t p) {
  const ProjectionPlan& projection = plan.projections()[p];
  const SynapseProperties properties(plan, p);
  const auto range = properties.weight_range();
  const bool negative = range.first < 0.0 && range.second <= 0.0;
  const int receptor = negative ? projection.receptor_negative : projection.receptor_positive;
  const bool by_sign = has_both_signs(range) && projection.receptor_positive != projection.receptor_negative;
  const Form form = form_of(plan.spec().projections[p], properties.varied_weights());
  return {.source = projection.source,
          .receptor = receptor,
          .form = form,
          .receptor_quantum = plan.populations()[projection.target].receptor_quantum[receptor],
          .weight_quantum = form == Form::sixteen_bits ? projection.weight_quantum : 0.0,
          .weight = form == Form::common ? properties.common_weight() : 0.0,
          .delay_min = projection.delay_min,
          .delay_max = projection.delay_max,
          .single = by_sign || form == Form::four_bits ? p + 1 : 0};
}

/// Draws the synapses of one projection, target after target.
class Drawer {
 public:
  Drawer(const Plan& plan, std::uint32_t projection, Form form, double receptor_quantum)
      : properties_(plan, projection), connectivity_(plan.connectivity(projection)), form_(form) {
    if (form == Form::thirty_two_bits) scale_ = 1.0 / receptor_quantum;
    if (form == Form::four_bits)
      codebook_ = weight_codes(std::get<Distribution>(plan.spec().projections[projection].weight), receptor_quantum);
  }

  const SynapseProperties& properties() const { return properties_; }
  const Connectivity& connectivity() const { return connectivity_; }
  const WeightCodes& codebook() const { return codebook_; }

  std::span<const std::int32_t> codes(std::uint32_t target, std::span<const std::uint32_t> sources) {
    codes_.resize(std::max(codes_.size(), sources.size()));
    const std::span<std::int32_t> out = std::span(codes_).first(sources.size());
    if (form_ == Form::sixteen_bits) {
      const std::span<const std::int16_t> narrow = properties_.codes(target, sources);
      std::copy(narrow.begin(), narrow.end(), out.begin());
      return out;
    }
    const std::span<const double> weights = properties_.weights(target, sources);
    if (form_ == Form::four_bits) {
      bytes_.resize(std::max(bytes_.size(), sources.size()));
      codebook_.encode(weights, bytes_);
      std::copy_n(bytes_.begin(), out.size(), out.begin());
    } else {
      for (std::size_t i = 0; i < out.size(); ++i)
        out[i] = static_cast<std::int32_t>(std::nearbyint(weights[i] * scale_));
    }
    return out;
  }

  bool negative(std::int32_t code) const {
    return (form_ == Form::four_bits ? codebook_.levels[static_cast<std::size_t>(code)] : code) < 0;
  }

  std::span<const std::uint16_t> delays(std::uint32_t target, std::span<const std::uint32_t> sources) {
    return properties_.delays(target, sources);
  }

 private:
  SynapseProperties properties_;
  const Connectivity& connectivity_;
  Form form_;
  double scale_ = 1.0;
  WeightCodes codebook_;
  std::vector<std::int32_t> codes_;
  std::vector<std::uint8_t> bytes_;
};

class Builder {
 public:
  Builder(const Plan& plan, std::span<const std::uint32_t> projections, std::span<const TargetPart> parts,
          const BuildProgress& progress)
      : plan_(plan), projections_(projections), parts_(parts), progress_(progress) {}

  Result<std::vector<SynapseTable>> build() {
    const ProjectionPlan& first = plan_.projections()[projections_.front()];
    const Kind kind = kind_of(plan_, projections_.front());
    form_ = kind.form;
    for (const std::uint32_t p : projections_) drawers_.emplace_back(plan_, p, form_, kind.receptor_quantum);
    const SynapseProperties& properties = drawers_.front().properties();
    by_sign_ = has_both_signs(properties.weight_range()) && first.receptor_positive != first.receptor_negative;
    NEURACT_TRY(make_tables(kind));
    if (!generate([this](std::size_t k, std::uint16_t local, std::uint32_t target, auto sources) {
          count(k, local, target, sources);
        }))
      return cancelled();
    for (SynapseTable& table : tables_) {
      const std::uint64_t synapses = counts_to_begins(table);
      if (synapses > std::numeric_limits<std::uint32_t>::max() - SynapseTable::kPadding) {
        std::uint32_t neurons = 0;
        for (const TargetPart& part : parts_) neurons += part.cohort.count;
        return fail(ErrorCode::exhausted, synapses, " synapses onto ", neurons,
                    " neurons are more than a table holds; a smaller cohort size helps");
      }
      NEURACT_TRY(allocate(table, synapses, form_, table.delay_min != table.delay_max));
    }
    storing_ = true;
    if (!generate([this](std::size_t k, std::uint16_t local, std::uint32_t target, auto sources) {
          store_target(k, local, target, sources);
        }))
      return cancelled();
    if (progress_ && !progress_(stored_)) return cancelled();
    return std::move(tables_);
  }

 private:
  Result<void> make_tables(const Kind& kind) {
    const ProjectionPlan& first = plan_.projections()[projections_.front()];
    std::vector<int> receptors = {kind.receptor};
    if (by_sign_) receptors = {first.receptor_positive, first.receptor_negative};
    for (const int receptor : receptors) {
      SynapseTable table;
      table.projections.assign(projections_.begin(), projections_.end());
      table.receptor = receptor;
      table.sources = plan_.populations()[first.source].n;
      table.delay_min = first.delay_min;
      table.delay_max = first.delay_max;
      const double quantum = plan_.populations()[first.target].receptor_quantum[receptor];
      if (form_ == Form::sixteen_bits) {
        // Both are powers of two.
        table.shift = std::ilogb(first.weight_quantum) - std::ilogb(quantum);
        if (table.shift < 0 || table.shift > 31) {
          return fail(ErrorCode::internal, "weight quantum ", first.weight_quantum, " and receptor quantum ", quantum,
                      " do not fit");
        }
      } else if (form_ == Form::four_bits) {
        table.levels = drawers_.front().codebook().levels;
        table.weight_error = drawers_.front().codebook().error.rms;
      } else if (form_ == Form::common) {
        table.uniform_code =
            static_cast<std::int32_t>(std::nearbyint(drawers_.front().properties().common_weight() / quantum));
      }
      NEURACT_TRY_ASSIGN(table.offsets, memory::HostArray<std::uint32_t>::zeros(std::size_t{table.sources} + 1 +
                                                                                SynapseTable::kPadding));
      if (projections_.size() > 1) {
        NEURACT_TRY_ASSIGN(table.degrees,
                           memory::HostArray<std::uint32_t>::zeros(std::size_t{table.sources} * projections_.size()));
      }
      tables_.push_back(std::move(table));
    }
    return {};
  }

  /// Calls visit(index of projection, neuron of the bundle, target, sources) for every target of every projection.
  /// False when `progress` gave up.
  template <class Visit>
  bool generate(Visit visit) {
    since_report_ = 0;
    stored_ = 0;
    for (std::size_t k = 0; k < projections_.size(); ++k) {
      const std::uint32_t population = plan_.projections()[projections_[k]].target;
      for (const TargetPart& part : parts_) {
        if (part.cohort.population != population) continue;
        const bool finished = drawers_[k].connectivity().for_each_target(
            part.cohort.first, part.cohort.count, [&](std::uint32_t target, std::span<const std::uint32_t> sources) {
              visit(k, static_cast<std::uint16_t>(part.first + target - part.cohort.first), target, sources);
              if (storing_) stored_ += sources.size();
              since_report_ += sources.size();
              if (since_report_ < kReportEvery || !progress_) return true;
              since_report_ = 0;
              return progress_(stored_);
            });
        if (!finished) return false;
      }
    }
    return true;
  }

  void count(std::size_t k, std::uint16_t, std::uint32_t target, std::span<const std::uint32_t> sources) {
    std::uint32_t* const rows = next_of_row(tables_.front());
    if (by_sign_) {
      std::uint32_t* const negative_rows = next_of_row(tables_.back());
      const auto codes = drawers_[k].codes(target, sources);
      for (std::size_t i = 0; i < sources.size(); ++i)
        ++(drawers_[k].negative(codes[i]) ? negative_rows : rows)[sources[i]];
      return;
    }
    for (const std::uint32_t source : sources) ++rows[source];
    if (projections_.size() > 1) {
      std::uint32_t* const degrees = tables_.front().degrees.data() + k;
      for (const std::uint32_t source : sources) ++degrees[source * projections_.size()];
    }
  }

  void store_target(std::size_t k, std::uint16_t local, std::uint32_t target, std::span<const std::uint32_t> sources) {
    Drawer& drawer = drawers_[k];
    Synapses synapses{local, sources, {}, {}};
    if (drawer.properties().varied_delays()) synapses.delays = drawer.delays(target, sources);
    if (form_ != Form::common) synapses.codes = drawer.codes(target, sources);
    if (!by_sign_) return store(tables_.front(), form_, synapses);
    for (Part& part : signs_) {
      part.sources.clear();
      part.codes.clear();
      part.delays.clear();
    }
    for (std::size_t i = 0; i < sources.size(); ++i) {
      Part& part = signs_[drawer.negative(synapses.codes[i]) ? 1 : 0];
      part.sources.push_back(sources[i]);
      part.codes.push_back(synapses.codes[i]);
      if (!synapses.delays.empty()) part.delays.push_back(synapses.delays[i]);
    }
    for (std::size_t sign = 0; sign < 2; ++sign)
      store(tables_[sign], form_, {local, signs_[sign].sources, signs_[sign].codes, signs_[sign].delays});
  }

  static Unexpected<Error> cancelled() { return fail(ErrorCode::cancelled, "building was given up"); }

  const Plan& plan_;
  std::span<const std::uint32_t> projections_;
  std::span<const TargetPart> parts_;
  const BuildProgress& progress_;
  std::deque<Drawer> drawers_;  // one per projection
  Form form_ = Form::common;
  bool by_sign_ = false;
  bool storing_ = false;
  std::uint64_t since_report_ = 0;
  std::uint64_t stored_ = 0;
  std::array<Part, 2> signs_;
  std::vector<SynapseTable> tables_;
};

}  // namespace

std::int32_t SynapseTable::weight(std::size_t synapse) const noexcept {
  if (!words.empty()) return (static_cast<std::int32_t>(words[synapse]) >> 16) * (std::int32_t{1} << shift);
  if (!nibbles.empty()) return levels[(nibbles[synapse / 2] >> (synapse % 2 * 4)) & 15u];
  return wide_codes.empty() ? uniform_code : wide_codes[synapse];
}

kernels::SynapseRows SynapseTable::rows() const noexcept {
  kernels::SynapseRows rows;
  rows.offsets = offsets.data();
  rows.targets = targets.data();
  rows.words = words.data();
  rows.nibbles = nibbles.data();
  rows.levels = levels.data();
  rows.wide_codes = wide_codes.data();
  rows.delays = delays.data();
  rows.wide_delays = wide_delays.data();
  rows.groups = groups.data();
  rows.group_stride = group_stride;
  rows.chunk = kDelayChunk;
  rows.uniform_code = uniform_code;
  rows.shift = shift;
  rows.receptor = static_cast<std::uint32_t>(receptor);
  return rows;
}

std::vector<std::vector<std::uint32_t>> projections_alike(const Plan& plan, std::span<const TargetPart> parts) {
  std::vector<std::vector<std::uint32_t>> sets;
  std::vector<Kind> kinds;
  for (std::uint32_t p = 0; p < plan.projections().size(); ++p) {
    const ProjectionPlan& projection = plan.projections()[p];
    const bool here = std::any_of(parts.begin(), parts.end(),
                                  [&](const TargetPart& part) { return part.cohort.population == projection.target; });
    if (!here || projection.kept != Kept::lists) continue;
    const Kind kind = kind_of(plan, p);
    const auto known = std::find(kinds.begin(), kinds.end(), kind);
    if (known != kinds.end()) {
      sets[static_cast<std::size_t>(known - kinds.begin())].push_back(p);
    } else {
      kinds.push_back(kind);
      sets.push_back({p});
    }
  }
  return sets;
}

Result<std::vector<SynapseTable>> build_synapse_tables(const Plan& plan, std::span<const std::uint32_t> projections,
                                                       std::span<const TargetPart> parts,
                                                       const BuildProgress& progress) {
  return Builder(plan, projections, parts, progress).build().transform_error([&](Error error) {
    return error.with_context("projection \"" + plan.spec().projections[projections.front()].name + "\"");
  });
}

Result<std::vector<SynapseTable>> build_synapse_tables(const Plan& plan, std::uint32_t projection,
                                                       const CohortRange& cohort, const BuildProgress& progress) {
  const TargetPart part{cohort, 0};
  return build_synapse_tables(plan, {&projection, 1}, {&part, 1}, progress);
}

}  // namespace neuract::snn
