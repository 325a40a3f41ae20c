#include "neuract/snn/validate.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <type_traits>
#include <utility>

#include "neuract/snn/connection_list.hpp"
#include "neuract/snn/distribution.hpp"
#include "neuract/snn/geometry/positions.hpp"
#include "neuract/snn/geometry/validate_geometry.hpp"
#include "neuract/snn/nearest_name.hpp"
#include "neuract/snn/number_text.hpp"
#include "neuract/snn/plan.hpp"
#include "neuract/snn/synapse_model.hpp"
#include "neuract/snn/synapses/plastic_pathway.hpp"

namespace neuract::snn {
namespace {

/// Beyond any machine, and still far from where integers and estimates would overflow.
constexpr double kMostSynapses = 1e15;
constexpr double kMostSteps = 1e15;
constexpr std::uint64_t kMostNodes = std::uint64_t{1} << 31;  ///< of one population in all samples

class Validator {
 public:
  explicit Validator(const NetworkSpec& spec) : spec_(spec), dt_is_fine_(std::isfinite(spec.dt) && spec.dt > 0.0) {}

  std::vector<Fault> run() {
    simulation();
    populations();
    for (std::size_t i = 0; i < spec_.projections.size(); ++i) projection(i);
    for (std::size_t i = 0; i < spec_.stimuli.size(); ++i) stimulus(i);
    spike_recorders();
    for (std::size_t i = 0; i < spec_.multimeters.size(); ++i) multimeter(i);
    for (std::size_t i = 0; i < spec_.classifiers.size(); ++i) classifier(i);
    for (std::size_t i = 0; i < spec_.weight_recorders.size(); ++i) weight_recorder(i);
    return std::move(faults_);
  }

 private:
  void add(std::string path, std::string message, bool names = false) {
    faults_.push_back({std::move(path), std::move(message), names});
  }

  /// A duration that must be a whole number of steps. `least` in steps.
  void time(const std::string& path, const std::string& subject, std::string_view name, double ms, double least) {
    const std::string given = subject + ": " + std::string(name) + " is " + number_text(ms);
    if (!std::isfinite(ms)) {
      add(path, given + ", expected a finite number");
    } else if (ms < 0.0) {
      add(path, given + " ms, must not be negative");
    } else if (!dt_is_fine_) {
      return;
    } else if (ms < least * spec_.dt * (1.0 - 1e-9)) {
      add(path, given + " ms, must be at least one step of " + number_text(spec_.dt) + " ms");
    } else if (ms / spec_.dt > kMostSteps) {
      add(path, given + " ms, which is more steps of " + number_text(spec_.dt) + " ms than can be counted");
    } else if (!on_grid(ms, spec_.dt)) {
      add(path, given + " ms, not a whole number of steps of " + number_text(spec_.dt) + " ms");
    }
  }

  void simulation() {
    if (!dt_is_fine_)
      add("simulation.dt", "[simulation]: dt is " + number_text(spec_.dt) + " ms, must be positive and finite");
    time("simulation.warmup", "[simulation]", "warmup", spec_.warmup, 0.0);
    time("simulation.duration", "[simulation]", "duration", spec_.duration, 1.0);
    if (spec_.batch == 0) add("simulation.batch", "[simulation]: batch is 0, expected at least one sample");
    if (spec_.presentation != 0.0) {
      time("simulation.presentation", "[simulation]", "presentation", spec_.presentation, 1.0);
      if (spec_.warmup != 0.0) {
        add("simulation.warmup", "[simulation]: warmup is " + number_text(spec_.warmup) +
                                     " ms, but every presentation begins anew; leave one of the two out");
      }
    }
    if (!spec_.stop_if) return;
    if (!(spec_.stop_if->rate > 0.0) || !std::isfinite(spec_.stop_if->rate)) {
      add("simulation.stop_if.rate",
          "[simulation]: stop_if: rate is " + number_text(spec_.stop_if->rate) + " Hz, must be positive and finite");
    }
    time("simulation.stop_if.window", "[simulation]", "stop_if: window", spec_.stop_if->window, 1.0);
  }

