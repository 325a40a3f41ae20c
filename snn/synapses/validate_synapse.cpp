#include <algorithm>
#include <cmath>
#include <set>
#include <string>
#include <string_view>

#include "neuract/snn/nearest_name.hpp"
#include "neuract/snn/number_text.hpp"
#include "neuract/snn/synapse_model.hpp"
#include "neuract/snn/synapse_properties.hpp"
#include "neuract/snn/synapses/parameters.hpp"
#include "neuract/snn/synapses/plastic_pathway.hpp"

namespace neuract::snn {
namespace {

constexpr double kSlowest = 1e6;  // steps of a time constant, so that traces decay within what steps can count

const char* violated(Check check, double value) {
  switch (check) {
    case Check::any: return nullptr;
    case Check::positive: return value > 0.0 ? nullptr : "must be positive";
    case Check::non_negative: return value >= 0.0 ? nullptr : "must not be negative";
    case Check::boolean: return value == 0.0 || value == 1.0 ? nullptr : "must be true or false";
  }
  return nullptr;
}

class SynapseValidator {
 public:
  SynapseValidator(const NetworkSpec& spec, std::size_t projection)
      : spec_(spec),
        projection_(spec.projections[projection]),
        synapse_(projection_.synapse),
        path_("projections[" + std::to_string(projection) + "]"),
        subject_("projection " + in_quotes(projection_.name)),
        info_(find_synapse_model(synapse_.model)) {}

  std::vector<Fault> run(bool numbers_are_fine) {
    if (info_ == nullptr) {
      std::vector<std::string_view> names;
      for (const SynapseInfo* info : synapse_models()) names.emplace_back(info->name);
      add(".synapse", unknown_name("synapse model", synapse_.model, "there are", names));
      return std::move(faults_);
    }
    parameters();
    modulator();
    if (synapse_.is_static()) return std::move(faults_);
    storage();
    if (faults_.empty()) {
      const std::vector<double> values = parameter_values(*info_, synapse_);
      for (const std::string& fault : info_->check_together(values)) add(".synapse", fault);
    }
    if (faults_.empty() && numbers_are_fine) ranges();
    return std::move(faults_);
  }

 private:
  void add(const std::string& path, const std::string& message, bool names = false) {
    faults_.push_back({path_ + path, subject_ + ": " + message, names});
  }

  void parameters() {
    std::set<std::string_view> seen;
    for (const SynapseSpec::Parameter& given : synapse_.parameters) {
      const std::string path = ".synapse." + given.name;
      const auto parameter = std::find_if(info_->parameters.begin(), info_->parameters.end(),
                                          [&](const ParameterInfo& p) { return given.name == p.name; });
      if (parameter == info_->parameters.end()) {
        std::vector<std::string_view> names;
        for (const ParameterInfo& p : info_->parameters) names.emplace_back(p.name);
        add(path, unknown_name("parameter", given.name, std::string(info_->name) + " has", names), true);
        continue;
      }
      if (!seen.insert(given.name).second) add(path, given.name + " is given twice", true);
      const std::string unit = *parameter->unit == '\0' ? "" : std::string(" ") + parameter->unit;
      const std::string text = given.name + " is " + number_text(given.value);
      if (!std::isfinite(given.value)) {
        add(path, text + ", expected a finite number");
      } else if (const char* rule = violated(parameter->check, given.value)) {
        add(path, text + unit + ", " + rule);
      } else if (unit == " ms" && spec_.dt > 0.0 && given.value / spec_.dt > kSlowest) {
        add(path, text + unit + ", more than a million steps");
      }
    }
  }

  void modulator() {
    if (!info_->modulated) {
      if (synapse_.modulator)
        add(".synapse.modulator", "synapse model " + in_quotes(info_->name) + " takes no modulator");
    } else if (!synapse_.modulator) {
      add(".synapse",
          "synapse model " + in_quotes(info_->name) + " needs a modulator, the population whose spikes reward");
    } else if (*synapse_.modulator >= spec_.populations.size()) {
      add(".synapse.modulator", "population " + std::to_string(*synapse_.modulator) + " does not exist, there are " +
                                    std::to_string(spec_.populations.size()));
    }
  }

  void storage() {
    const std::string model = "synapse model " + in_quotes(info_->name);
    if (projection_.format || projection_.weights)
      add(".synapse", "dense weights (format, weights) are static; " + model + " needs sparse synapses");
    if (projection_.representation == Representation::bit_planes ||
        projection_.representation == Representation::procedural)
      add(".representation", model + " needs representation = \"sparse\"");
    if (projection_.weight_format != WeightFormat::automatic)
      add(".weight_format", model + " keeps its weights in a format of its own");
  }

  void ranges() {
    const SynapseRange range = synapse_range(spec_, projection_);
    const double low = range.smallest_weight;
    const double high = range.largest_weight;
    const std::string model = "synapse model " + in_quotes(info_->name);
    if (low < 0.0 && high > 0.0) {
      add(".weight", "weights between " + short_text(low) + " and " + short_text(high) + "; those of " + model +
                         " must have one sign");
      return;
    }
    if (info_->modulated && range.shortest_delay != range.longest_delay)
      add(".delay", model + " needs one delay for all");
    limits("Wmax", low, high);
    limits("Wmin", low, high);
  }

  /// Weights at t = 0 must keep to what bounds them later.
  void limits(std::string_view name, double low, double high) {
    for (std::size_t i = 0; i < info_->parameters.size(); ++i) {
      if (name != info_->parameters[i].name) continue;
      const double bound = parameter_values(*info_, synapse_)[i];
      const std::string text = std::string(name) + " is " + number_text(bound);
      const double outermost = low < 0.0 ? low : high;
      if (synapse_.model == synapses::StdpDopamine::name) {
        if (name == "Wmax" && high > bound) add(".weight", "weight is up to " + short_text(high) + ", but " + text);
        if (name == "Wmin" && low < bound) add(".weight", "weight is down to " + short_text(low) + ", but " + text);
      } else if (bound == 0.0) {
        if (outermost == 0.0) add(".weight", text + ", and so are all weights: none could ever grow");
      } else if (bound * outermost < 0.0) {
        add(".synapse." + std::string(name), text + ", but weights have the other sign");
      } else if (std::abs(outermost) > std::abs(bound)) {
        add(".weight", "weight is up to " + short_text(outermost) + ", but " + text);
      }
    }
  }

  const NetworkSpec& spec_;
  const ProjectionSpec& projection_;
  const SynapseSpec& synapse_;
  std::string path_;
  std::string subject_;
  const SynapseInfo* info_;
  std::vector<Fault> faults_;
};

}  // namespace

std::vector<Fault> validate_synapse(const NetworkSpec& spec, std::size_t projection, bool numbers_are_fine) {
  return SynapseValidator(spec, projection).run(numbers_are_fine);
}

}  // namespace neuract::snn
