#include "neuract/snn/network_text.hpp"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <type_traits>
#include <vector>

#include "neuract/snn/connection_list.hpp"
#include "neuract/snn/nearest_name.hpp"
#include "neuract/snn/number_text.hpp"

namespace neuract::snn {
namespace {

constexpr std::size_t kLongestList = 8;  ///< numbers that are written out

std::string hexadecimal(std::uint32_t value) {
  char text[16];
  std::snprintf(text, sizeof text, "%08x", static_cast<unsigned>(value));
  return text;
}

template <class T>
std::string bytes_text(std::span<const T> values) {
  return std::to_string(values.size()) + " with checksum " + hexadecimal(checksum(std::as_bytes(values)));
}

std::string text_of(double x) { return x == 0.0 && std::signbit(x) ? "-0" : number_text(x); }
std::string text_of(bool x) { return x ? "true" : "false"; }
std::string text_of(const std::string& x) {
  return in_quotes(x) + (x.size() > 60 ? hexadecimal(checksum(std::as_bytes(std::span(x)))) : "");
}
template <class T>
requires(std::is_integral_v<T>) std::string text_of(T x) { return std::to_string(x); }
template <class T>
requires(std::is_enum_v<T>) std::string text_of(T x) { return std::to_string(static_cast<int>(x)); }
template <class T>
std::string text_of(std::span<const T> values) {
  if (values.size() > kLongestList) return bytes_text(values);
  std::string text = "[";
  for (const T& value : values) text += (text.size() > 1 ? ", " : "") + text_of(value);
  return text + "]";
}
template <class T>
std::string text_of(const std::vector<T>& values) {
  return text_of(std::span<const T>(values));
}
template <class T, std::size_t n>
std::string text_of(const std::array<T, n>& values) {
  return text_of(std::span<const T>(values));
}
std::string text_of(const Distribution& d) {
  static constexpr std::string_view kNames[] = {
      "uniform", "normal", "normal_clipped", "normal_clipped_to_boundary", "lognormal", "exponential"};
  return std::string(kNames[static_cast<std::size_t>(d.kind)]) + text_of(std::vector<double>{d.a, d.b, d.low, d.high});
}
std::string text_of(const Value& value) {
  return std::visit([](const auto& x) { return text_of(x); }, value);
}
std::string text_of(const memory::ConstTensor& tensor) {
  return bytes_text(std::span(static_cast<const std::byte*>(tensor.data()), tensor.bytes()));
}
template <class T>
std::string text_of(const std::optional<T>& x) {
  return x ? text_of(*x) : "none";
}

/// The functions take a structure apart completely: one that gets a new member no longer compiles here, and what the
/// member means to a continued run must be said.
class Facts {
 public:
  std::string take() { return std::move(text_); }

  void network(const NetworkSpec& spec) {
    const auto& [name, dt, warmup, duration, seed, precision, batch, presentation, stop_if, populations, projections,
                 stimuli, spike_recorders, multimeters, classifiers, weight_recorders] = spec;
    static_cast<void>(name), static_cast<void>(duration), static_cast<void>(stop_if);
    const std::string where = "simulation";
    add(where, "dt", dt);
    add(where, "warmup", warmup);
    add(where, "seed", seed);
    add(where, "precision", std::string(precision == Precision::f64 ? "f64" : "f32"));
    add(where, "batch", batch);
    add(where, "presentation", presentation);
    names_ = &populations;
    for (const PopulationSpec& x : populations) population(x);
    for (const ProjectionSpec& x : projections) projection(x);
    for (const StimulusSpec& x : stimuli) stimulus(x);
    for (const auto& [of] : spike_recorders) add("recorder", "spikes", population_name(of));
    for (const auto& [of, variables, neurons, interval] : multimeters) {
      const std::string recorder = "multimeter of " + population_name(of);
      add(recorder, "variables", variables);
      add(recorder, "neurons", neurons);
      add(recorder, "interval", interval);
    }
    for (const auto& [of, variable, labels] : classifiers) {
      add("classifier of " + population_name(of), "variable", variable);
      add("classifier of " + population_name(of), "labels", *labels);
    }
    for (const auto& [of, interval, targets] : weight_recorders) {
      const std::string recorder = "weight recorder of " + in_quotes(projections[of].name);
      add(recorder, "interval", interval);
      add(recorder, "targets", targets);
    }
  }

 private:
  template <class T>
  void add(const std::string& where, std::string_view name, const T& value) {
    text_.append(where).append(", ").append(name).append(" = ").append(text_of(value)).append("\n");
  }
  std::string population_name(std::uint32_t index) const { return in_quotes((*names_)[index].name); }

  void population(const PopulationSpec& spec) {
    const auto& [name, n, model, settings, positions] = spec;
    const std::string where = "population " + in_quotes(name);
    add(where, "n", n);
    add(where, "model", model);
    for (const auto& [setting, value] : settings) add(where, setting, value);
    if (!positions) return;
    const auto& [kind, dimensions, extent, center, shape, periodic, points] = *positions;
    add(where, "positions", kind);
    add(where, "dimensions", dimensions);
    add(where, "extent", extent);
    add(where, "center", center);
    add(where, "shape", shape);
    add(where, "periodic", periodic);
    if (points) add(where, "points", *points);
  }

  void profile(const std::string& where, std::string_view of, const std::optional<Profile>& spec) {
    if (!spec) return;
    const auto& [kind, length, mean, length_y, rho, offset] = *spec;
    add(where, of, std::vector<double>{static_cast<double>(kind), length, mean, length_y, rho, offset});
  }

