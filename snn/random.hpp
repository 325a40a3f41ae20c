#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

/// Random numbers as a pure function of (seed, purpose, entity, item, counters): the same whoever draws them, in
/// whatever order.
///
/// A Stream's key is made from (seed, purpose, entity, item). Below it lie 2^96 substreams (c1, c2, c3), each of 2^32
/// blocks of four 32-bit words, in the order of kernels::philox_fill. Who uses which counters, so that no two uses
/// share a word:
///
/// | purpose       | entity     | item           | c1          | c2    | word within the substream         |
/// |---------------|------------|----------------|-------------|-------|-----------------------------------|
/// | parameter     | population | parameter      | 0           | 0     | neuron                            |
/// | initial_state | population | state variable | 0           | 0     | neuron                            |
/// | source        | projection | 0              | target      | 0     | draw                              |
/// | source        | projection | 1, outdegree   | source      | block | draw, within a block of targets   |
/// | source        | projection | 2, by distance | target      | 0, 1  | draw, decision about a candidate  |
/// | source        | projection | 3, by source   | source      | block | draw, within a block of targets   |
/// | weight        | projection | 0              | target      | 0     | incoming synapse of target        |
/// | weight        | projection | 1, dense       | source      | 0     | target                            |
/// | weight        | projection | 2, by source   | source      | place | block target: weight, delay       |
/// | delay         | projection | 0              | target      | 0     | incoming synapse of target        |
/// | degree        | projection | 0              | tree node   | *     | block 0                           |
/// | degree        | projection | 1, outdegree   | source      | node  | block 0                           |
/// | poisson       | stimulus   | 0              | step        | *     | neuron                            |
/// | noise         | stimulus   | 0              | interval    | *     | neuron                            |
/// | variable      | population | of the model   | step        | *     | neuron                            |
/// | position      | population | axis           | 0           | 0     | neuron                            |
///
/// Of rules that are drawn by source the weight and the delay of a synapse are two words of one block, whose counters are
/// its two neurons and its place among the synapses of the pair.
///
/// In a batch the neurons of sample b follow those of sample b - 1, from a multiple of 64 on, where they draw something
/// of their own (initial_state, poisson, noise). c3 is 0. (*) Numbers of more than 32 bits: low half in c1, high half in c2.
namespace neuract::snn {

enum class Purpose : std::uint32_t {
  parameter = 1,
  initial_state = 2,
  source = 3,
  weight = 4,
  delay = 5,
  degree = 6,
  noise = 7,
  poisson = 8,
  variable = 9,
  position = 10,
};

class Stream {
 public:
  static constexpr std::size_t kGroup = 64;  ///< words that are made together

  Stream(std::uint64_t seed, Purpose purpose, std::uint32_t entity, std::uint32_t item = 0) noexcept;

  std::uint64_t key() const noexcept { return key_; }

  /// Words [64·first_group, 64·(first_group + groups)) of substream (c1, c2, c3).
  void fill(std::uint32_t* out, std::size_t groups, std::uint32_t first_group, std::uint32_t c1 = 0,
            std::uint32_t c2 = 0, std::uint32_t c3 = 0) const noexcept;

  /// The four words of block `index` of substream (c1, c2, c3): fill() puts them 16 apart.
  std::array<std::uint32_t, 4> block(std::uint32_t index, std::uint32_t c1 = 0, std::uint32_t c2 = 0,
                                     std::uint32_t c3 = 0) const noexcept;

  /// Word `index` of substream (c1, c2, c3): the one that fill() puts there.
  std::uint32_t word(std::uint64_t index, std::uint32_t c1 = 0, std::uint32_t c2 = 0,
                     std::uint32_t c3 = 0) const noexcept;

 private:
  std::uint64_t key_;
};

/// The middle of the interval of width 2^-32 that a word stands for: in (0, 1), never 0 or 1.
constexpr double unit_interval(std::uint32_t word) noexcept { return (static_cast<double>(word) + 0.5) * 0x1p-32; }

}  // namespace neuract::snn
