#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "neuract/memory/tensor.hpp"
#include "neuract/q4/weight.hpp"

/// What a network is, as plain data: names, numbers and distributions in the user's units (ms, mV, pA, pF, Hz).
///
/// A NetworkSpec comes from a network file (config/) or is filled in by an embedding program. It holds nothing that
/// depends on how the network will run. `validate` (snn/validate.hpp) lists every fault in it; `Plan` (snn/plan.hpp)
/// turns it into steps and sizes.
namespace neuract::snn {

/// A probability distribution. Each draw is a pure function of (seed, what is drawn, which neuron or synapse).
struct Distribution {
  enum class Kind : std::uint8_t {
    uniform,                     ///< on [a, b)
    normal,                      ///< mean a, standard deviation b
    normal_clipped,              ///< normal, redrawn until inside [low, high]
    normal_clipped_to_boundary,  ///< normal, values outside moved to the nearer bound
    lognormal,                   ///< exp of a normal with mean a, standard deviation b
    exponential,                 ///< mean a
  };
  Kind kind = Kind::uniform;
  double a = 0.0;
  double b = 1.0;
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
};

/// One number for all, one draw for each, or the numbers themselves (one per neuron).
using Value = std::variant<double, Distribution, std::vector<double>>;

struct Setting {
  std::string name;  ///< a parameter or state variable of the model
  Value value;
};

/// Where neurons are, in 2 or 3 dimensions. Lengths are in any unit, the same throughout a network.
struct PositionSpec {
  enum class Kind : std::uint8_t {
    grid,  ///< in the middle of the cells of a grid that fills the extent; the first axis runs fastest
    free,  ///< drawn, uniform in the extent
    list,  ///< `points`
  };
  Kind kind = Kind::grid;
  int dimensions = 2;
  std::array<double, 3> extent = {1.0, 1.0, 1.0};  ///< of a list only when periodic; the third is for 3 dimensions
  std::array<double, 3> center = {0.0, 0.0, 0.0};  ///< of the extent
  std::array<std::uint32_t, 3> shape = {1, 1, 1};  ///< cells of the grid along each axis
  bool periodic = false;                           ///< opposite borders of the extent are one
  std::shared_ptr<const std::vector<double>> points = nullptr;  ///< [n][dimensions]
};

struct PopulationSpec {
  std::string name;
  std::uint32_t n = 0;
  std::string model;              ///< a built-in model, see snn/model.hpp
  std::vector<Setting> settings;  ///< what differs from the model's defaults; state variables set the value at t = 0
  std::optional<PositionSpec> positions = std::nullopt;
};

/// How something depends on the way from a source to a target of distance d: the value times g(d), plus `offset`.
struct Profile {
  enum class Kind : std::uint8_t {
    constant,     ///< g = 1
    linear,       ///< g = 1 - d / length, 0 from d = length on
    exponential,  ///< g = exp(-d / length)
    gaussian,     ///< g = exp(-(d - mean)^2 / (2 length^2))
    gaussian2d,   ///< g = exp(-(x^2 / length^2 + y^2 / length_y^2 - 2 rho x y / (length length_y)) / (2 - 2 rho^2))
  };
  Kind kind = Kind::constant;
  double length = 1.0;
  double mean = 0.0;      ///< gaussian
  double length_y = 1.0;  ///< gaussian2d
  double rho = 0.0;       ///< gaussian2d
  double offset = 0.0;
};

struct Rule {
  enum class Kind : std::uint8_t {
    one_to_one,
    all_to_all,
    fixed_indegree,      ///< count = synapses onto every target
    fixed_outdegree,     ///< count = synapses from every source
    fixed_total_number,  ///< count = synapses in all
    pairwise_bernoulli,  ///< p = probability of each ordered pair
    connections,         ///< those of ProjectionSpec::connections
  };
  Kind kind = Kind::all_to_all;
  std::uint64_t count = 0;
  double p = 0.0;
  bool allow_autapses = true;
  bool allow_multapses = true;  ///< for the three fixed rules
  /// Of pairwise_bernoulli: what p depends on (clipped to 0 … 1). Of fixed_indegree: how likely each draw takes a source.
  std::optional<Profile> profile = std::nullopt;
  double cutoff = std::numeric_limits<double>::infinity();  ///< no synapses from farther away; for these two rules
  /// Of pairwise_bernoulli: every source draws its targets, so that Representation::procedural can draw them again. The
  /// same law, other draws.
  bool by_source = false;

