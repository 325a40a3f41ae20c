#include "neuract/snn/synapses/rows.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "neuract/snn/connectivity.hpp"
#include "neuract/snn/synapse_properties.hpp"

namespace neuract::snn::synapses {
namespace {

constexpr std::uint64_t kReportEvery = std::uint64_t{1} << 20;

template <class T>
class Builder {
 public:
  Builder(const Plan& plan, std::uint32_t projection, const CohortRange& cohort, Values values,
          const BuildProgress& progress)
      : connectivity_(plan.connectivity(projection)),
        properties_(plan, projection),
        cohort_(cohort),
        values_(values),
        progress_(progress) {
    const ProjectionPlan& p = plan.projections()[projection];
    rows_.sources = plan.populations()[p.source].n;
    rows_.delay_min = p.delay_min;
    rows_.delay_max = p.delay_max;
  }

  Result<Rows<T>> build() {
    NEURACT_TRY_ASSIGN(rows_.offsets, memory::HostArray<std::uint32_t>::zeros(std::size_t{rows_.sources} + 1));
    if (!count()) return cancelled();
    NEURACT_TRY(allocate());
    if (!store()) return cancelled();
    if (properties_.varied_delays()) NEURACT_TRY(sort_by_delay());
    return std::move(rows_);
  }

 private:
  /// Row s is counted one element further on, so that what is its begin while synapses are stored is its end, the begin
  /// of row s + 1, afterwards.
  std::uint32_t* next_of_row() { return rows_.offsets.data() + 1; }

  bool count() {
    return connectivity_.for_each_target(cohort_.first, cohort_.count, [&](std::uint32_t, auto sources) {
      for (const std::uint32_t source : sources) ++next_of_row()[source];
      return go_on(sources.size());
    });
  }

  Result<void> allocate() {
    std::uint64_t begin = 0;
    for (std::uint32_t row = 0; row < rows_.sources; ++row) {
      const std::uint32_t length = next_of_row()[row];
      next_of_row()[row] = static_cast<std::uint32_t>(begin);
      begin += length;
    }
    if (begin > std::numeric_limits<std::uint32_t>::max() - Rows<T>::kPadding)
      return fail(ErrorCode::exhausted, begin, " synapses onto ", cohort_.count,
                  " neurons are more than a table holds; a smaller cohort size helps");
    const std::size_t size = static_cast<std::size_t>(begin) + Rows<T>::kPadding;
    NEURACT_TRY_ASSIGN(rows_.targets, memory::HostArray<std::uint16_t>::zeros(size));
    if (values_.always || properties_.varied_weights()) {
      NEURACT_TRY_ASSIGN(rows_.values, memory::HostArray<T>::zeros(size));
    }
    if (properties_.varied_delays()) {
      NEURACT_TRY_ASSIGN(delays_, memory::HostArray<std::uint16_t>::zeros(size));
    }
    return {};
  }

  T value_of(double weight) const { return static_cast<T>(std::min(std::abs(weight) * values_.scale, 1.0)); }

  bool store() {
    since_report_ = 0;
    std::uint64_t stored = 0;
    std::vector<T> values;
    const bool finished =
        connectivity_.for_each_target(cohort_.first, cohort_.count, [&](std::uint32_t target, auto sources) {
          const std::size_t n = sources.size();
          const auto local = static_cast<std::uint16_t>(target - cohort_.first);
          values.resize(std::max(values.size(), n));
          if (!rows_.values.empty()) draw(target, sources, values.data());
          const auto delays = delays_.empty() ? std::span<const std::uint16_t>() : properties_.delays(target, sources);
          for (std::size_t i = 0; i < n; ++i) {
            const std::uint32_t position = next_of_row()[sources[i]]++;
            rows_.targets[position] = local;
            if (!rows_.values.empty()) rows_.values[position] = values[i];
            if (!delays_.empty()) delays_[position] = delays[i];
          }
          stored += n;
          return go_on(n, stored);
        });
    return finished && (!progress_ || progress_(stored));
  }