  void rule(const std::string& where, const Rule& spec) {
    static constexpr std::string_view kNames[] = {"one_to_one",      "all_to_all",         "fixed_indegree",
                                                  "fixed_outdegree", "fixed_total_number", "pairwise_bernoulli",
                                                  "connections"};
    const auto& [kind, count, p, allow_autapses, allow_multapses, by_distance, cutoff, by_source] = spec;
    add(where, "rule", std::string(kNames[static_cast<std::size_t>(kind)]));
    add(where, "count", count);
    add(where, "p", p);
    add(where, "allow_autapses", allow_autapses);
    add(where, "allow_multapses", allow_multapses);
    profile(where, "profile of the rule", by_distance);
    add(where, "cutoff", cutoff);
    add(where, "by_source", by_source);
  }

  void weights(const std::string& where, const ImportedWeights& spec) {
    const auto& [file, tensor, data] = spec;
    static_cast<void>(file), static_cast<void>(tensor);  // what they held counts, not what they are called
    if (const auto* packed = std::get_if<q4::QuantizedWeight>(&data)) {
      const auto& [format, out_features, in_features, block, codes, scales, global] = *packed;
      add(where, "weights, format", format);
      add(where, "weights, shape", std::array{out_features, in_features, std::int64_t{block}});
      add(where, "weights, codes", codes);
      add(where, "weights, scales", scales);
      add(where, "weights, global scale", static_cast<double>(global));
    } else {
      add(where, "weights", std::get<memory::ConstTensor>(data));
    }
  }

  void projection(const ProjectionSpec& spec) {
    const auto& [name, source, target, connected, weight, delay, format, imported, synapse, representation,
                 weight_format, connections, weight_profile, velocity] = spec;
    static_cast<void>(representation);  // makes no difference to results
    const std::string where = "projection " + in_quotes(name);
    add(where, "source", population_name(source));
    add(where, "target", population_name(target));
    rule(where, connected);
    add(where, "weight", weight);
    add(where, "delay", delay);
    add(where, "format", format);
    if (imported) weights(where, *imported);
    const auto& [model, parameters, modulator] = synapse;
    add(where, "synapse", model);
    for (const auto& [parameter, value] : parameters) add(where, parameter, value);
    if (modulator) add(where, "modulator", population_name(*modulator));
    add(where, "weight_format", weight_format);
    if (connections) {
      add(where, "connections, begins", connections->begins);
      add(where, "connections, sources", connections->sources);
      add(where, "connections, weights", connections->weights);
      add(where, "connections, delays", connections->delays);
    }
    profile(where, "profile of the weight", weight_profile);
    add(where, "velocity", velocity);
  }

  void generator(const std::string& where, const PoissonGenerator& x) { add(where, "poisson_generator, rate", x.rate); }
  void generator(const std::string& where, const DcGenerator& x) { add(where, "dc_generator, amplitude", x.amplitude); }
  void generator(const std::string& where, const NoiseGenerator& x) {
    const auto& [mean, std, dt] = x;
    add(where, "noise_generator, mean, std and dt", std::array{mean, std, dt});
  }
  void generator(const std::string& where, const SpikeGenerator& x) { add(where, "spike_generator, times", x.times); }
  void generator(const std::string& where, const ImageGenerator& x) {
    const auto& [images, amplitude] = x;
    add(where, "image_generator, amplitude", amplitude);
    const auto& [count, pixels, data] = *images;
    add(where, "image_generator, count and pixels", std::array{count, pixels});
    add(where, "image_generator, images", data);
  }

  void stimulus(const StimulusSpec& spec) {
    const auto& [name, source, target, neurons, weight, delay, start, stop] = spec;
    const std::string where = "stimulus " + in_quotes(name) + " of " + population_name(target);
    std::visit([&](const auto& x) { generator(where, x); }, source);
    add(where, "neurons", neurons);
    add(where, "weight", weight);
    add(where, "delay", delay);
    add(where, "start", start);
    add(where, "stop", stop);
  }

  std::string text_;
  const std::vector<PopulationSpec>* names_ = nullptr;
};

struct Fact {
  std::string_view name;
  std::string_view value;
};

/// Takes the first line off.
Fact next_fact(std::string_view& text) {
  const std::string_view line = text.substr(0, text.find('\n'));
  text.remove_prefix(std::min(text.size(), line.size() + 1));
  const std::size_t equals = line.find(" = ");
  if (equals == std::string_view::npos) return {line, ""};
  return {line.substr(0, equals), line.substr(equals + 3)};
}

}  // namespace

std::string network_text(const NetworkSpec& spec) {
  Facts facts;
  facts.network(spec);
  return facts.take();
}

std::optional<std::string> first_difference(std::string_view checkpoint, std::string_view network) {
  while (!checkpoint.empty() || !network.empty()) {
    std::string_view rest_there = checkpoint, rest_here = network;
    const Fact there = next_fact(rest_there), here = next_fact(rest_here);
    if (there.name != here.name) {
      const std::string line = "\n" + std::string(here.name) + " = ";
      const bool added = !network.empty() && ("\n" + std::string(checkpoint)).find(line) == std::string::npos;
      return printable(added ? here.name : there.name) + ": only in the " + (added ? "network" : "checkpoint");
    }
    if (there.value != here.value)
      return printable(there.name) + ": " + printable(there.value) + " in the checkpoint, " + printable(here.value) +
             " in the network";
    checkpoint = rest_there;
    network = rest_here;
  }
  return std::nullopt;
}

std::uint32_t checksum(std::span<const std::byte> bytes, std::uint32_t before) noexcept {
  return static_cast<std::uint32_t>(
      ::crc32_z(before, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size()));
}

}  // namespace neuract::snn
