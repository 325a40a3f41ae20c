#include "neuract/kernels/q4_spikes.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <random>
#include <string>
#include <vector>

namespace neuract::kernels {
namespace {

constexpr std::array<double, 16> kNf4 = {-1.0,
                                         -0.6961928009986877,
                                         -0.5250730514526367,
                                         -0.39491748809814453,
                                         -0.28444138169288635,
                                         -0.18477343022823334,
                                         -0.09105003625154495,
                                         0.0,
                                         0.07958029955625534,
                                         0.16093020141124725,
                                         0.24611230194568634,
                                         0.33791524171829224,
                                         0.44070982933044434,
                                         0.5626170039176941,
                                         0.7229568362236023,
                                         1.0};
constexpr std::array<double, 16> kE2M1 = {0.0,  0.5,  1.0,  1.5,  2.0,  3.0,  4.0,  6.0,
                                          -0.0, -0.5, -1.0, -1.5, -2.0, -3.0, -4.0, -6.0};

/// Codes and scales by output and input, and the tiles made of them.
struct Weight {
  std::uint32_t n, k, block;
  std::vector<std::uint8_t> code;  // [n][k]
  std::vector<std::uint8_t> lines;

  Weight(std::uint32_t outputs, std::uint32_t inputs, std::uint32_t block_inputs)
      : n(outputs), k(inputs), block(block_inputs), code(std::size_t{n} * k) {}

  template <class Draw>
  void draw_codes(Draw draw) {
    for (std::uint8_t& c : code) c = static_cast<std::uint8_t>(draw() % 16);
    lines.assign(tiles_of(n) * k * kTileLineBytes, 0);
    for (std::uint32_t o = 0; o < n; ++o) {
      for (std::uint32_t i = 0; i < k; ++i) {
        set_tile_code(lines.data() + (std::size_t{o / kTileOutputs} * k + i) * kTileLineBytes, o % kTileOutputs,
                      code[std::size_t{o} * k + i]);
      }
    }
  }
  [[nodiscard]] std::size_t blocks() const { return k / block; }
  [[nodiscard]] std::size_t first_scale(std::uint32_t o, std::size_t b) const {
    return (o / kTileOutputs * blocks() + b) * kTileOutputs;
  }
};

struct Nf4Weight : Weight {
  std::vector<float> scales;

  template <class Random>
  Nf4Weight(std::uint32_t outputs, std::uint32_t inputs, std::uint32_t block_inputs, Random& random)
      : Weight(outputs, inputs, block_inputs), scales(tiles_of(n) * blocks() * kTileOutputs) {
    draw_codes([&] { return random(); });
    for (std::uint32_t o = 0; o < n; ++o) {
      for (std::size_t b = 0; b < blocks(); ++b) {
        scales[first_scale(o, b) + o % kTileOutputs] = static_cast<float>(random() % 100000) * 1e-4f;
      }
    }
  }
  [[nodiscard]] double value(std::uint32_t o, std::uint32_t i) const {
    return kNf4[code[std::size_t{o} * k + i]] * double{scales[first_scale(o, i / block) + o % kTileOutputs]};
  }
  [[nodiscard]] Nf4Tiles tiles() const { return {n, k, block, lines.data(), scales.data()}; }
  void run(const SpikeBits& s, float* y, std::size_t ldy) const { spikes_nf4(tiles(), s, y, ldy); }
  void run(const SpikeBits& s, float* y, std::size_t ldy, SpikeKernel kernel) const {
    spikes_nf4(tiles(), s, y, ldy, kernel);
  }
};

struct Nvfp4Weight : Weight {
  std::vector<std::uint16_t> scales;
  std::vector<float> unit;