  void populations() {
    if (spec_.populations.empty()) add("populations", "the network has no populations");
    std::set<std::string_view> names;
    for (const PopulationSpec& p : spec_.populations) {
      const std::string path = "populations." + p.name;
      const std::string subject = "population " + in_quotes(p.name);
      // A name becomes a group in the output files, and part of projection names.
      const auto unfit = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == '/' || c == 0x7f; };
      if (p.name.empty() || p.name == "." || p.name == ".." || std::any_of(p.name.begin(), p.name.end(), unfit)) {
        add(path, subject + ": a name must not be empty, \".\" or \"..\", nor contain \"/\" or control characters",
            true);
      }
      if (!names.insert(p.name).second) add(path, subject + ": there are two populations of this name", true);
      if (std::uint64_t{p.n} * spec_.batch > kMostNodes) {
        add(path + ".n", subject + ": n is " + std::to_string(p.n) + ", in " + std::to_string(spec_.batch) +
                             " samples that is more neurons than can be numbered (" + std::to_string(kMostNodes) + ")");
      }
      if (p.n == 0) add(path + ".n", subject + ": n is 0, a population needs at least one neuron");
      if (p.positions && p.n > 0) {
        for (Fault& fault : validate_positions(*p.positions, p.n, subject, path + ".positions"))
          faults_.push_back(std::move(fault));
      }
      const ModelInfo* model = find_model(p.model);
      models_.push_back(model);
      if (model == nullptr) {
        add(path + ".model", subject + ": " + unknown_name("model", p.model, "built-in models are", model_names()));
        continue;
      }
      const double dt = dt_is_fine_ ? spec_.dt : 0.0;
      for (Fault& fault : validate_settings(*model, p.settings, subject, path, p.n, dt))
        faults_.push_back(std::move(fault));
    }
  }

  bool population_exists(const std::string& path, const std::string& subject, std::uint32_t index) {
    if (index < spec_.populations.size()) return true;
    add(path, subject + ": population " + std::to_string(index) + " does not exist, there are " +
                  std::to_string(spec_.populations.size()));
    return false;
  }

  void projection(std::size_t index) {
    const std::size_t faults_before = faults_.size();
    const ProjectionSpec& p = spec_.projections[index];
    const std::string path = "projections[" + std::to_string(index) + "]";
    const std::string subject = "projection " + in_quotes(p.name);
    if (!projection_names_.insert(p.name).second)
      add(path + ".name", subject + ": there are two projections of this name");

    number_or_distribution(path + ".weight", subject, "weight", p.weight);
    const bool listed_delays = p.connections && !p.connections->delays.empty();
    if (number_or_distribution(path + ".delay", subject, "delay", p.delay) && !listed_delays)
      delay(path + ".delay", subject, p.delay);

    const bool source = population_exists(path + ".source", subject, p.source);
    const bool target = population_exists(path + ".target", subject, p.target);
    if (source && target) rule(path + ".rule", subject, p);
    if (source && target && p.format) dense(path, subject, p);
    if (source && target && dt_is_fine_) {
      for (Fault& fault : validate_geometry(spec_, index, subject, path)) faults_.push_back(std::move(fault));
    }
    const bool fine = source && target && dt_is_fine_ && faults_.size() == faults_before;
    for (Fault& fault : validate_synapse(spec_, index, fine)) faults_.push_back(std::move(fault));
  }

  void dense(const std::string& path, const std::string& subject, const ProjectionSpec& p) {
    if (p.rule.kind != Rule::Kind::all_to_all)
      add(path + ".rule", subject + ": dense weights (format, weights) need rule = \"all_to_all\"");
    if (!std::holds_alternative<double>(p.delay))
      add(path + ".delay", subject + ": dense weights (format, weights) need one delay for all");
    const PopulationSpec& source = spec_.populations[p.source];
    const PopulationSpec& target = spec_.populations[p.target];
    if (p.weights) {
      imported(path + ".weights", subject, p, source, target);
    } else if (const auto* weight = std::get_if<Distribution>(&p.weight); weight != nullptr && !fault(*weight)) {
      const auto [low, high] = Sampler(*weight).support();
      const ModelInfo* model = find_model(target.model);
      if (low < 0.0 && high > 0.0 && model != nullptr && receptor_of(*model, 1.0) != receptor_of(*model, -1.0)) {
        add(path + ".weight", subject + ": dense weights of both signs, but " + target.model +
                                  " takes positive and negative ones by two receptors; use two projections");
      }
    }
  }

