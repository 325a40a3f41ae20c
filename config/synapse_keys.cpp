#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "neuract/config/builder.hpp"
#include "neuract/config/hints.hpp"
#include "neuract/snn/nearest_name.hpp"
#include "neuract/snn/synapse_model.hpp"

/// `synapse`, `representation` and `weight_format` of a projection.
namespace neuract::config {
namespace {

constexpr std::string_view kModulator = "modulator";

std::vector<std::string_view> synapse_names() {
  std::vector<std::string_view> names;
  for (const snn::SynapseInfo* model : snn::synapse_models()) names.emplace_back(model->name);
  return names;
}

/// The parameters of one model, and the population that is its third factor.
class ParameterReader {
 public:
  ParameterReader(const snn::SynapseInfo& info, const std::string& subject, const std::string& path,
                  const Context& context, Builder& builder)
      : info_(info), subject_(subject), path_(path), context_(context), builder_(builder) {}

  /// False when something has been reported.
  bool read(const Node& table, snn::SynapseSpec& out) {
    if (!expect_table(table, subject_, context_.diagnostics)) return false;
    bool fine = true;
    for (const Member& member : table.members) {
      builder_.places.set(path_ + "." + member.key, member.origin, member.value.origin);
      const bool good =
          info_.modulated && member.key == kModulator ? read_modulator(member, out) : read_parameter(member, out);
      if (!good) builder_.places.set_reported(path_ + "." + member.key);
      fine = fine && good;
    }
    return fine;
  }

 private:
  bool read_modulator(const Member& member, snn::SynapseSpec& out) {
    const std::string where = subject_ + ": " + member.key;
    const auto name = read_string(member.value, where, context_.diagnostics);
    if (!name) return false;
    out.modulator = builder_.find_population({*name, member.value.origin}, where);
    return out.modulator.has_value();
  }

  bool read_parameter(const Member& member, snn::SynapseSpec& out) {
    const auto parameter = std::find_if(info_.parameters.begin(), info_.parameters.end(),
                                        [&](const snn::ParameterInfo& p) { return p.name == member.key; });
    if (parameter == info_.parameters.end()) {
      std::vector<std::string_view> known;
      for (const snn::ParameterInfo& p : info_.parameters) known.emplace_back(p.name);
      if (info_.modulated) known.push_back(kModulator);
      context_.diagnostics.add(
          member.origin,
          subject_ + ": " + unknown_key("parameter", member.key, std::string(info_.name) + " has", known));
      return false;
    }
    std::optional<double> value;
    if (parameter->check == snn::Check::boolean && member.value.is(Node::Kind::boolean)) {
      value = member.value.boolean ? 1.0 : 0.0;
    } else {
      value = read_number(member.value, subject_ + ": " + member.key, context_);
    }
    if (value) out.parameters.push_back({member.key, *value});
    return value.has_value();
  }

  const snn::SynapseInfo& info_;
  const std::string& subject_;
  const std::string& path_;
  const Context& context_;
  Builder& builder_;
};

/// "stdp_pair", or { stdp_pair = { lambda = 0.01 } }. False when something has been reported.
bool read_synapse(const Node& node, const std::string& subject, const std::string& path, const Context& context,
                  Builder& builder, snn::SynapseSpec& out) {
  const bool word = node.is(Node::Kind::string);
  if (!word && (!node.is(Node::Kind::table) || node.members.size() != 1)) {
    context.diagnostics.add(
        node.origin,
        subject + ": expected the name of a synapse model or a table like { stdp_pair = { lambda = 0.01 } }, got " +
            (node.is(Node::Kind::table) ? "a table of " + snn::counted(node.members.size(), "key") : describe(node)));
    return false;
  }
  const std::string& name = word ? node.string : node.members.front().key;
  const snn::SynapseInfo* info = snn::find_synapse_model(name);
  if (info == nullptr) {
    context.diagnostics.add(word ? node.origin : node.members.front().origin,
                            subject + ": " + unknown_key("synapse model", name, "models are", synapse_names()));
    return false;
  }
  out.model = info->name;
  if (word) return true;
  return ParameterReader(*info, subject + ": " + name, path, context, builder).read(node.members.front().value, out);
}

}  // namespace

void read_synapse_keys(const SynapseKeys& keys, const std::string& subject, const std::string& path,
                       const Context& context, Builder& builder, snn::ProjectionSpec& projection) {
  const auto place = [&](const char* key, const Member& member) {
    builder.places.set(path + "." + key, member.origin, member.value.origin);
  };
  if (keys.synapse != nullptr) {
    place("synapse", *keys.synapse);
    if (!read_synapse(keys.synapse->value, subject + ": synapse", path + ".synapse", context, builder,
                      projection.synapse))
      builder.places.set_reported(path + ".synapse");
  }
  const auto choose = [&](const char* key, const Member* member, const auto& words, auto& out) {
    if (member == nullptr) return;
    place(key, *member);
    if (const auto choice = read_choice(member->value, subject, key, words, context.diagnostics)) {
      out = *choice;
    } else {
      builder.places.set_reported(path + "." + key);
    }
  };
  choose("representation", keys.representation, kRepresentations, projection.representation);
  choose("weight_format", keys.weight_format, kWeightFormats, projection.weight_format);
}

SynapseKeys SynapseKeys::of(const Node& table) {
  return {table.find("synapse"), table.find("representation"), table.find("weight_format")};
}

SynapseKeys SynapseKeys::overridden_by(const SynapseKeys& other) const {
  return {other.synapse != nullptr ? other.synapse : synapse,
          other.representation != nullptr ? other.representation : representation,
          other.weight_format != nullptr ? other.weight_format : weight_format};
}

}  // namespace neuract::config
