#include "neuract/snn/geometry/validate_geometry.hpp"

#include <cmath>
#include <utility>

#include "neuract/snn/connection_list.hpp"
#include "neuract/snn/distribution.hpp"
#include "neuract/snn/geometry/profile.hpp"
#include "neuract/snn/nearest_name.hpp"
#include "neuract/snn/number_text.hpp"
#include "neuract/snn/synapse_properties.hpp"

namespace neuract::snn {
namespace {

class GeometryValidator {
 public:
  GeometryValidator(const NetworkSpec& spec, std::size_t projection, const std::string& subject,
                    const std::string& path)
      : spec_(spec),
        p_(spec.projections[projection]),
        source_(spec.populations[p_.source]),
        target_(spec.populations[p_.target]),
        subject_(subject),
        path_(path) {}

  std::vector<Fault> run() {
    list();
    if (p_.rule.spatial() || p_.weight_profile || p_.velocity) {
      if (!distances()) return std::move(faults_);
      rule();
      if (p_.weight_profile) profile("weight_profile", *p_.weight_profile);
    }
    if (faults_.empty()) delays();
    return std::move(faults_);
  }

 private:
  void add(const char* key, const std::string& text) { faults_.push_back({path_ + "." + key, subject_ + ": " + text}); }

  void list() {
    if (p_.rule.kind != Rule::Kind::connections) return;
    if (!p_.connections) return add("rule", "there is no list of connections");
    const ConnectionList& list = *p_.connections;
    if (list.n_source != source_.n || list.n_target != target_.n) {
      add("rule", list.file + " is for " + std::to_string(list.n_source) + " sources and " +
                      std::to_string(list.n_target) + " targets, the populations have " + std::to_string(source_.n) +
                      " and " + std::to_string(target_.n));
    }
    if (!p_.rule.allow_autapses && p_.source == p_.target)
      add("allow_autapses", "a list of connections says itself whether there are autapses; leave allow_autapses out");
    if (!p_.rule.allow_multapses)
      add("allow_multapses",
          "a list of connections says itself whether there are multapses; leave allow_multapses out");
    if (!list.delays.empty() && list.smallest_delay < spec_.dt * (1.0 - 1e-9)) {
      add("rule", list.file + ": delay is " + number_text(list.smallest_delay) + " ms, must be at least one step of " +
                      number_text(spec_.dt) + " ms");
    }
  }

  /// Whether distances can be taken.
  bool distances() {
    const char* const key = p_.rule.spatial() ? "rule" : p_.weight_profile ? "weight_profile" : "velocity";
    if (p_.format) {
      add(key, "dense weights (format, weights) do not depend on distances");
      return false;
    }
    for (const PopulationSpec* population : {&source_, &target_}) {
      if (population->positions) continue;
      add(key, "depends on the distance, but population " + in_quotes(population->name) + " has no positions");
      return false;
    }
    if (const std::string text = incompatibility(*source_.positions, *target_.positions); !text.empty()) {
      add(key, "there are no distances between " + in_quotes(source_.name) + " and " + in_quotes(target_.name) + ": " +
                   text);
      return false;
    }
    // What is wrong with positions is said where they are.
    return validate_positions(*source_.positions, source_.n, "", "").empty() &&
           validate_positions(*target_.positions, target_.n, "", "").empty();
  }

  void rule() {
    const Rule& rule = p_.rule;
    if (!rule.spatial()) return;
    if (rule.kind != Rule::Kind::pairwise_bernoulli && rule.kind != Rule::Kind::fixed_indegree)
      add("rule", "only pairwise_bernoulli and fixed_indegree can depend on distances");
    if (!(rule.cutoff > 0.0)) add("rule", "cutoff is " + number_text(rule.cutoff) + ", expected a positive length");
    if (rule.profile) profile("rule", *rule.profile);
  }

  void profile(const char* key, const Profile& profile) {
    if (const auto text = fault(profile, source_.positions->dimensions)) add(key, "the profile " + *text);
  }

  void delays() {
    if (p_.velocity && !(*p_.velocity > 0.0 && std::isfinite(*p_.velocity)))
      return add("velocity", "velocity is " + number_text(*p_.velocity) + ", expected a positive number");
    const bool listed = p_.rule.kind == Rule::Kind::connections && !p_.connections->delays.empty();
    if (!p_.velocity && !listed) return;
    if (!std::holds_alternative<double>(p_.delay)) {
      const auto* distribution = std::get_if<Distribution>(&p_.delay);
      if (distribution == nullptr || fault(*distribution)) return;
    } else if (!std::isfinite(std::get<double>(p_.delay))) {
      return;
    }
    const SynapseRange range = synapse_range(spec_, p_);
    if (range.longest_delay - range.shortest_delay <= DelaySampler::kMaxSpread) return;
    add(p_.velocity ? "velocity" : "rule", "delay can be as high as " + short_text(range.longest_delay * spec_.dt) +
                                               " ms, more than " + std::to_string(DelaySampler::kMaxSpread) +
                                               " steps above the lowest");
  }

  const NetworkSpec& spec_;
  const ProjectionSpec& p_;
  const PopulationSpec& source_;
  const PopulationSpec& target_;
  const std::string& subject_;
  const std::string& path_;
  std::vector<Fault> faults_;
};

}  // namespace

std::vector<Fault> validate_geometry(const NetworkSpec& spec, std::size_t projection, const std::string& subject,
                                     const std::string& path) {
  return GeometryValidator(spec, projection, subject, path).run();
}

}  // namespace neuract::snn
