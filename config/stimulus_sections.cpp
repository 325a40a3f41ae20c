#include <algorithm>
#include <array>
#include <utility>

#include "neuract/config/builder.hpp"
#include "neuract/snn/nearest_name.hpp"

/// [[stimuli]].
namespace neuract::config {
namespace {

/// The generators of the file, with their keys and whether they emit spikes (then they have a weight).
struct GeneratorForm {
  std::string_view name;
  std::vector<std::string_view> keys;
  std::vector<std::string_view> required;
  bool spikes;
};

const std::array<GeneratorForm, 5>& generator_forms() {
  static const std::array<GeneratorForm, 5> forms = {{
      {"poisson_generator", {"rate"}, {"rate"}, true},
      {"dc_generator", {"amplitude"}, {"amplitude"}, false},
      {"noise_generator", {"mean", "std", "dt"}, {"std"}, false},
      {"spike_generator", {"times"}, {"times"}, true},
      {"image_generator", {"images", "amplitude", "first", "count"}, {"images", "amplitude"}, false},
  }};
  return forms;
}

std::string with_article(const std::string& generator) { return (generator[0] == 'i' ? "an " : "a ") + generator; }

class StimulusReader {
 public:
  StimulusReader(const Node& table, std::size_t index, Builder& builder)
      : table_(table), builder_(builder), subject_("stimuli[" + std::to_string(index) + "]") {}

  void read() {
    if (!expect_table(table_, subject_, builder_.diagnostics)) return;
    std::vector<std::string_view> known = {"target", "neurons", "weight", "delay", "start", "stop", "name"};
    std::vector<std::string_view> generators;
    for (const GeneratorForm& form : generator_forms()) generators.push_back(form.name);
    known.insert(known.begin(), generators.begin(), generators.end());
    expect_keys(table_, subject_, known, builder_.diagnostics);

    for (const GeneratorForm& form : generator_forms()) {
      const Member* member = table_.find(form.name);
      if (member == nullptr) continue;
      if (generator_ != nullptr) {
        builder_.diagnostics.add(member->origin, subject_ + ": there is " + with_article(generator_->key) +
                                                     " already; every generator needs its own [[stimuli]]");
        continue;
      }
      generator_ = member;
      form_ = &form;
    }
    const bool meant = std::any_of(generators.begin(), generators.end(),
                                   [&](std::string_view name) { return !lacks(table_, name, known); });
    if (generator_ == nullptr && !meant) {
      builder_.diagnostics.add(table_.origin,
                               subject_ + ": a generator is missing; generators are " + snn::listed(generators));
    }
    if (generator_ != nullptr) check_generator();
    std::vector<std::uint32_t> targets;
    if (const Member* member = table_.find("target")) {
      targets = builder_.find_populations(member->value, subject_ + ": target");
    } else if (lacks(table_, "target", known)) {
      builder_.diagnostics.add(table_.origin,
                               subject_ + ": target is missing; it takes a population or an array of populations");
    }
    std::optional<std::string> name;
    if (const Member* member = table_.find("name"))
      name = read_string(member->value, subject_ + ": name", builder_.diagnostics);
    if (generator_ == nullptr || !generator_fine_) return;
    for (const std::uint32_t target : targets) add(target, name, targets);
  }

 private:
  void check_generator() {
    const std::string where = subject_ + ": " + generator_->key;
    if (!expect_table(generator_->value, where, builder_.diagnostics)) {
      generator_fine_ = false;
      return;
    }
    expect_keys(generator_->value, where, form_->keys, builder_.diagnostics);
    for (const std::string_view key : form_->required) {
      if (generator_->value.find(key) != nullptr) continue;
      generator_fine_ = false;
      if (lacks(generator_->value, key, form_->keys)) {
        builder_.diagnostics.add(generator_->value.origin, where + ": " + std::string(key) + " is missing");
      }
    }
    for (const char* key : {"weight", "delay"}) {
      const bool has = *key == 'w' ? form_->spikes : form_->name == "spike_generator";
      const Member* member = table_.find(key);
      if (member != nullptr && !has)
        builder_.diagnostics.add(member->origin, subject_ + ": " + with_article(generator_->key) + " has no " + key);
    }
  }