  void imported(const std::string& path, const std::string& subject, const ProjectionSpec& p,
                const PopulationSpec& source, const PopulationSpec& target) {
    const ImportedWeights& weights = *p.weights;
    const std::string tensor = subject + ": tensor " + in_quotes(weights.tensor) + " of " + weights.file;
    std::int64_t rows = 0;
    std::int64_t columns = 0;
    DenseFormat format = DenseFormat::f32;
    if (const auto* quantized = std::get_if<q4::QuantizedWeight>(&weights.data)) {
      rows = quantized->out_features;
      columns = quantized->in_features;
      format = quantized->format == q4::Format::nf4 ? DenseFormat::nf4 : DenseFormat::nvfp4;
    } else {
      const auto& values = std::get<memory::ConstTensor>(weights.data);
      if (values.rank() != 2 || values.dtype() != memory::DType::f32) {
        add(path, tensor + " is " + std::string(memory::name_of(values.dtype())) + " " +
                      memory::to_string(values.shape()) + ", expected f32 of rank 2");
        return;
      }
      rows = values.shape()[0];
      columns = values.shape()[1];
    }
    if (format != *p.format) add(path, tensor + " is in another format than the projection's");
    if (rows != target.n || columns != source.n) {
      add(path, tensor + " is [" + std::to_string(rows) + ", " + std::to_string(columns) + "], expected [" +
                    std::to_string(target.n) + ", " + std::to_string(source.n) + "], the neurons of " +
                    in_quotes(target.name) + " and of " + in_quotes(source.name));
    }
    if (!p.rule.allow_autapses && p.source == p.target)
      add(path, subject +
                    ": the weights of a file include those of a neuron onto itself; allow_autapses = false "
                    "cannot be had with them");
  }

  bool number_or_distribution(const std::string& path, const std::string& subject, const std::string& name,
                              const Value& value) {
    std::string text;
    if (const auto* number = std::get_if<double>(&value)) {
      if (!std::isfinite(*number)) text = " is " + number_text(*number) + ", expected a finite number";
    } else if (const auto* d = std::get_if<Distribution>(&value)) {
      if (auto wrong = fault(*d)) text = " " + *wrong;
    } else {
      text = " is an array, expected a number or a distribution";
    }
    if (text.empty()) return true;
    add(path, subject + ": " + name + text);
    return false;
  }

  void delay(const std::string& path, const std::string& subject, const Value& value) {
    if (!dt_is_fine_) return;
    const double least = spec_.dt * (1.0 - 1e-9);
    const std::string step = "one step of " + number_text(spec_.dt) + " ms";
    if (const auto* number = std::get_if<double>(&value)) {
      if (*number < least) add(path, subject + ": delay is " + number_text(*number) + " ms, must be at least " + step);
      if (*number / spec_.dt > 1e6)
        add(path, subject + ": delay is " + number_text(*number) + " ms, more than a million steps");
      return;
    }
    const auto& d = std::get<Distribution>(value);
    auto [low, high] = Sampler(d).support();
    // What the file says, rather than the smallest draw above it.
    if (d.kind == Distribution::Kind::uniform) low = d.a;
    if (d.kind == Distribution::Kind::normal_clipped && std::isfinite(d.low)) low = d.low;
    // These are positive anyway and cannot be clipped: what is drawn below half a step becomes one step.
    const bool positive = d.kind == Distribution::Kind::lognormal || d.kind == Distribution::Kind::exponential;
    if (low < least && !positive) {
      add(path, subject + ": delay can be as low as " + short_text(low) + " ms, must be at least " + step +
                    "; { normal_clipped = { mean, std, low = " + number_text(spec_.dt) + " } } draws again below that");
    } else if ((high - low) / spec_.dt > DelaySampler::kMaxSpread) {
      add(path, subject + ": delay can be as high as " + short_text(high) + " ms, more than " +
                    std::to_string(DelaySampler::kMaxSpread) + " steps above the lowest");
    }
  }

