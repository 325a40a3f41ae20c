#include "neuract/snn/synapse_properties.hpp"

#include <algorithm>
#include <variant>

#include "neuract/snn/geometry/profile.hpp"

namespace neuract::snn {
namespace {

std::pair<double, double> range_of(const Value& value) {
  if (const auto* number = std::get_if<double>(&value)) return {*number, *number};
  return Sampler(std::get<Distribution>(value)).support();
}

double largest_distance_of(const NetworkSpec& spec, const ProjectionSpec& projection) {
  const double d =
      largest_distance(*spec.populations[projection.source].positions, *spec.populations[projection.target].positions);
  return std::min(d, projection.rule.cutoff);
}

const std::vector<double>* given(const ConnectionList* list, std::vector<double> ConnectionList::*column) {
  return list == nullptr || (list->*column).empty() ? nullptr : &(list->*column);
}

const ConnectionList* list_of(const ProjectionSpec& projection) {
  return projection.rule.kind == Rule::Kind::connections ? projection.connections.get() : nullptr;
}

std::optional<Sampler> sampler_of(const Value& value) {
  const auto* distribution = std::get_if<Distribution>(&value);
  return distribution == nullptr ? std::nullopt : std::make_optional<Sampler>(*distribution);
}

}  // namespace

SynapseRange synapse_range(const NetworkSpec& spec, const ProjectionSpec& projection) {
  const ConnectionList* const list = list_of(projection);
  SynapseRange range;
  const bool listed_weights = given(list, &ConnectionList::weights) != nullptr;
  auto [low, high] =
      listed_weights ? std::pair{list->smallest_weight, list->largest_weight} : range_of(projection.weight);
  range.varied_weights = low < high || (!listed_weights && std::holds_alternative<Distribution>(projection.weight));
  if (const auto& profile = projection.weight_profile) {
    const auto [least, most] = profile_range(*profile, 0.0, largest_distance_of(spec, projection));
    const auto corners = {low * least, low * most, high * least, high * most};
    low = std::min(corners) + profile->offset;
    high = std::max(corners) + profile->offset;
    range.varied_weights = range.varied_weights || low < high;
  }
  range.smallest_weight = low;
  range.largest_weight = high;

  const bool listed_delays = given(list, &ConnectionList::delays) != nullptr;
  if (!projection.velocity && !listed_delays) {
    const DelaySampler delay(projection.delay, spec.dt);
    range.shortest_delay = delay.min_steps();
    range.longest_delay = delay.max_steps();
    return range;
  }
  const auto [shortest, longest] =
      listed_delays ? std::pair{list->smallest_delay, list->largest_delay} : range_of(projection.delay);
  const double way = projection.velocity ? largest_distance_of(spec, projection) / *projection.velocity : 0.0;
  range.shortest_delay = delay_steps(shortest, spec.dt);
  range.longest_delay = delay_steps(longest + way, spec.dt);
  return range;
}

SynapseProperties::SynapseProperties(const Plan& plan, std::uint32_t projection)
    : spec_(plan.spec().projections[projection]),
      range_(synapse_range(plan.spec(), spec_)),
      list_(list_of(spec_)),
      sources_(plan.positions(spec_.source)),
      targets_(plan.positions(spec_.target)),
      dt_(plan.dt()),
      weight_stream_(plan.spec().seed, Purpose::weight, projection),
      delay_stream_(plan.spec().seed, Purpose::delay, projection),
      weight_sampler_(sampler_of(spec_.weight)),
      scale_(1.0 / plan.projections()[projection].weight_quantum) {
  if (spec_.rule.drawn_by_source()) pair_words_.emplace(plan.spec().seed, projection);
  if (spec_.velocity) {
    delay_ms_ = sampler_of(spec_.delay);
  } else if (given(list_, &ConnectionList::delays) == nullptr) {
    delay_sampler_.emplace(spec_.delay, dt_);
  }
  if (spec_.velocity || spec_.weight_profile)
    space_ =
        space_of(*plan.spec().populations[spec_.source].positions, *plan.spec().populations[spec_.target].positions);
}

std::span<const double> SynapseProperties::weights(std::uint32_t target, std::span<const std::uint32_t> sources) {
  const std::size_t n = sources.size();
  base_values(given(list_, &ConnectionList::weights), spec_.weight, weight_sampler_, Purpose::weight, target, sources);
  if (const auto& profile = spec_.weight_profile) {
    const Point at = (*targets_)[target];
    for (std::size_t i = 0; i < n; ++i) {
      const Point way = space_.way((*sources_)[sources[i]], at);
      values_[i] = values_[i] * profile_at(*profile, way, Space::length(way)) + profile->offset;
    }
  }
  return std::span(values_).first(n);
}

std::span<const std::int16_t> SynapseProperties::codes(std::uint32_t target, std::span<const std::uint32_t> sources) {
  const std::span<const double> drawn = weights(target, sources);
  codes_.resize(std::max(codes_.size(), drawn.size()));
  quantise(drawn.data(), scale_, drawn.size(), codes_.data());
  return std::span(codes_).first(drawn.size());
}

std::span<const std::uint16_t> SynapseProperties::delays(std::uint32_t target, std::span<const std::uint32_t> sources) {
  const std::size_t n = sources.size();
  delays_.resize(std::max(delays_.size(), n));
  if (delay_sampler_) {
    draw_words(Purpose::delay, target, sources);
    delay_sampler_->draw(std::span(words_).first(n), std::span(delays_).first(n));
    return std::span(delays_).first(n);
  }
  base_values(given(list_, &ConnectionList::delays), spec_.delay, delay_ms_, Purpose::delay, target, sources);
  for (std::size_t i = 0; i < n; ++i) {
    double ms = values_[i];
    if (spec_.velocity) ms += Space::length(space_.way((*sources_)[sources[i]], (*targets_)[target])) / *spec_.velocity;
    delays_[i] = static_cast<std::uint16_t>(delay_steps(ms, dt_) - range_.shortest_delay);
  }
  return std::span(delays_).first(n);
}

void SynapseProperties::base_values(const std::vector<double>* listed, const Value& value,
                                    const std::optional<Sampler>& sampler, Purpose purpose, std::uint32_t target,
                                    std::span<const std::uint32_t> sources) {
  const std::size_t n = sources.size();
  values_.resize(std::max(values_.size(), n));
  if (listed != nullptr) {
    std::copy_n(listed->begin() + static_cast<std::ptrdiff_t>(list_->begins[target]), n, values_.begin());
  } else if (sampler) {
    draw_words(purpose, target, sources);
    sampler->draw(std::span(words_).first(n), std::span(values_).first(n));
  } else {
    std::fill_n(values_.begin(), n, std::get<double>(value));
  }
}

void SynapseProperties::draw_words(Purpose purpose, std::uint32_t target, std::span<const std::uint32_t> sources) {
  const std::size_t groups = (sources.size() + Stream::kGroup - 1) / Stream::kGroup;
  words_.resize(std::max(words_.size(), groups * Stream::kGroup));
  if (pair_words_) {
    const auto drawn = pair_words_->of_target(target, sources);
    std::ranges::copy(purpose == Purpose::weight ? drawn.weight : drawn.delay, words_.begin());
  } else {
    (purpose == Purpose::weight ? weight_stream_ : delay_stream_).fill(words_.data(), groups, 0, target);
  }
}

}  // namespace neuract::snn
