#include <cstdio>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "neuract/config/subcommands.hpp"
#include "neuract/config/text_table.hpp"
#include "neuract/snn/model.hpp"
#include "neuract/snn/nearest_name.hpp"
#include "neuract/snn/number_text.hpp"
#include "neuract/snn/synapse_model.hpp"
#include "neuract/snn/validate.hpp"

namespace neuract::config {
namespace {

using snn::Check;
using Align = TextTable::Align;

void heading(const std::string& text, const OutputStyle& style) {
  std::printf(style.colour ? "\n\x1b[1m%s\x1b[0m\n" : "\n%s\n", text.c_str());
}

void print(const TextTable& table, const OutputStyle& style, const char* indent = "") {
  std::fputs(table.text(style.width, style.colour, indent).c_str(), stdout);
}

std::string meaning_with_check(const snn::ParameterInfo& p) {
  switch (p.check) {
    case Check::any: return p.meaning;
    case Check::positive: return std::string(p.meaning) + "; positive";
    case Check::non_negative: return std::string(p.meaning) + "; not negative";
    case Check::boolean: return std::string(p.meaning) + "; true or false";
  }
  return p.meaning;
}

std::string default_text(const snn::ParameterInfo& p) {
  if (p.check == Check::boolean) return p.default_value != 0.0 ? "true" : "false";
  return snn::number_text(p.default_value);
}

void list_models(const OutputStyle& style) {
  TextTable table({{"model"}, {"what it is"}});
  for (const snn::ModelInfo* model : snn::models()) table.add({model->name, model->summary});
  print(table, style);
  std::printf("\n");
  TextTable synapses({{"synapse model"}, {"what it does"}});
  for (const snn::SynapseInfo* model : snn::synapse_models()) synapses.add({model->name, model->summary});
  print(synapses, style);
  std::printf("\n'neuract models NAME' shows the parameters of one.\n");
}

void print_title(const char* name, const char* summary, const char* paper, const OutputStyle& style) {
  std::printf(style.colour ? "\x1b[1m%s\x1b[0m: %s\n" : "%s: %s\n", name, summary);
  if (*paper == '\0') return;
  TextTable source({{""}, {""}});
  source.add({"source:", paper});
  print(source, style);
}

void print_parameters(std::span<const snn::ParameterInfo> rows, const OutputStyle& style) {
  heading("Parameters", style);
  TextTable parameters({{"name"}, {"default", Align::right}, {"unit"}, {"meaning"}});
  for (const snn::ParameterInfo& p : rows) parameters.add({p.name, default_text(p), p.unit, meaning_with_check(p)});
  print(parameters, style, "  ");
}

/// How a network file asks for it, with a parameter where there is one.
std::string usage(const snn::SynapseInfo& model) {
  std::string text = "synapse = ";
  if (model.parameters.empty()) return text + "\"" + model.name + "\"";
  text += std::string("{ ") + model.name + " = { " + model.parameters.front().name + " = " +
          default_text(model.parameters.front());
  return text + (model.modulated ? ", modulator = \"POPULATION\"" : "") + " } }";
}

void show_synapse(const snn::SynapseInfo& model, const OutputStyle& style) {
  print_title(model.name, model.summary, model.source, style);
  if (!model.parameters.empty()) print_parameters(model.parameters, style);
  std::printf("\nIn a projection: %s\n", usage(model).c_str());
  if (model.modulated) std::printf("The spikes of the population \"modulator\" are its third factor.\n");
  if (model.plastic) std::printf("Weights change: [[recorders]] weights = \"PROJECTION\" records them.\n");
}

void show_model(const snn::ModelInfo& model, const OutputStyle& style) {
  print_title(model.name, model.summary, model.source, style);
  print_parameters(model.parameters, style);

  heading("State variables (initial values; a multimeter records them)", style);
  TextTable states({{"name"}, {"at t = 0", Align::right}, {"unit"}, {"meaning"}});
  for (const snn::StateInfo& s : model.states) {
    states.add({s.name, s.default_parameter != nullptr ? s.default_parameter : snn::number_text(s.default_value),
                s.unit, s.meaning});
  }
  print(states, style, "  ");

  heading("Inputs", style);
  TextTable inputs({{"input"}, {"unit"}, {"meaning"}});
  for (const snn::ReceptorInfo& receptor : model.receptors) {
    const char* which = model.receptors.size() == 1           ? "every weight"
                        : &receptor == model.receptors.data() ? "weights >= 0"
                                                              : "weights < 0";
    inputs.add({receptor.name, receptor.weight_unit, std::string("spikes, ") + which});
  }
  inputs.add({"current", model.current_unit, "dc_generator, noise_generator"});
  print(inputs, style, "  ");
}

}  // namespace

void add_models_command(CLI::App& app, Action& action) {
  CLI::App* command = app.add_subcommand("models", "List the neuron and synapse models, or the parameters of one.");
  const auto name = std::make_shared<std::string>();
  command->add_option("NAME", *name, "a model");
  command->footer("Example:\n  neuract models iaf_psc_exp");
  command->callback([name, &action] {
    action = [name] {
      const OutputStyle style = detect_output_style();
      if (name->empty()) {
        list_models(style);
        return Exit::done;
      }
      if (const snn::ModelInfo* model = snn::find_model(*name)) {
        show_model(*model, style);
      } else if (const snn::SynapseInfo* synapse = snn::find_synapse_model(*name)) {
        show_synapse(*synapse, style);
      } else {
        std::vector<std::string_view> known = snn::model_names();
        for (const snn::SynapseInfo* other : snn::synapse_models()) known.emplace_back(other->name);
        complain(snn::unknown_name("model", *name, "models are", known));
        return Exit::bad_input;
      }
      return Exit::done;
    };
  });
}

}  // namespace neuract::config
