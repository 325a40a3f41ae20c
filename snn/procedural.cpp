#include "neuract/snn/procedural.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <span>
#include <utility>
#include <variant>
#include <vector>

#include "neuract/snn/connectivity.hpp"
#include "neuract/snn/distribution.hpp"
#include "neuract/snn/draw.hpp"
#include "neuract/snn/pair_words.hpp"
#include "neuract/snn/weight_codes.hpp"

namespace neuract::snn {
namespace {

/// Words for weights and delays: of the pair where the rule is drawn by source, else those that SynapseProperties finds
/// target by target.
class Words {
 public:
  Words(const Plan& plan, std::uint32_t projection)
      : by_pair_(plan.spec().projections[projection].rule.drawn_by_source()),
        all_to_all_(plan.spec().projections[projection].rule.kind == Rule::Kind::all_to_all),
        exclude_self_(plan.projections()[projection].source == plan.projections()[projection].target &&
                      !plan.spec().projections[projection].rule.allow_autapses),
        pairs_(plan.spec().seed, projection),
        weight_stream_(plan.spec().seed, Purpose::weight, projection),
        delay_stream_(plan.spec().seed, Purpose::delay, projection) {}

  PairWords::Words draw(std::uint32_t source, std::span<const std::uint32_t> targets, const CohortRange& cohort) {
    // p = 1 is all_to_all in all but name.
    if (by_pair_) return pairs_.of_source(source, targets, cohort.first, cohort.count);
    weight_.clear();
    delay_.clear();
    for (const std::uint32_t target : targets) {
      // Its place among the synapses of the target.
      const std::uint32_t place = all_to_all_ ? source - (exclude_self_ && source > target ? 1u : 0u) : 0u;
      weight_.push_back(weight_stream_.word(place, target));
      delay_.push_back(delay_stream_.word(place, target));
    }
    return {weight_, delay_};
  }

 private:
  bool by_pair_;
  bool all_to_all_;
  bool exclude_self_;
  PairWords pairs_;
  Stream weight_stream_;
  Stream delay_stream_;
  std::vector<std::uint32_t> weight_;
  std::vector<std::uint32_t> delay_;
};

/// Weights in receptor quanta, as lists of the same format have them.
class Weights {
 public:
  Weights(const Plan& plan, std::uint32_t projection) {
    const ProjectionSpec& spec = plan.spec().projections[projection];
    const ProjectionPlan& p = plan.projections()[projection];
    const auto& quanta = plan.populations()[p.target].receptor_quantum;
    receptors_ = {static_cast<std::size_t>(p.receptor_positive), static_cast<std::size_t>(p.receptor_negative)};
    if (const auto* number = std::get_if<double>(&spec.weight)) {
      receptors_[0] = receptors_[1] = receptors_[*number < 0.0 ? 1 : 0];
      common_ = static_cast<std::int32_t>(std::nearbyint(*number / quanta[receptors_[0]]));
      return;
    }
    sampler_.emplace(std::get<Distribution>(spec.weight));
    const auto [low, high] = sampler_->support();
    if (low >= 0.0) receptors_[1] = receptors_[0];
    if (low < 0.0 && high <= 0.0) receptors_[0] = receptors_[1];
    const double quantum = quanta[receptors_[0]];
    format_ = spec.weight_format == WeightFormat::automatic ? WeightFormat::sixteen_bits : spec.weight_format;
    switch (format_) {
      case WeightFormat::four_bits: codebook_ = weight_codes(std::get<Distribution>(spec.weight), quantum); break;
      case WeightFormat::thirty_two_bits: scale_ = 1.0 / quantum; break;
      default:
        scale_ = 1.0 / p.weight_quantum;
        for (std::size_t sign = 0; sign < 2; ++sign)
          factor_[sign] = static_cast<std::int32_t>(p.weight_quantum / quanta[receptors_[sign]]);
    }
  }

  bool varied() const { return sampler_.has_value(); }
  std::int32_t common() const { return common_; }
  std::size_t receptor(std::int32_t weight) const { return receptors_[weight < 0 ? 1 : 0]; }

  std::span<const std::int32_t> draw(std::span<const std::uint32_t> words) {
    const std::size_t n = words.size();
    grow(n);
    sampler_->draw(words, std::span(values_).first(n));
    switch (format_) {
      case WeightFormat::four_bits:
        codebook_.encode(std::span(values_).first(n), bytes_);
        for (std::size_t i = 0; i < n; ++i) quanta_[i] = codebook_.levels[bytes_[i]];
        break;
      case WeightFormat::thirty_two_bits:
        for (std::size_t i = 0; i < n; ++i) quanta_[i] = static_cast<std::int32_t>(std::nearbyint(values_[i] * scale_));
        break;
      default:
        quantise(values_.data(), scale_, n, codes_.data());
        for (std::size_t i = 0; i < n; ++i) quanta_[i] = codes_[i] * factor_[codes_[i] < 0 ? 1 : 0];
    }
    return std::span(quanta_).first(n);
  }

 private:
  void grow(std::size_t n) {
    if (n <= values_.size()) return;
    values_.resize(n);
    codes_.resize(n);
    bytes_.resize(n);
    quanta_.resize(n);
  }