  void draw(std::uint32_t target, std::span<const std::uint32_t> sources, T* out) {
    if constexpr (std::is_same_v<T, std::int16_t>) {
      const auto codes = properties_.codes(target, sources);
      std::copy(codes.begin(), codes.end(), out);
    } else if (properties_.varied_weights()) {
      for (const double weight : properties_.weights(target, sources)) *out++ = value_of(weight);
    } else {
      std::fill_n(out, sources.size(), value_of(properties_.common_weight()));
    }
  }

  Result<void> sort_by_delay() {
    std::vector<std::uint32_t> order;
    std::vector<std::uint16_t> targets;
    std::vector<std::uint16_t> delays;
    std::vector<T> values;
    std::vector<typename Rows<T>::Segment> segments;
    NEURACT_TRY_ASSIGN(rows_.segment_offsets, memory::HostArray<std::uint32_t>::zeros(std::size_t{rows_.sources} + 1));
    for (std::uint32_t row = 0; row < rows_.sources; ++row) {
      const std::uint32_t begin = rows_.offsets[row];
      const std::uint32_t n = rows_.offsets[row + 1] - begin;
      order.resize(n);
      for (std::uint32_t i = 0; i < n; ++i) order[i] = i;
      const std::uint16_t* const delay = delays_.data() + begin;
      std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return delay[a] < delay[b]; });
      targets.assign(rows_.targets.data() + begin, rows_.targets.data() + begin + n);
      if (!rows_.values.empty()) values.assign(rows_.values.data() + begin, rows_.values.data() + begin + n);
      for (std::uint32_t i = 0; i < n; ++i) {
        rows_.targets[begin + i] = targets[order[i]];
        if (!rows_.values.empty()) rows_.values[begin + i] = values[order[i]];
        if (i == 0 || delay[order[i]] != delay[order[i - 1]])
          segments.push_back({begin + i, static_cast<std::uint32_t>(rows_.delay_min) + delay[order[i]]});
      }
      rows_.segment_offsets[row + 1] = static_cast<std::uint32_t>(segments.size());
    }
    NEURACT_TRY_ASSIGN(rows_.segments, memory::HostArray<typename Rows<T>::Segment>::zeros(segments.size() + 1));
    std::copy(segments.begin(), segments.end(), rows_.segments.begin());
    delays_ = {};
    return {};
  }

  bool go_on(std::size_t synapses, std::uint64_t stored = 0) {
    since_report_ += synapses;
    if (since_report_ < kReportEvery || !progress_) return true;
    since_report_ = 0;
    return progress_(stored);
  }

  static Unexpected<Error> cancelled() { return fail(ErrorCode::cancelled, "building was given up"); }

  const Connectivity& connectivity_;
  SynapseProperties properties_;
  CohortRange cohort_;
  Values values_;
  const BuildProgress& progress_;
  Rows<T> rows_;
  memory::HostArray<std::uint16_t> delays_;  // of each synapse, above delay_min; until rows are sorted
  std::uint64_t since_report_ = 0;
};

}  // namespace

template <class T>
Result<Rows<T>> build_rows(const Plan& plan, std::uint32_t projection, const CohortRange& cohort, Values values,
                           const BuildProgress& progress) {
  return Builder<T>(plan, projection, cohort, values, progress).build();
}

template Result<Rows<float>> build_rows(const Plan&, std::uint32_t, const CohortRange&, Values, const BuildProgress&);
template Result<Rows<double>> build_rows(const Plan&, std::uint32_t, const CohortRange&, Values, const BuildProgress&);
template Result<Rows<std::int16_t>> build_rows(const Plan&, std::uint32_t, const CohortRange&, Values,
                                               const BuildProgress&);

}  // namespace neuract::snn::synapses