  void rule(const std::string& path, const std::string& subject, const ProjectionSpec& p) {
    const Rule& rule = p.rule;
    const double sources = spec_.populations[p.source].n;
    const double targets = spec_.populations[p.target].n;
    if (sources == 0.0 || targets == 0.0) return;
    const double self = p.source == p.target && !rule.allow_autapses ? 1.0 : 0.0;  // partners that autapses take away
    const auto count = static_cast<double>(rule.count);
    const auto complain = [&](const std::string& text) { add(path, subject + ": " + text); };
    const auto partners = [&](const char* name, double available, const char* of_what) {
      const std::string given = std::string(name) + " is " + std::to_string(rule.count);
      const std::string have = number_text(available) + " " + of_what + (self > 0.0 ? " without autapses" : "");
      if (available <= 0.0 && count > 0.0) {
        complain(given + ", but there are " + have);
      } else if (!rule.allow_multapses && count > available) {
        complain(given + ", but without multapses there are only " + have);
      }
    };

    double synapses = 0.0;
    switch (rule.kind) {
      case Rule::Kind::one_to_one:
        if (sources != targets) {
          complain("one_to_one needs populations of the same size, these have " + number_text(sources) + " and " +
                   number_text(targets) + " neurons");
        } else if (self > 0.0) {
          complain("one_to_one within a population has only autapses, and they are not allowed");
        }
        synapses = sources;
        break;
      case Rule::Kind::all_to_all: synapses = sources * targets; break;
      case Rule::Kind::fixed_indegree:
        partners("fixed_indegree", sources - self, "sources");
        synapses = count * targets;
        break;
      case Rule::Kind::fixed_outdegree:
        partners("fixed_outdegree", targets - self, "targets");
        synapses = count * sources;
        break;
      case Rule::Kind::fixed_total_number:
        partners("fixed_total_number", sources * (targets - self), "pairs");
        synapses = count;
        break;
      case Rule::Kind::pairwise_bernoulli:
        if (!(rule.p >= 0.0 && rule.p <= 1.0))
          complain("pairwise_bernoulli is " + number_text(rule.p) + ", a probability is between 0 and 1");
        break;
      case Rule::Kind::connections: break;
    }
    if (rule.by_source && rule.kind != Rule::Kind::pairwise_bernoulli)
      complain("by_source is for pairwise_bernoulli; fixed_outdegree is drawn by source as it is");
    if (rule.by_source && rule.spatial())
      complain("a rule that depends on distances is drawn by target; leave by_source out");
    if (synapses > kMostSynapses)
      complain("these are " + number_text(synapses) + " synapses, more than any machine can hold");
  }

  /// A selection of neurons: ascending, each once, inside the population.
  void neurons(const std::string& path, const std::string& subject, const std::vector<std::uint32_t>& chosen,
               std::uint32_t population) {
    const PopulationSpec& p = spec_.populations[population];
    for (std::size_t i = 0; i < chosen.size(); ++i) {
      if (chosen[i] >= p.n) {
        add(path, subject + ": neuron " + std::to_string(chosen[i]) + " does not exist, population " +
                      in_quotes(p.name) + " has 0 to " + std::to_string(p.n == 0 ? 0 : p.n - 1));
        return;
      }
      if (i > 0 && chosen[i] <= chosen[i - 1]) {
        add(path, subject + ": neurons must ascend and be named once, but " + std::to_string(chosen[i]) + " follows " +
                      std::to_string(chosen[i - 1]));
        return;
      }
    }
  }