  template <class Random>
  Nvfp4Weight(std::uint32_t outputs, std::uint32_t inputs, Random& random)
      : Weight(outputs, inputs, Nvfp4Tiles::kBlock),
        scales(tiles_of(n) * blocks() * kTileOutputs),
        unit(tiles_of(n) * kTileOutputs) {
    draw_codes([&] { return random(); });
    for (std::uint32_t o = 0; o < n; ++o) {
      unit[o] = static_cast<float>(1 + random() % 1000) * 0x1p-12f;
      for (std::size_t b = 0; b < blocks(); ++b)
        set_scale(o, b, static_cast<std::uint32_t>(random() % (largest_scale() + 1)));
    }
  }
  /// What all blocks of an output may have at once.
  [[nodiscard]] std::uint32_t largest_scale() const {
    return static_cast<std::uint32_t>(std::min<std::size_t>(32767, ((std::size_t{1} << 31) - 1) / 192 / blocks()));
  }
  void set_scale(std::uint32_t o, std::size_t b, std::uint32_t scale) {
    scales[first_scale(o, b) + nvfp4_scale_position(o % kTileOutputs)] = static_cast<std::uint16_t>(scale);
  }
  [[nodiscard]] double value(std::uint32_t o, std::uint32_t i) const {
    return 2.0 * kE2M1[code[std::size_t{o} * k + i]] *
           static_cast<double>(scales[first_scale(o, i / block) + nvfp4_scale_position(o % kTileOutputs)]) *
           double{unit[o]};
  }
  [[nodiscard]] Nvfp4Tiles tiles() const { return {n, k, lines.data(), scales.data(), unit.data()}; }
  void run(const SpikeBits& s, float* y, std::size_t ldy) const { spikes_nvfp4(tiles(), s, y, ldy); }
  void run(const SpikeBits& s, float* y, std::size_t ldy, SpikeKernel kernel) const {
    spikes_nvfp4(tiles(), s, y, ldy, kernel);
  }
};

struct Spikes {
  std::uint32_t rows, stride;
  std::vector<std::uint64_t> words;