  [[nodiscard]] bool drawn_by_source() const noexcept {
    return kind == Kind::fixed_outdegree || (kind == Kind::pairwise_bernoulli && by_source && !spatial());
  }

  [[nodiscard]] bool spatial() const noexcept {
    return profile.has_value() || cutoff < std::numeric_limits<double>::infinity();
  }
};

struct ConnectionList;  // snn/connection_list.hpp

/// How a dense projection, which has a weight for every pair of neurons, keeps them.
enum class DenseFormat : std::uint8_t { f32, nf4, nvfp4 };

/// Weights from a file, row-major [target neurons, source neurons], in the unit of the target model's synapses.
struct ImportedWeights {
  std::string file;
  std::string tensor;
  std::variant<q4::QuantizedWeight, memory::ConstTensor> data;  ///< in 4 bits, or f32
};

/// How a projection without a dense format keeps its synapses. Results do not depend on it.
enum class Representation : std::uint8_t {
  automatic,   ///< chosen from the projection's statistics
  sparse,      ///< lists of targets, grouped by delay where delays differ
  bit_planes,  ///< a bit for every pair of neurons; one weight and one delay for all
  procedural,  ///< nothing kept: drawn again at every spike
};

/// How sparse lists keep weights that differ between synapses: fixed-point numbers, whole multiples of a quantum.
enum class WeightFormat : std::uint8_t {
  automatic,  ///< sixteen_bits
  four_bits,  ///< a code for one of 16 values that keep the mean and the spread of the projection's distribution
  sixteen_bits,
  thirty_two_bits,
};

/// What a synapse does beside passing its weight on: a synapse model (snn/synapse_model.hpp) and what differs from its
/// defaults.
struct SynapseSpec {
  struct Parameter {
    std::string name;
    double value = 0.0;
  };
  std::string model = "static";
  std::vector<Parameter> parameters = {};
  std::optional<std::uint32_t> modulator = std::nullopt;  ///< population whose spikes are the third factor