  void stimulus(std::size_t index) {
    const StimulusSpec& s = spec_.stimuli[index];
    const std::string path = "stimuli[" + std::to_string(index) + "]";
    const std::string subject =
        s.name.empty() ? "stimulus " + std::to_string(index + 1) : "stimulus " + in_quotes(s.name);
    const auto finite = [&](const char* name, double value, bool negative_allowed) {
      const std::string given = subject + ": " + name + " is " + number_text(value);
      if (!std::isfinite(value)) {
        add(path + "." + name, given + ", expected a finite number");
      } else if (!negative_allowed && value < 0.0) {
        add(path + "." + name, given + ", must not be negative");
      }
    };

    if (population_exists(path + ".target", subject, s.target))
      neurons(path + ".neurons", subject, s.neurons, s.target);
    finite("weight", s.weight, true);
    time(path + ".start", subject, "start", s.start, 0.0);
    if (!(s.stop == std::numeric_limits<double>::infinity())) time(path + ".stop", subject, "stop", s.stop, 0.0);
    if (s.stop <= s.start) {
      add(path + ".stop",
          subject + ": stop is " + number_text(s.stop) + " ms, must be after start, " + number_text(s.start) + " ms");
    }
    std::visit(
        [&](const auto& generator) {
          using Generator = std::decay_t<decltype(generator)>;
          if constexpr (std::is_same_v<Generator, PoissonGenerator>) {
            finite("rate", generator.rate, false);
            // More events a step than this are a current, and their count would not fit the sampler.
            if (dt_is_fine_ && generator.rate * spec_.dt * 1e-3 > 1e6) {
              add(path + ".rate",
                  subject + ": rate is " + number_text(generator.rate) + " Hz, more than a million events in a step");
            }
          } else if constexpr (std::is_same_v<Generator, DcGenerator>) {
            finite("amplitude", generator.amplitude, true);
          } else if constexpr (std::is_same_v<Generator, NoiseGenerator>) {
            finite("mean", generator.mean, true);
            finite("std", generator.std, false);
            time(path + ".dt", subject, "dt", generator.dt, 1.0);
          } else if constexpr (std::is_same_v<Generator, ImageGenerator>) {
            finite("amplitude", generator.amplitude, true);
            images(path, subject, generator, s.target);
          } else {
            spike_times(path, subject, generator.times);
            if (s.delay != 0.0) time(path + ".delay", subject, "delay", s.delay, 1.0);
          }
        },
        s.generator);
  }

  void images(const std::string& path, const std::string& subject, const ImageGenerator& generator,
              std::uint32_t target) {
    if (!generator.images || generator.images->count == 0) {
      add(path + ".images", subject + ": there are no images");
    } else if (target < spec_.populations.size() && generator.images->pixels != spec_.populations[target].n) {
      add(path + ".images", subject + ": images of " + std::to_string(generator.images->pixels) +
                                " pixels, but population " + in_quotes(spec_.populations[target].name) + " has " +
                                std::to_string(spec_.populations[target].n) + " neurons");
    }
  }

  void spike_times(const std::string& path, const std::string& subject, const std::vector<double>& times) {
    if (times.empty()) add(path + ".times", subject + ": times is empty");
    for (std::size_t i = 0; i < times.size(); ++i) {
      const std::size_t before = faults_.size();
      time(path + ".times", subject, "time " + std::to_string(i + 1), times[i], 1.0);
      if (faults_.size() != before) return;  // one bad time is enough to look at
      if (i > 0 && times[i] < times[i - 1]) {
        add(path + ".times",
            subject + ": times must ascend, but " + number_text(times[i]) + " follows " + number_text(times[i - 1]));
        return;
      }
    }
  }

  void spike_recorders() {
    std::set<std::uint32_t> seen;
    for (std::size_t i = 0; i < spec_.spike_recorders.size(); ++i) {
      const std::string path = "spike_recorders[" + std::to_string(i) + "]";
      const std::uint32_t population = spec_.spike_recorders[i].population;
      if (!population_exists(path, "spike recorder " + std::to_string(i + 1), population)) continue;
      if (!seen.insert(population).second) {
        add(path, "the spikes of population " + in_quotes(spec_.populations[population].name) + " are recorded twice");
      }
    }
  }

