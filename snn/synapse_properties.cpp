#include "neuract/snn/synapse_properties.hpp"

#include <algorithm>
#include <variant>

namespace neuract::snn {

SynapseProperties::SynapseProperties(const Plan& plan, std::uint32_t projection)
    : weight_stream_(plan.spec().seed, Purpose::weight, projection),
      delay_stream_(plan.spec().seed, Purpose::delay, projection),
      delay_sampler_(plan.spec().projections[projection].delay, plan.dt()),
      scale_(1.0 / plan.projections()[projection].weight_quantum) {
  const Value& weight = plan.spec().projections[projection].weight;
  if (const auto* distribution = std::get_if<Distribution>(&weight)) {
    weight_sampler_.emplace(*distribution);
  } else {
    common_weight_ = std::get<double>(weight);
  }
}

std::pair<double, double> SynapseProperties::weight_range() const noexcept {
  return weight_sampler_ ? weight_sampler_->support() : std::pair{common_weight_, common_weight_};
}

std::span<const double> SynapseProperties::weights(std::uint32_t target, std::span<const std::uint32_t> sources) {
  const std::size_t n = sources.size();
  draw_words(weight_stream_, target, n);
  values_.resize(std::max(values_.size(), n));
  weight_sampler_->draw(std::span(words_).first(n), std::span(values_).first(n));
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
  draw_words(delay_stream_, target, n);
  delays_.resize(std::max(delays_.size(), n));
  delay_sampler_.draw(std::span(words_).first(n), std::span(delays_).first(n));
  return std::span(delays_).first(n);
}

void SynapseProperties::draw_words(const Stream& stream, std::uint32_t target, std::size_t n) {
  const std::size_t groups = (n + Stream::kGroup - 1) / Stream::kGroup;
  words_.resize(std::max(words_.size(), groups * Stream::kGroup));
  stream.fill(words_.data(), groups, 0, target);
}

}  // namespace neuract::snn