  [[nodiscard]] bool is_static() const noexcept { return model == "static"; }
};

/// Synapses from one population to another.
struct ProjectionSpec {
  std::string name;          ///< unique; the default is "source->target", with "#2" … for further ones
  std::uint32_t source = 0;  ///< index in NetworkSpec::populations
  std::uint32_t target = 0;
  Rule rule;
  Value weight = 1.0;  ///< in the target model's unit (mV for delta synapses, pA for currents); number or distribution
  Value delay = 1.0;   ///< ms; rounded to steps, at least one step
  std::optional<DenseFormat> format = std::nullopt;  ///< dense, kept so; needs all_to_all and one delay. None: sparse
  std::shared_ptr<const ImportedWeights> weights =
      nullptr;               ///< in place of `weight`; `format` says the same as the data
  SynapseSpec synapse = {};  ///< `weight` is the weight at t = 0
  Representation representation = Representation::automatic;
  WeightFormat weight_format = WeightFormat::automatic;
  std::shared_ptr<const ConnectionList> connections = nullptr;  ///< for Rule::Kind::connections
  std::optional<Profile> weight_profile = std::nullopt;         ///< what the weight depends on
  std::optional<double> velocity = std::nullopt;  ///< lengths per ms: distance / velocity is added to the delay
};

/// Independent Poisson train for every target neuron, delivered in the step it is drawn in.
struct PoissonGenerator {
  double rate = 0.0;  ///< Hz
};
/// Constant current.
struct DcGenerator {
  double amplitude = 0.0;  ///< pA (mV-like units for izhikevich)
};
/// Gaussian current, constant over `dt`, independent for every target neuron.
struct NoiseGenerator {
  double mean = 0.0;  ///< pA
  double std = 0.0;   ///< pA
  double dt = 1.0;    ///< ms, a multiple of the simulation step
};
/// The given spike times, sent to every selected target neuron.
struct SpikeGenerator {
  std::vector<double> times;  ///< ms, on the grid, ascending
};

/// Images, one after another: presentation p shows image p·batch + b to sample b, pixel i as a constant current into
/// neuron i, in proportion to its brightness. Beyond the last image there is no current.
struct ImageSet {
  std::uint32_t count = 0;
  std::uint32_t pixels = 0;        ///< of one image
  std::vector<std::uint8_t> data;  ///< [count][pixels], 255 is full brightness
};
struct ImageGenerator {
  std::shared_ptr<const ImageSet> images;
  double amplitude = 0.0;  ///< pA at full brightness
};

struct StimulusSpec {
  std::string name;
  std::variant<PoissonGenerator, DcGenerator, NoiseGenerator, SpikeGenerator, ImageGenerator> generator;
  std::uint32_t target = 0;            ///< population
  std::vector<std::uint32_t> neurons;  ///< indices in the population, ascending; empty = all
  double weight = 1.0;                 ///< poisson_generator and spike_generator
  double delay = 0.0;                  ///< ms, spike_generator; 0 = one step
  double start = 0.0;                  ///< ms; active for start < t <= stop
  double stop = std::numeric_limits<double>::infinity();
};

struct SpikeRecorderSpec {
  std::uint32_t population = 0;
};

struct MultimeterSpec {
  std::uint32_t population = 0;
  std::vector<std::string> variables;
  std::vector<std::uint32_t> neurons;  ///< ascending; empty = all
  double interval = 1.0;               ///< ms, a multiple of dt
};

/// Weights of a projection with a plastic synapse model, over time.
struct WeightRecorderSpec {
  std::uint32_t projection = 0;        ///< index in NetworkSpec::projections
  double interval = 0.0;               ///< ms, a multiple of dt; 0 = only at the end of the run
  std::vector<std::uint32_t> targets;  ///< neurons of the target population, ascending; empty = all
};

/// Compares what a population answers at the end of every presentation with the labels of an ImageGenerator's images:
/// the neuron with the largest value is the class, the first of equals.
struct ClassifierSpec {
  std::uint32_t population = 0;
  std::string variable;  ///< a state variable of the model; empty = number of spikes in the presentation
  std::shared_ptr<const std::vector<std::uint8_t>> labels;
};

/// Stops the run when the mean rate of any population over `window` exceeds `rate`.
struct RateGuard {
  double rate = 0.0;      ///< Hz
  double window = 100.0;  ///< ms
};

/// Of the neurons' state and of plastic weights.
enum class Precision : std::uint8_t { f32, f64 };

struct NetworkSpec {
  std::string name = "network";
  double dt = 0.1;         ///< ms
  double warmup = 0.0;     ///< ms, simulated but neither counted nor recorded
  double duration = 1000;  ///< ms after the warm-up
  std::uint64_t seed = 1;
  Precision precision = Precision::f32;
  std::uint32_t batch = 1;    ///< independent samples of the whole network, which share parameters and synapses
  double presentation = 0.0;  ///< ms; state and input begin anew every so often; 0 = never
  std::optional<RateGuard> stop_if;
  std::vector<PopulationSpec> populations;
  std::vector<ProjectionSpec> projections;
  std::vector<StimulusSpec> stimuli;
  std::vector<SpikeRecorderSpec> spike_recorders;
  std::vector<MultimeterSpec> multimeters;  ///< of sample 0
  std::vector<ClassifierSpec> classifiers;
  std::vector<WeightRecorderSpec> weight_recorders;
};

}  // namespace neuract::snn