  void add(std::uint32_t target, const std::optional<std::string>& name, const std::vector<std::uint32_t>& targets) {
    path_ = "stimuli[" + std::to_string(builder_.spec.stimuli.size()) + "]";
    target_ = target;
    targets_ = &targets;
    builder_.places.set(path_, table_.origin, table_.origin);
    const snn::PopulationSpec& population = builder_.spec.populations[target];
    snn::StimulusSpec stimulus;
    stimulus.target = target;
    const std::string base = name.value_or(generator_->key);
    stimulus.name = builder_.unique_name(name && targets.size() == 1 ? base : base + "->" + population.name);

    number(table_, "weight", stimulus.weight);
    number(table_, "delay", stimulus.delay);
    number(table_, "start", stimulus.start);
    number(table_, "stop", stimulus.stop);
    if (const Member* neurons = table_.find("neurons")) {
      builder_.places.set(path_ + ".neurons", neurons->origin, neurons->value.origin);
      stimulus.neurons = read_neurons(neurons->value, subject_ + ": neurons", context(), population.n);
    }
    const Node& table = generator_->value;
    if (form_->name == "poisson_generator") {
      snn::PoissonGenerator generator;
      number(table, "rate", generator.rate);
      stimulus.generator = generator;
    } else if (form_->name == "dc_generator") {
      snn::DcGenerator generator;
      number(table, "amplitude", generator.amplitude);
      stimulus.generator = generator;
    } else if (form_->name == "noise_generator") {
      snn::NoiseGenerator generator;
      number(table, "mean", generator.mean);
      number(table, "std", generator.std);
      number(table, "dt", generator.dt);
      stimulus.generator = generator;
    } else if (form_->name == "image_generator") {
      const Member* images = table.find("images");
      builder_.places.set(path_ + ".images", images->origin, images->value.origin);
      snn::ImageGenerator generator;
      generator.images = read_images(table, subject_ + ": image_generator", context(), builder_);
      if (!generator.images) builder_.places.set_reported(path_ + ".images");
      number(table, "amplitude", generator.amplitude);
      stimulus.generator = std::move(generator);
    } else {
      stimulus.generator = snn::SpikeGenerator{spike_times(table)};
    }
    builder_.spec.stimuli.push_back(std::move(stimulus));
  }

  Context context() { return {builder_.diagnostics, builder_.populations[target_].scope}; }

  /// A number for every target, or a table with one for each: `rate = { E = 8000, I = 7500 }`.
  void number(const Node& table, const std::string& key, double& out) {
    const Member* member = table.find(key);
    if (member == nullptr) return;
    const std::string where = subject_ + ": " + (&table == &table_ ? "" : generator_->key + ": ") + key;
    const Node* value = &member->value;
    if (value->is(Node::Kind::table)) value = of_population(*value, where);
    std::optional<double> number;
    if (value != nullptr) {
      builder_.places.set(path_ + "." + key, member->origin, value->origin);
      number = read_number(*value, where, context());
    }
    if (number) {
      out = *number;
    } else {
      builder_.places.set_reported(path_ + "." + key);
    }
  }

  const Node* of_population(const Node& table, const std::string& where) {
    std::vector<std::string_view> names;
    for (const std::uint32_t target : *targets_) names.emplace_back(builder_.spec.populations[target].name);
    for (const Member& member : table.members) {
      if (std::find(names.begin(), names.end(), member.key) == names.end()) {
        builder_.diagnostics.add(member.origin,
                                 where + ": " + snn::unknown_name("population", member.key, "the targets are", names));
      }
    }
    const std::string& name = builder_.spec.populations[target_].name;
    const Member* member = table.find(name);
    if (member == nullptr)
      builder_.diagnostics.add(table.origin, where + ": there is no value for population " + snn::in_quotes(name));
    return member == nullptr ? nullptr : &member->value;
  }

  std::vector<double> spike_times(const Node& table) {
    const Member* member = table.find("times");
    const std::string where = subject_ + ": spike_generator: times";
    builder_.places.set(path_ + ".times", member->origin, member->value.origin);
    std::vector<double> times;
    if (!member->value.is(Node::Kind::array)) {
      builder_.diagnostics.add(member->value.origin,
                               where + ": expected an array of times in ms, got " + describe(member->value));
      builder_.places.set_reported(path_ + ".times");
      return times;
    }
    for (const Node& item : member->value.items) {
      if (const auto time = read_number(item, where, context())) {
        times.push_back(*time);
      } else {
        builder_.places.set_reported(path_ + ".times");
      }
    }
    return times;
  }

  const Node& table_;
  Builder& builder_;
  std::string subject_;
  const Member* generator_ = nullptr;
  const GeneratorForm* form_ = nullptr;
  bool generator_fine_ = true;
  std::string path_;
  std::uint32_t target_ = 0;
  const std::vector<std::uint32_t>* targets_ = nullptr;
};

}  // namespace

void read_stimuli(const Node& section, Builder& builder) {
  if (!expect_tables(section, "stimuli", "stimulus", builder.diagnostics)) return;
  for (std::size_t i = 0; i < section.items.size(); ++i) StimulusReader(section.items[i], i, builder).read();
}

}  // namespace neuract::config