  void multimeter(std::size_t index) {
    const MultimeterSpec& m = spec_.multimeters[index];
    const std::string path = "multimeters[" + std::to_string(index) + "]";
    std::string subject = "multimeter " + std::to_string(index + 1);
    time(path + ".interval", subject, "interval", m.interval, 1.0);
    if (m.variables.empty()) add(path + ".variables", subject + ": no variables to record");
    if (!population_exists(path + ".population", subject, m.population)) return;
    subject += " on population " + in_quotes(spec_.populations[m.population].name);
    neurons(path + ".neurons", subject, m.neurons, m.population);
    const ModelInfo* model = models_[m.population];
    std::set<std::string_view> seen;
    for (const std::string& variable : m.variables) {
      if (model != nullptr && find_state(*model, variable) < 0) {
        add(path + ".variables",
            subject + ": " +
                unknown_name("variable", variable, std::string(model->name) + " records", state_names(*model)));
      } else if (!seen.insert(variable).second) {
        add(path + ".variables", subject + ": variable " + in_quotes(variable) + " is named twice");
      }
    }
  }

  void classifier(std::size_t index) {
    const ClassifierSpec& c = spec_.classifiers[index];
    const std::string path = "classifiers[" + std::to_string(index) + "]";
    std::string subject = "classifier " + std::to_string(index + 1);
    if (!c.labels || c.labels->empty()) add(path + ".labels", subject + ": there are no labels");
    if (spec_.presentation == 0.0)
      add(path, subject + ": answers are read at the end of presentations; [simulation] has no presentation");
    if (!population_exists(path + ".population", subject, c.population)) return;
    const PopulationSpec& population = spec_.populations[c.population];
    subject += " on population " + in_quotes(population.name);
    if (population.n > kMaxCohortSize)
      add(path + ".population", subject + ": more than " + std::to_string(kMaxCohortSize) + " classes");
    const ModelInfo* model = models_[c.population];
    if (model != nullptr && !c.variable.empty() && find_state(*model, c.variable) < 0) {
      add(path + ".variable",
          subject + ": " +
              unknown_name("variable", c.variable, std::string(model->name) + " has", state_names(*model)));
    }
    if (c.labels && !c.labels->empty()) {
      const auto largest = *std::max_element(c.labels->begin(), c.labels->end());
      if (largest >= population.n)
        add(path + ".labels", subject + ": label " + std::to_string(largest) + ", but there are only " +
                                  std::to_string(population.n) + " neurons");
    }
  }

  void weight_recorder(std::size_t index) {
    const WeightRecorderSpec& recorder = spec_.weight_recorders[index];
    const std::string path = "weight_recorders[" + std::to_string(index) + "]";
    std::string subject = "weight recorder " + std::to_string(index + 1);
    if (recorder.projection >= spec_.projections.size()) {
      add(path + ".projection", subject + ": projection " + std::to_string(recorder.projection) +
                                    " does not exist, there are " + std::to_string(spec_.projections.size()));
      return;
    }
    const ProjectionSpec& projection = spec_.projections[recorder.projection];
    subject += " of projection " + in_quotes(projection.name);
    if (recorder.interval != 0.0) time(path + ".interval", subject, "interval", recorder.interval, 1.0);
    // The name becomes a group in the output file.
    const std::string& name = projection.name;
    if (name.empty() || name == "." || name == ".." || name.find('/') != std::string::npos)
      add(path + ".projection",
          subject + ": the name of a recorded projection must not be empty, \".\" or \"..\", nor contain \"/\"");
    const SynapseInfo* model = find_synapse_model(projection.synapse.model);
    if (model != nullptr && !model->plastic) {
      std::vector<std::string_view> plastic;
      for (const SynapseInfo* other : synapse_models()) {
        if (other->plastic) plastic.emplace_back(other->name);
      }
      add(path + ".projection", subject + ": the weights of synapse model " + in_quotes(model->name) +
                                    " do not change; those of " + listed(plastic) + " do");
    }
    if (projection.target < spec_.populations.size())
      neurons(path + ".targets", subject, recorder.targets, projection.target);
  }

  const NetworkSpec& spec_;
  bool dt_is_fine_;
  std::vector<const ModelInfo*> models_;
  std::set<std::string_view> projection_names_;
  std::vector<Fault> faults_;
};

}  // namespace

std::vector<Fault> validate(const NetworkSpec& spec) { return Validator(spec).run(); }

}  // namespace neuract::snn
