#include <algorithm>
#include <set>
#include <vector>

#include "neuract/config/builder.hpp"
#include "neuract/config/hints.hpp"
#include "neuract/snn/nearest_name.hpp"

namespace neuract::config {
namespace {

constexpr std::uint64_t kMostSamples = 1U << 20;
constexpr std::size_t kLongestChain = 500;  ///< of constants that use each other; bounds the recursion

/// Constants may use each other in any order: each is computed when it is first asked for.
class ConstantResolver {
 public:
  ConstantResolver(const Node& section, Builder& builder) : section_(section), builder_(builder) {}

  void resolve(const Member& member) {
    if (!started_.insert(member.key).second) return;
    const std::string subject = "constant " + snn::in_quotes(member.key);
    builder_.globals.set_unusable(member.key);  // until there is a value; also what a circle finds
    if (!is_usable_name(member.key)) {
      builder_.diagnostics.add(member.origin,
                               subject +
                                   ": the name must consist of letters, digits and \"_\", begin with a letter, and not "
                                   "be pi or a function");
      return;
    }
    if (path_.size() >= kLongestChain) {
      builder_.diagnostics.add(member.value.origin, subject + ": more than " + std::to_string(kLongestChain) +
                                                        " constants depend on one another in a row");
      return;
    }
    path_.push_back(&member);
    if (member.value.is(Node::Kind::string) && is_expression(member.value.string)) resolve_names(member);
    path_.pop_back();
    if (in_circle_.count(member.key) != 0) return;
    if (const auto value = read_number(member.value, subject, builder_.context()))
      builder_.globals.set(member.key, *value);
  }

 private:
  void resolve_names(const Member& member) {
    const auto names = names_in(member.value.string);
    if (!names) return;  // read_number reports it
    for (const std::string& name : *names) {
      const Member* needed = section_.find(name);
      if (needed == nullptr) continue;
      if (const auto position = std::find(path_.begin(), path_.end(), needed); position != path_.end()) {
        report_circle(position);
      } else {
        resolve(*needed);
      }
    }
  }

  void report_circle(std::vector<const Member*>::const_iterator first) {
    std::string text = "constants refer to each other in a circle: ";
    const Member* earliest = *first;
    bool known = true;
    for (auto it = first; it != path_.end(); ++it) {
      text += (*it)->key + " -> ";
      known = !in_circle_.insert((*it)->key).second && known;
      if ((*it)->origin < earliest->origin) earliest = *it;
    }
    if (!known) builder_.diagnostics.add(earliest->value.origin, text + (*first)->key);
  }

  const Node& section_;
  Builder& builder_;
  std::set<std::string> started_;
  std::set<std::string> in_circle_;
  std::vector<const Member*> path_;  ///< constants that wait for one another
};

}  // namespace

void read_constants(const Node& section, Builder& builder) {
  if (!expect_table(section, "[constants]", builder.diagnostics)) return;
  ConstantResolver resolver(section, builder);
  for (const Member& member : section.members) resolver.resolve(member);
}

void read_simulation(const Node& section, Builder& builder) {
  const std::string subject = "[simulation]";
  if (!expect_table(section, subject, builder.diagnostics)) return;
  expect_keys(section, subject, {"dt", "warmup", "duration", "seed", "precision", "batch", "presentation", "stop_if"},
              builder.diagnostics);
  builder.places.set("simulation", section.origin, section.origin);

  const auto number = [&](const Node& table, const std::string& path, const std::string& key, double& out) {
    const Member* member = table.find(key);
    if (member == nullptr) return false;
    builder.places.set(path + "." + key, member->origin, member->value.origin);
    const std::string where = path == "simulation" ? subject : subject + ": stop_if";
    const auto value = read_number(member->value, where + ": " + key, builder.context());
    if (value) out = *value;
    if (!value) builder.places.set_reported(path + "." + key);
    return true;
  };
  snn::NetworkSpec& spec = builder.spec;
  number(section, "simulation", "dt", spec.dt);
  number(section, "simulation", "warmup", spec.warmup);
  number(section, "simulation", "duration", spec.duration);
  number(section, "simulation", "presentation", spec.presentation);
  if (const Member* batch = section.find("batch")) {
    builder.places.set("simulation.batch", batch->origin, batch->value.origin);
    if (const auto value = read_count(batch->value, subject + ": batch", builder.context(), kMostSamples))
      spec.batch = static_cast<std::uint32_t>(*value);
  }
  if (const Member* seed = section.find("seed")) {
    if (const auto value = read_count(seed->value, subject + ": seed", builder.context(), INT64_MAX))
      spec.seed = *value;
  }
  if (const Member* precision = section.find("precision")) {
    builder.places.set("simulation.precision", precision->origin, precision->value.origin);
    if (const auto choice = read_choice(precision->value, subject, "precision", kPrecisions, builder.diagnostics))
      spec.precision = *choice;
  }
  if (const Member* stop_if = section.find("stop_if")) {
    const std::string where = subject + ": stop_if";
    if (!expect_table(stop_if->value, where, builder.diagnostics)) return;
    expect_keys(stop_if->value, where, {"rate", "window"}, builder.diagnostics);
    builder.places.set("simulation.stop_if", stop_if->origin, stop_if->value.origin);
    snn::RateGuard guard;
    if (!number(stop_if->value, "simulation.stop_if", "rate", guard.rate)) {
      builder.diagnostics.add(stop_if->value.origin, where + ": rate is missing; expected { rate = Hz, window = ms }");
      builder.places.set_reported("simulation.stop_if.rate");
    }
    number(stop_if->value, "simulation.stop_if", "window", guard.window);
    spec.stop_if = guard;
  }
}

}  // namespace neuract::config
