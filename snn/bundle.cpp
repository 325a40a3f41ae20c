#include "neuract/snn/bundle.hpp"

#include <algorithm>
#include <bit>
#include <utility>

#include "neuract/snn/delay_groups.hpp"

namespace neuract::snn {
namespace {

constexpr std::uint32_t kMostSlots = 65536;  // an event tells its step by 16 bits

/// Steps by which what one call of the kernel adds to the rings differs.
Step spread_of(const SynapseTable& table) {
  const Step range = table.delay_max - table.delay_min;
  return table.groups.empty() ? range : std::min<Step>(range, kDelayChunk - 1);
}

}  // namespace

Result<std::unique_ptr<Bundle>> Bundle::build(const Plan& plan, std::vector<TargetPart> parts, Step quantum,
                                              Step spread, std::span<const std::array<bool, 2>> used,
                                              const Bundle* like, const BuildProgress& progress) {
  std::unique_ptr<Bundle> bundle(new Bundle(plan));
  bundle->parts_ = std::move(parts);
  const TargetPart& last = bundle->parts_.back();
  bundle->neurons_ = (last.first + last.cohort.count + kCohortAlignment - 1) / kCohortAlignment * kCohortAlignment;
  if (like != nullptr) {
    bundle->tables_ = like->tables_;
    bundle->owns_tables_ = false;
  } else {
    NEURACT_TRY(bundle->build_tables(progress));
  }
  bundle->tables_from_.resize(plan.populations().size());
  for (const SynapseTable& table : bundle->tables()) {
    const std::uint32_t source = plan.projections()[table.projections.front()].source;
    if (table.synapses() > 0) bundle->tables_from_[source].push_back(static_cast<std::uint32_t>(bundle->rows_.size()));
    bundle->rows_.push_back(table.rows());
    bundle->events_.emplace_back(table.projections.size(), 0);
    bundle->longest_delay_ = std::max<Step>(bundle->longest_delay_, table.delay_max);
  }
  NEURACT_TRY(bundle->build_rings(quantum, spread, used));
  return bundle;
}

Result<void> Bundle::build_tables(const BuildProgress& progress) {
  auto tables = std::make_shared<Tables>();
  std::uint64_t built = 0;
  for (const std::vector<std::uint32_t>& projections : projections_alike(plan_, parts_)) {
    const auto report = [&](std::uint64_t n) { return !progress || progress(built + n); };
    NEURACT_TRY_ASSIGN(std::vector<SynapseTable> some, build_synapse_tables(plan_, projections, parts_, report));
    for (SynapseTable& table : some) {
      built += table.synapses();
      tables->push_back(std::move(table));
    }
  }
  NEURACT_TRY(group_by_delay(*tables));
  tables_ = std::move(tables);
  return {};
}

Result<void> Bundle::build_rings(Step quantum, Step spread, std::span<const std::array<bool, 2>> used) {
  used_.assign(used.begin(), used.end());
  for (const SynapseTable& table : tables()) {
    if (table.synapses() == 0) continue;
    spread = std::max(spread, spread_of(table));
    for (const std::uint32_t p : table.projections) {
      for (std::size_t k = 0; k < parts_.size(); ++k) {
        if (parts_[k].cohort.population == plan_.projections()[p].target)
          used_[k][static_cast<std::size_t>(table.receptor)] = true;
      }
    }
  }
  const auto slots = std::bit_ceil(static_cast<std::uint32_t>(quantum + spread));
  if (slots > kMostSlots)
    return fail(ErrorCode::exhausted, "delays that differ by ", spread, " steps are more than an input ring holds (",
                kMostSlots - static_cast<std::uint32_t>(quantum), ")");
  for (std::size_t r = 0; r < 2; ++r) {
    const bool any = std::any_of(used_.begin(), used_.end(), [r](const auto& receptors) { return receptors[r]; });
    if (!any) continue;
    NEURACT_TRY_ASSIGN(inputs_[r], memory::HostArray<std::int32_t>::zeros(std::size_t{slots} * neurons_));
    rings_[r] = {inputs_[r].data(), neurons_, slots - 1};
  }
  return {};
}

std::array<kernels::InputRing, 2> Bundle::rings(std::size_t k) const noexcept {
  std::array<kernels::InputRing, 2> part{};
  for (std::size_t r = 0; r < 2; ++r) {
    if (used_[k][r]) part[r] = {rings_[r].data + parts_[k].first, rings_[r].stride, rings_[r].mask};
  }
  return part;
}

std::vector<kernels::RowEvent>& Bundle::slot(Step step) {
  const auto needed = static_cast<std::size_t>(step - begin_ + 1);
  if (needed > calendar_.size()) {
    std::vector<std::vector<kernels::RowEvent>> larger(std::bit_ceil(std::max<std::size_t>(needed, 16)));
    for (std::size_t i = 0; i < calendar_.size(); ++i) {
      const auto s = static_cast<std::size_t>(begin_) + i;
      larger[s & (larger.size() - 1)] = std::move(calendar_[s & (calendar_.size() - 1)]);
    }
    calendar_ = std::move(larger);
  }
  return calendar_[static_cast<std::size_t>(step) & (calendar_.size() - 1)];
}

void Bundle::enter(const SpikeBatch& spikes, Step now) {
  if (spikes.ids.empty()) return;
  for (const std::uint32_t t : tables_from_[spikes.population]) {
    const SynapseTable& table = tables()[t];
    const kernels::SynapseRows* const rows = &rows_[t];
    const Step last_group = table.groups.empty() ? 0 : table.delay_max - table.delay_min;
    for (Step sent = spikes.begin; sent < spikes.end(); ++sent) {
      const std::span<const std::uint16_t> ids = spikes.at(sent);
      if (ids.empty()) continue;
      for (Step group = 0; group <= last_group; group += kDelayChunk) {
        const Step acts = sent + table.delay_min + group;
        if (acts < now || plan_.presentation_begin(acts) > sent) continue;
        auto& list = slot(acts);
        const auto low_bits = static_cast<std::uint16_t>(acts);
        for (const std::uint16_t id : ids)
          list.push_back({rows, spikes.first + id, static_cast<std::uint16_t>(group), low_bits});
      }
    }
  }
}

void Bundle::deliver(Step from, Step to) {
  const Step known = begin_ + static_cast<Step>(calendar_.size());
  due_.clear();
  for (Step step = from; step < std::min(to, known); ++step) {
    auto& list = slot(step);
    count(list, step);
    due_.insert(due_.end(), list.begin(), list.end());
    list.clear();
  }
  begin_ = to;
  kernels::deliver(due_, rings_.data());
  fetch_ahead(to);
}

void Bundle::fetch_ahead(Step next) noexcept {
  // What is known already of the next steps comes into the cache while neurons are updated.
  constexpr std::uint32_t kSynapses = 4096;
  const Step known = begin_ + static_cast<Step>(calendar_.size());
  const auto list = [&](Step step) -> std::span<const kernels::RowEvent> {
    if (step >= known) return {};
    return calendar_[static_cast<std::size_t>(step) & (calendar_.size() - 1)];
  };
  kernels::fetch_synapses(list(next), kSynapses);
  kernels::fetch_begins(list(next + 1));
}

void Bundle::count(std::span<const kernels::RowEvent> events, Step step) noexcept {
  for (const kernels::RowEvent& event : events) {
    const auto t = static_cast<std::size_t>(event.rows - rows_.data());
    const SynapseTable& table = tables()[t];
    if (event.group != 0 || step - table.delay_min < plan_.warmup_steps()) continue;
    for (std::size_t k = 0; k < events_[t].size(); ++k) events_[t][k] += table.degree(event.row, k);
  }
}

void Bundle::clear() noexcept {
  // The calendar has nothing that would act in a later presentation than it was sent in.
  for (auto& inputs : inputs_) std::fill(inputs.begin(), inputs.end(), 0);
}

}  // namespace neuract::snn
