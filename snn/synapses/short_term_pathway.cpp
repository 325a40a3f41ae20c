#include "neuract/snn/synapses/short_term_pathway.hpp"

#include <algorithm>
#include <cmath>
#include <span>
#include <utility>

#include "neuract/snn/synapse_properties.hpp"

namespace neuract::snn::synapses {

Result<std::unique_ptr<Pathway>> ShortTermPathway::build(const Plan& plan, std::uint32_t projection,
                                                         const CohortRange& cohort, const BuildProgress& progress) {
  NEURACT_TRY_ASSIGN(auto rows, build_rows<std::int16_t>(plan, projection, cohort, {1.0, false}, progress));
  return std::unique_ptr<Pathway>(new ShortTermPathway(plan, projection, std::move(rows)));
}

ShortTermPathway::ShortTermPathway(const Plan& plan, std::uint32_t projection, Rows<std::int16_t> rows)
    : rule_(plan.spec().projections[projection].synapse, plan.dt()),
      population_(plan.projections()[projection].source),
      rows_(std::move(rows)),
      sources_(rows_.sources, Source{-1, rule_.at_start()}) {
  const ProjectionPlan& p = plan.projections()[projection];
  const SynapseProperties properties(plan, projection);
  receptor_ =
      static_cast<std::size_t>(properties.weight_range().first < 0.0 ? p.receptor_negative : p.receptor_positive);
  weight_ = properties.common_weight();
  code_quantum_ = p.weight_quantum;
  receptor_quantum_ = plan.populations()[p.target].receptor_quantum[receptor_];
}

void ShortTermPathway::deliver(const Window& window) {
  const Step first = std::max(window.from - rows_.delay_min, window.begin);
  for (Step sent = first; sent < window.to - rows_.delay_min; ++sent) {
    for (const std::uint32_t id : window.spikes->at(population_, sent)) {
      if (rows_.segments_of(id) == 0) continue;
      Source& source = sources_[id];
      const double since = source.last < 0 ? 0.0 : static_cast<double>(sent - source.last);
      under_way_.push_back({sent, rule_.spike(source.resources, since), id, 0});
      source.last = sent;
    }
  }

  const kernels::InputRing& ring = window.rings[receptor_];
  pieces_.clear();
  std::size_t left = 0;
  for (Spike& spike : under_way_) {
    const std::uint32_t segments = rows_.segments_of(spike.source);
    for (; spike.segment < segments; ++spike.segment) {
      const auto piece = rows_.piece(spike.source, spike.segment);
      const Step step = spike.sent + piece.delay;
      if (step >= window.to) break;
      ScaledRow row;
      row.targets = rows_.targets.data() + piece.begin;
      row.n = piece.n;
      if (rows_.values.empty()) {
        row.quanta = static_cast<std::int32_t>(std::lrint(weight_ * spike.share / receptor_quantum_));
      } else {
        row.codes = rows_.values.data() + piece.begin;
        row.factor = static_cast<float>(spike.share * (code_quantum_ / receptor_quantum_));
      }
      row.inputs = ring.data + (static_cast<std::size_t>(step) & ring.mask) * ring.stride;
      pieces_.push_back(row);
      if (spike.sent >= window.counted) events_ += piece.n;
    }
    if (spike.segment < segments) under_way_[left++] = spike;
  }
  under_way_.resize(left);
  row_kernels().scale(pieces_.data(), pieces_.size());
}

void ShortTermPathway::start_presentation() {
  std::fill(sources_.begin(), sources_.end(), Source{-1, rule_.at_start()});
  under_way_.clear();
}

void ShortTermPathway::save(StateWriter& out) const {
  out.value(events_);
  out.array(std::span<const Source>(sources_));
  out.array(std::span<const Spike>(under_way_));
}

void ShortTermPathway::load(StateReader& in) {
  events_ = in.value<std::uint64_t>();
  in.array(std::span<Source>(sources_));
  under_way_ = in.array<Spike>();
}

}  // namespace neuract::snn::synapses