  /// Row m is active with the probability activity[m % size].
  template <class Random>
  Spikes(std::uint32_t n_rows, std::uint32_t k, const std::vector<double>& activity, Random& random)
      : rows(n_rows), stride((k + 63) / 64 + 1), words(std::size_t{n_rows} * stride) {
    std::uniform_real_distribution<double> uniform;
    for (std::uint32_t m = 0; m < rows; ++m) {
      for (std::uint32_t i = 0; i < k; ++i) {
        if (uniform(random) < activity[m % activity.size()]) words[m * stride + i / 64] |= std::uint64_t{1} << i % 64;
      }
    }
  }
  [[nodiscard]] bool at(std::uint32_t m, std::uint32_t i) const {
    return (words[m * stride + i / 64] >> i % 64 & 1) != 0;
  }
  [[nodiscard]] SpikeBits bits() const { return {words.data(), rows, stride}; }
};

constexpr float kUntouched = -12345.0f;

/// Every instruction set, both kernels and the choice between them give the same bits, which are within 1e-6 of the
/// sum in double, relative to the sum of the magnitudes: a block's sum is rounded once or twice by 2^-24, and so are
/// the partial sums; what lies outside the result stays as it was.
template <class W>
void expect_right(const W& w, const Spikes& s) {
  const std::size_t ldy = w.n + 3;
  std::vector<float> first;
  for (const Isa isa : supported_isas()) {
    ASSERT_TRUE(set_isa_for_testing(isa));
    for (int way = 0; way < 3; ++way) {
      SCOPED_TRACE(std::string(name_of(isa)) + " way " + std::to_string(way) + " n " + std::to_string(w.n) + " k " +
                   std::to_string(w.k) + " block " + std::to_string(w.block) + " rows " + std::to_string(s.rows));
      std::vector<float> y(s.rows * ldy, kUntouched);
      if (way == 0) w.run(s.bits(), y.data(), ldy, SpikeKernel::event_driven);
      if (way == 1) w.run(s.bits(), y.data(), ldy, SpikeKernel::batched);
      if (way == 2) w.run(s.bits(), y.data(), ldy);
      if (!first.empty()) {
        ASSERT_EQ(y.size(), first.size());
        for (std::size_t e = 0; e < y.size(); ++e) {
          ASSERT_EQ(std::bit_cast<std::uint32_t>(y[e]), std::bit_cast<std::uint32_t>(first[e])) << e;
        }
        continue;
      }
      first = y;
      for (std::uint32_t m = 0; m < s.rows; ++m) {
        for (std::uint32_t o = 0; o < ldy; ++o) {
          if (o >= w.n) {
            ASSERT_EQ(y[m * ldy + o], kUntouched);
            continue;
          }
          double sum = 0.0, magnitude = 0.0;
          for (std::uint32_t i = 0; i < w.k; ++i) {
            if (!s.at(m, i)) continue;
            sum += w.value(o, i);
            magnitude += std::abs(w.value(o, i));
          }
          ASSERT_NEAR(y[m * ldy + o], sum, 1e-6 * magnitude) << "row " << m << " output " << o;
        }
      }
    }
  }
}

class Q4Spikes : public ::testing::Test {
 protected:
  void TearDown() override { set_isa_for_testing(supported_isas().back()); }
  std::mt19937_64 random{1};
  const std::vector<double> mixed{0.3, 0.0, 1.0, 0.03, 0.7};
};

TEST_F(Q4Spikes, SumNf4ColumnsForAwkwardNumbersOfOutputs) {
  for (const std::uint32_t n : {1u, 15u, 127u, 128u, 129u, 300u}) {
    expect_right(Nf4Weight(n, 192, 64, random), Spikes(3, 192, mixed, random));
  }
}

TEST_F(Q4Spikes, SumNvfp4ColumnsForAwkwardNumbersOfOutputs) {
  for (const std::uint32_t n : {1u, 15u, 127u, 128u, 129u, 300u}) {
    expect_right(Nvfp4Weight(n, 192, random), Spikes(3, 192, mixed, random));
  }
}

TEST_F(Q4Spikes, SumOneBlockAndSeveralAndManyOfEverySize) {
  for (const std::uint32_t block : {16u, 32u, 64u}) {
    for (const std::uint32_t blocks : {1u, 2u, 3u, 5u, 7u, 33u}) {
      expect_right(Nf4Weight(130, blocks * block, block, random), Spikes(5, blocks * block, mixed, random));
    }
  }
  for (const std::uint32_t blocks : {1u, 2u, 3u, 4u, 5u, 6u, 7u, 8u, 9u, 33u}) {
    expect_right(Nvfp4Weight(130, 16 * blocks, random), Spikes(5, 16 * blocks, mixed, random));
  }
}

TEST_F(Q4Spikes, SumAnyNumberOfRows) {
  for (const std::uint32_t rows : {0u, 1u, 3u, 16u, 17u, 63u, 64u, 65u, 200u}) {
    expect_right(Nf4Weight(40, 128, 32, random), Spikes(rows, 128, mixed, random));
    expect_right(Nvfp4Weight(40, 112, random), Spikes(rows, 112, mixed, random));
  }
}

TEST_F(Q4Spikes, GiveZeroWhenNothingSpikesAndTheWholeSumWhenAllDo) {
  for (const double activity : {0.0, 1.0}) {
    expect_right(Nf4Weight(129, 320, 64, random), Spikes(17, 320, {activity}, random));
    expect_right(Nvfp4Weight(129, 336, random), Spikes(17, 336, {activity}, random));
  }
  expect_right(Nf4Weight(129, 0, 64, random), Spikes(2, 0, {1.0}, random));
  expect_right(Nvfp4Weight(129, 0, random), Spikes(2, 0, {1.0}, random));
}

TEST_F(Q4Spikes, SumMoreInputsThanAreListedAtOnce) {
  for (const std::uint32_t k : {8192u, 8192u + 64, 2 * 8192u, 65536u}) {
    expect_right(Nf4Weight(3, k, 64, random), Spikes(3, k, {0.02, 1.0}, random));
    expect_right(Nvfp4Weight(3, k, random), Spikes(3, k, {0.02, 1.0}, random));
  }
}

TEST_F(Q4Spikes, StayExactAtTheLargestSums) {
  for (const std::uint8_t code : {std::uint8_t{7}, std::uint8_t{15}}) {
    for (const std::uint32_t k : {16u, 336u, 4096u, 8256u}) {
      Nvfp4Weight w(128, k, random);
      w.draw_codes([&] { return code; });
      for (std::uint32_t o = 0; o < w.n; ++o) {
        for (std::size_t b = 0; b < w.blocks(); ++b) w.set_scale(o, b, w.largest_scale());
      }
      expect_right(w, Spikes(9, k, {1.0, 0.5}, random));
    }
  }
  for (const std::uint8_t code : {std::uint8_t{0}, std::uint8_t{15}}) {
    Nf4Weight w(128, 4096, 64, random);
    w.draw_codes([&] { return code; });
    std::fill(w.scales.begin(), w.scales.end(), 0x1p40f);
    expect_right(w, Spikes(9, 4096, {1.0, 0.5}, random));
  }
}

TEST(SpikeKernelChoice, TakesEventsForOneRowAndForFewSpikesAndBatchesForManyOfBoth) {
  constexpr std::uint64_t kInputs = 4096;
  for (const TileFormat format : {TileFormat::nf4, TileFormat::nvfp4}) {
    const auto choice = [format](std::uint64_t rows, double activity) {
      const auto active = static_cast<std::uint64_t>(activity * static_cast<double>(rows * kInputs));
      return faster_spike_kernel(format, Isa::avx512, rows, active, kInputs);
    };
    EXPECT_EQ(choice(1, 0.05), SpikeKernel::event_driven);
    EXPECT_EQ(choice(1, 0.5), SpikeKernel::event_driven);
    EXPECT_EQ(choice(128, 0.01), SpikeKernel::event_driven);
    EXPECT_EQ(choice(128, 0.0), SpikeKernel::event_driven);
    EXPECT_EQ(choice(64, 0.5), SpikeKernel::batched);
    EXPECT_EQ(choice(1024, 1.0), SpikeKernel::batched);
  }
}

TEST(SpikeKernelChoice, NeverTurnsBackAsActivityGrows) {
  constexpr std::uint64_t kInputs = 1024;
  for (const Isa isa : {Isa::base, Isa::avx2, Isa::avx512}) {
    for (const TileFormat format : {TileFormat::nf4, TileFormat::nvfp4}) {
      for (const std::uint64_t rows : {0u, 1u, 2u, 7u, 64u, 65u, 1000u}) {
        bool batched = false;
        for (std::uint64_t active = 0; active <= rows * kInputs; active += rows * kInputs / 64 + 1) {
          const bool now = faster_spike_kernel(format, isa, rows, active, kInputs) == SpikeKernel::batched;
          EXPECT_TRUE(now || !batched) << name_of(isa) << " rows " << rows << " active " << active;
          batched = now;
        }
      }
    }
  }
}

RC_GTEST_PROP(Q4SpikesProperty, BothWaysGiveTheSameBitsAsTheSumInDouble, ()) {
  std::mt19937_64 random(*rc::gen::arbitrary<std::uint64_t>());
  const auto n = *rc::gen::inRange<std::uint32_t>(1, 260);
  const auto blocks = *rc::gen::inRange<std::uint32_t>(1, 20);
  const auto rows = *rc::gen::inRange<std::uint32_t>(1, 20);
  const auto block = 16u << *rc::gen::inRange(0, 3);
  const auto activity = *rc::gen::container<std::vector<double>>(5, rc::gen::element(0.0, 0.01, 0.05, 0.3, 0.8, 1.0));
  expect_right(Nf4Weight(n, blocks * block, block, random), Spikes(rows, blocks * block, activity, random));
  expect_right(Nvfp4Weight(n, blocks * 16, random), Spikes(rows, blocks * 16, activity, random));
  RC_ASSERT(!::testing::Test::HasFailure());
  set_isa_for_testing(supported_isas().back());
}

}  // namespace
}  // namespace neuract::kernels