  std::optional<Sampler> sampler_;
  std::int32_t common_ = 0;
  WeightFormat format_ = WeightFormat::sixteen_bits;
  double scale_ = 1.0;
  std::array<std::size_t, 2> receptors_{};    // of weights >= 0, and below
  std::array<std::int32_t, 2> factor_{1, 1};  // of their codes
  WeightCodes codebook_;
  std::vector<double> values_;
  std::vector<std::int16_t> codes_;
  std::vector<std::uint8_t> bytes_;
  std::vector<std::int32_t> quanta_;
};

class Procedural final : public Pathway {
 public:
  Procedural(const Plan& plan, std::uint32_t projection, const CohortRange& cohort)
      : cohort_(cohort),
        draws_(plan.connectivity(projection).source_draws()),
        weights_(plan, projection),
        words_(plan, projection),
        delays_(plan.spec().projections[projection].delay, plan.dt()) {
    const ProjectionPlan& p = plan.projections()[projection];
    source_ = p.source;
    synapses_ = p.expected_synapses * cohort.count / std::max(1u, plan.populations()[p.target].n);
  }

  void deliver(const Window& window) override {
    const Step delay = delays_.min_steps();
    for (Step step = std::max(window.from, window.begin + delay); step < window.to; ++step) {
      const bool counted = step - delay >= window.counted;
      for (const std::uint32_t source : window.spikes->at(source_, step - delay)) {
        const auto targets = draws_.targets(source, cohort_.first, cohort_.count);
        if (targets.empty()) continue;
        add(window, step, source, targets);
        if (counted) events_ += targets.size();
      }
    }
  }

  /// What arrives later than the shortest delay is in the ring by then.
  Step longest_delay() const noexcept override { return delays_.min_steps(); }
  std::uint64_t synapses() const noexcept override { return static_cast<std::uint64_t>(std::llround(synapses_)); }
  std::uint64_t bytes() const noexcept override { return 0; }
  std::uint64_t events() const noexcept override { return events_; }
  const char* representation() const noexcept override { return "procedural"; }
  void save(StateWriter& out) const override { out.value(events_); }
  void load(StateReader& in) override { events_ = in.value<std::uint64_t>(); }

 private:
  static std::int32_t* row(const kernels::InputRing& ring, Step step) noexcept {
    return ring.data + (static_cast<std::size_t>(step) & ring.mask) * ring.stride;
  }

  void add(const Window& window, Step step, std::uint32_t source, std::span<const std::uint32_t> targets) {
    const std::uint32_t first = cohort_.first;
    if (!weights_.varied() && delays_.uniform()) {
      const std::int32_t weight = weights_.common();
      std::int32_t* const sums = row(window.rings[weights_.receptor(weight)], step);
      for (const std::uint32_t target : targets) sums[target - first] += weight;
      return;
    }
    const std::size_t n = targets.size();
    const PairWords::Words words = words_.draw(source, targets, cohort_);
    if (delay_steps_.size() < n) delay_steps_.resize(n);
    delays_.draw(words.delay, std::span(delay_steps_).first(n));
    if (!weights_.varied()) {
      const std::int32_t weight = weights_.common();
      const kernels::InputRing& ring = window.rings[weights_.receptor(weight)];
      for (std::size_t i = 0; i < n; ++i) row(ring, step + delay_steps_[i])[targets[i] - first] += weight;
      return;
    }
    const auto weights = weights_.draw(words.weight);
    for (std::size_t i = 0; i < n; ++i) {
      const kernels::InputRing& ring = window.rings[weights_.receptor(weights[i])];
      row(ring, step + delay_steps_[i])[targets[i] - first] += weights[i];
    }
  }

  CohortRange cohort_;
  std::uint32_t source_ = 0;
  SourceDraws draws_;
  Weights weights_;
  Words words_;
  DelaySampler delays_;
  double synapses_ = 0.0;  // expected
  std::uint64_t events_ = 0;
  std::vector<std::uint16_t> delay_steps_;  // beyond the shortest
};

const char* name_of(Rule::Kind kind) {
  switch (kind) {
    case Rule::Kind::one_to_one: return "one_to_one";
    case Rule::Kind::all_to_all: return "all_to_all";
    case Rule::Kind::fixed_indegree: return "fixed_indegree";
    case Rule::Kind::fixed_outdegree: return "fixed_outdegree";
    case Rule::Kind::fixed_total_number: return "fixed_total_number";
    case Rule::Kind::pairwise_bernoulli: return "pairwise_bernoulli";
    case Rule::Kind::connections: return "a list of connections";
  }
  return "";
}

}  // namespace

bool procedural_possible(const Plan& plan, std::uint32_t projection, std::string* why_not) {
  const ProjectionSpec& spec = plan.spec().projections[projection];
  const auto no = [&](std::string reason) {
    if (why_not != nullptr) *why_not = std::move(reason);
    return false;
  };
  if (spec.format) return no("it is dense");
  if (!spec.synapse.is_static()) return no("its synapses are " + spec.synapse.model + ", not static");
  if (spec.rule.spatial() || spec.weight_profile || spec.velocity) return no("it depends on distances");
  if (spec.rule.kind == Rule::Kind::connections) return no("its connections are a list");
  if (!SourceDraws::possible(spec.rule)) {
    const bool bernoulli = spec.rule.kind == Rule::Kind::pairwise_bernoulli;
    return no(std::string(name_of(spec.rule.kind)) + " is drawn by target; " +
              (bernoulli ? "by_source = true lets sources draw"
                         : "fixed_outdegree, or pairwise_bernoulli with by_source = true, is drawn by source"));
  }
  return true;
}

Result<std::unique_ptr<Pathway>> build_procedural(const Plan& plan, std::uint32_t projection,
                                                  const CohortRange& cohort) {
  std::string why_not;
  if (!procedural_possible(plan, projection, &why_not))
    return fail(ErrorCode::invalid_argument, "projection \"", plan.spec().projections[projection].name,
                "\" cannot be procedural: ", why_not);
  return std::unique_ptr<Pathway>(std::make_unique<Procedural>(plan, projection, cohort));
}

}  // namespace neuract::snn
