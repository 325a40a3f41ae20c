#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

/// The inner loops of synapses whose weights change with pairs and triplets of spikes: one row of synapses, from one
/// source neuron, brought up to date and delivered. Written as plain loops in kernel.inl, compiled per instruction set,
/// the same bits from each: what happens to a synapse is a fixed sequence of operations that its spikes determine.
///
/// Steps are 32-bit numbers relative to a base that all tables of a pathway share. Weights are kept as x = w / Wmax, in
/// [0, 1].
namespace neuract::snn::synapses {

/// A step so long ago that every trace has decayed.
inline constexpr std::int32_t kNever = -(1 << 29);

inline constexpr std::uint32_t kLatest = 3;

/// What the synapses of a row see of the spikes of their targets. `steps` and `traces` hold, for each neuron, its last
/// `depth` spikes, newest first.
template <class Real>
struct PostSpikes {
  struct Latest {
    std::int32_t steps[kLatest];
    Real trace;
  };
  const Latest* latest = nullptr;  ///< the newest once more, close together: most synapses need no others
  const std::int32_t* steps = nullptr;
  const Real* traces = nullptr;  ///< fast trace just after each spike
  const Real* slow = nullptr;    ///< slow trace just before it; null = none
  std::uint32_t depth = 0;
};

/// How x changes. At a postsynaptic spike x += f(x) g, where g is the presynaptic trace times `plus` (with slow traces:
/// times (plus + plus_slow · slow)); at a presynaptic one x += both · K, then x -= h(x) · minus · K + constant, K the
/// postsynaptic trace. Results stay in [0, 1].
template <class Real>
struct Rule {
  enum class Shape : std::uint8_t { one, room, room_power, weight, weight_power };  ///< 1, 1-x, (1-x)^mu, x, x^mu
  Shape plus_shape = Shape::one;
  Shape minus_shape = Shape::one;  ///< one, weight or weight_power
  Real plus = 0;
  Real plus_slow = 0;
  Real minus = 0;
  Real both = 0;
  Real constant = 0;
  Real mu_plus = 0;
  Real mu_minus = 0;
  Real rate_plus = 0;  ///< -dt / tau: of the presynaptic trace
  Real rate_minus = 0;
};

template <class Real>
struct Row {
  const std::uint16_t* targets = nullptr;
  Real* weights = nullptr;
  std::uint32_t n = 0;
  /// Postsynaptic spikes in (lower, upper] facilitate: a spike at s with trace · exp(rate_plus · (s - origin)).
  std::int32_t lower = 0;
  std::int32_t upper = 0;
  std::int32_t origin = 0;
  Real trace = 0;
  bool arrives = false;  ///< there is a presynaptic spike, which depresses and is delivered; else only facilitation
  Real minus = 0;        ///< in place of the rule's
  Real scale = 0;        ///< quanta of x = 1, positive
  bool negative = false;
  std::int32_t* inputs = nullptr;  ///< a row of the input ring: += x · scale, rounded, or -=
};

inline constexpr std::uint32_t kChunk = 512;  ///< synapses that are treated together; their buffers stay in the cache

/// What the kernel writes into on its way.
template <class Real>
struct Buffers {
  // Of each synapse of a chunk: the last spike of its target, factors, what it delivers.
  std::int32_t* steps;
  std::int32_t* second;
  std::int32_t* third;
  Real* traces;
  Real* factors;
  std::int32_t* quanta;
  Real* chosen;  ///< of some of them
  // Of each facilitation: the synapse, when, and by how much.
  std::uint32_t* listed;
  std::int32_t* when;
  Real* gain;
  std::uint32_t* passes;  ///< where each pass begins
};

/// Owns them.
template <class Real>
class Scratch {
 public:
  void resize(std::uint32_t depth) {
    const std::size_t some = kChunk + 16;  // vectors are stored over the end
    const std::size_t most = std::size_t{kChunk} * (depth + 1) + 16;
    for (auto* list : {&steps_, &second_, &third_, &quanta_}) list->resize(some);
    for (auto* list : {&traces_, &factors_, &chosen_}) list->resize(some);
    listed_.resize(most);
    when_.resize(most);
    gain_.resize(most);
    passes_.resize(depth + 2);
  }
  [[nodiscard]] Buffers<Real> buffers() noexcept {
    return {steps_.data(),  second_.data(), third_.data(), traces_.data(), factors_.data(), quanta_.data(),
            chosen_.data(), listed_.data(), when_.data(),  gain_.data(),   passes_.data()};
  }

 private:
  std::vector<std::int32_t> steps_, second_, third_, quanta_, when_;
  std::vector<Real> traces_, factors_, chosen_, gain_;
  std::vector<std::uint32_t> listed_, passes_;
};

/// A row of synapses whose weights all change by the same factor: += code · factor, rounded, or += quanta where all
/// weights are the same.
struct ScaledRow {
  const std::uint16_t* targets = nullptr;
  const std::int16_t* codes = nullptr;  ///< null: quanta
  std::uint32_t n = 0;
  std::int32_t quanta = 0;
  float factor = 0.0f;
  std::int32_t* inputs = nullptr;
};

struct Kernels {
  void (*scale)(const ScaledRow* rows, std::size_t n) noexcept;
  void (*update_f32)(const Rule<float>& rule, const PostSpikes<float>& post, const Row<float>* rows, std::size_t n,
                     const Buffers<float>& buffers) noexcept;
  void (*update_f64)(const Rule<double>& rule, const PostSpikes<double>& post, const Row<double>* rows, std::size_t n,
                     const Buffers<double>& buffers) noexcept;

  /// Treats the rows one after another.
  void update(const Rule<float>& rule, const PostSpikes<float>& post, std::span<const Row<float>> rows,
              const Buffers<float>& buffers) const noexcept {
    update_f32(rule, post, rows.data(), rows.size(), buffers);
  }
  void update(const Rule<double>& rule, const PostSpikes<double>& post, std::span<const Row<double>> rows,
              const Buffers<double>& buffers) const noexcept {
    update_f64(rule, post, rows.data(), rows.size(), buffers);
  }
};

const Kernels& row_kernels() noexcept;

}  // namespace neuract::snn::synapses
