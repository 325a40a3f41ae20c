#include "neuract/kernels/q4_dense.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "neuract/kernels/isa.hpp"
#include "neuract/kernels/q4_codes.hpp"

namespace neuract::kernels {
namespace {

/// A matrix in tiles, and what its weights are in double.
struct Weights {
  std::uint32_t n;
  std::uint32_t k;
  std::uint32_t block;
  bool nvfp4;
  std::vector<std::uint8_t> codes;
  std::vector<float> f32_scales;
  std::vector<std::uint16_t> scales;
  std::vector<float> unit;
  std::vector<double> w;        // [n][k]
  std::vector<double> largest;  // [n][k], that the block's scale allows

  Weights(std::uint32_t outputs, std::uint32_t inputs, std::uint32_t inputs_of_block, bool is_nvfp4, unsigned seed)
      : n(outputs), k(inputs), block(is_nvfp4 ? 16 : inputs_of_block), nvfp4(is_nvfp4) {
    const std::size_t tiles = tiles_of(n);
    std::mt19937 random(seed);
    codes.resize(tiles * k * kTileLineBytes);
    f32_scales.resize(tiles * (k / block) * kTileOutputs);
    scales.resize(f32_scales.size());
    unit.resize(tiles * kTileOutputs);
    w.resize(std::size_t{n} * k);
    largest.resize(w.size());
    for (std::uint32_t o = 0; o < n; ++o) {
      const std::size_t tile = o / kTileOutputs;
      const std::uint32_t t = o % kTileOutputs;
      unit[o] = 0x1p-12f * static_cast<float>(1 + random() % 7);
      for (std::uint32_t i = 0; i < k; ++i) {
        const std::size_t of_block = (tile * (k / block) + i / block) * kTileOutputs;
        const std::size_t position = of_block + nvfp4_scale_position(t);
        if (i % block == 0) {
          f32_scales[of_block + t] = static_cast<float>(random() % 1000) * 0.01f;
          scales[position] = static_cast<std::uint16_t>(random() % 3 == 0 ? 32767 : random() % 32768);
        }
        const auto code = static_cast<std::uint8_t>(random() % 16);
        set_tile_code(codes.data() + (tile * k + i) * kTileLineBytes, t, code);
        const double scale =
            nvfp4 ? static_cast<double>(scales[position]) * unit[o] : static_cast<double>(f32_scales[of_block + t]);
        w[std::size_t{o} * k + i] = (nvfp4 ? kE2m1Doubles[code] : static_cast<double>(kNf4Levels[code])) * scale;
        largest[std::size_t{o} * k + i] = (nvfp4 ? 12.0 : 1.0) * scale;
      }
    }
  }

  std::vector<float> times(const std::vector<float>& x, std::uint32_t rows, std::size_t ldx, std::size_t ldy) const {
    std::vector<float> y(rows * ldy, 77.0f);
    if (nvfp4) {
      dense_nvfp4({n, k, codes.data(), scales.data(), unit.data()}, x.data(), rows, ldx, y.data(), ldy);
    } else {
      dense_nf4({n, k, block, codes.data(), f32_scales.data()}, x.data(), rows, ldx, y.data(), ldy);
    }
    return y;
  }
};

/// The units of the header, of the inputs of one row.
std::vector<double> units_of(const float* x, const Weights& w, bool alone) {
  const std::uint32_t block = alone ? w.block : 64;
  std::vector<double> units(w.k);
  for (std::uint32_t b = 0; b < w.k; b += block) {
    const std::uint32_t end = std::min(w.k, b + block);
    double unit = 0.0;
    for (std::uint32_t c = b; c < end; c += 8) {
      double sum = 0.0;
      double most = 0.0;
      for (std::uint32_t i = c; i < c + 8; ++i) {
        sum += std::abs(static_cast<double>(x[i]));
        most = std::max(most, std::abs(static_cast<double>(x[i])));
      }
      unit = std::max(unit, alone ? sum / 32760.0 : most / (w.nvfp4 ? 32767.0 : 16383.0));
    }
    std::fill(units.begin() + b, units.begin() + end, std::max(unit, 0x1p-126));
  }
  return units;
}

void expect_within_bounds(const Weights& w, const std::vector<float>& x, std::uint32_t rows, std::size_t ldx,
                          std::size_t ldy, const std::string& name) {
  const std::vector<float> y = w.times(x, rows, ldx, ldy);
  const bool alone = rows <= 3;
  for (std::uint32_t m = 0; m < rows; ++m) {
    const std::vector<double> units = units_of(x.data() + m * ldx, w, alone);
    for (std::uint32_t o = 0; o < w.n; ++o) {
      double sum = 0.0;
      double magnitude = 0.0;
      double bound = 0.0;
      for (std::uint32_t i = 0; i < w.k; ++i) {
        const std::size_t at = std::size_t{o} * w.k + i;
        const double product = w.w[at] * static_cast<double>(x[m * ldx + i]);
        sum += product;
        magnitude += std::abs(product);
        bound += units[i] * (alone ? 1.1 * w.largest[at] : w.nvfp4 ? 0.6 * std::abs(w.w[at]) : 1.6 * w.largest[at]);
      }
      bound += (w.k / 8.0 + 6.0) * 0x1p-24 * (magnitude + bound);
      ASSERT_LE(std::abs(y[m * ldy + o] - sum), bound) << name << " row " << m << " output " << o << ' ' << sum;
    }
    for (std::size_t t = w.n; t < ldy; ++t) ASSERT_EQ(y[m * ldy + t], 77.0f) << name;
  }
}

std::vector<float> random_x(std::uint32_t rows, std::size_t ldx, unsigned seed, float scale = 1.0f) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> x(rows * ldx);
  for (float& value : x) value = normal(random) * scale;
  return x;
}

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0);
}

/// Calls `body` for each instruction set, and for what is faster on some processors that have AVX-512.
void for_each_variant(const std::function<void(const std::string&)>& body) {
  for (const Isa isa : supported_isas()) {
    ASSERT_TRUE(set_isa_for_testing(isa));
    for (const bool vnni : {false, true}) {
      if (vnni && isa != Isa::avx512) continue;
      allow_vnni_for_testing(vnni);
      body(std::string(name_of(isa)) + (vnni ? " with vnni" : ""));
    }
  }
  allow_vnni_for_testing(true);
}

struct Shape {
  std::uint32_t n;
  std::uint32_t k;
  std::uint32_t block;
};
constexpr Shape kShapes[] = {{1, 16, 16},   {20, 0, 16},    {0, 64, 64},    {127, 32, 32}, {128, 64, 64},
                             {129, 48, 16}, {300, 192, 64}, {130, 208, 16}, {17, 160, 32}};

class Q4Dense : public ::testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(Formats, Q4Dense, ::testing::Values(false, true),
                         [](const auto& test) { return test.param ? "Nvfp4" : "Nf4"; });

TEST_P(Q4Dense, StaysWithinItsBoundsOfTheDoubleOracle) {
  unsigned seed = 0;
  for (const Shape& shape : kShapes) {
    const Weights w(shape.n, shape.k, shape.block, GetParam(), ++seed);
    for (const std::uint32_t rows : {0u, 1u, 2u, 3u, 4u, 7u, 16u, 17u}) {
      const std::size_t ldx = shape.k + 3;
      expect_within_bounds(w, random_x(rows, ldx, ++seed), rows, ldx, shape.n + 2,
                           std::to_string(shape.n) + "x" + std::to_string(shape.k));
    }
  }
}

TEST_P(Q4Dense, GivesTheSameBitsWithEveryInstructionSet) {
  unsigned seed = 0;
  for (const Shape& shape : kShapes) {
    const Weights w(shape.n, shape.k, shape.block, GetParam(), ++seed);
    for (const std::uint32_t rows : {1u, 3u, 4u, 5u, 17u, 131u}) {
      const std::vector<float> x = random_x(rows, shape.k, ++seed);
      std::vector<float> expected;
      for_each_variant([&](const std::string& name) {
        const std::vector<float> y = w.times(x, rows, shape.k, shape.n);
        if (expected.empty()) expected = y;
        ASSERT_TRUE(same_bits(y, expected)) << name << ' ' << shape.n << 'x' << shape.k << " rows " << rows;
      });
    }
  }
}

TEST_P(Q4Dense, GivesARowTheSameWhateverRowsAreBesideIt) {
  const Weights w(150, 128, 64, GetParam(), 1);
  const std::vector<float> x = random_x(140, w.k, 2);
  const std::size_t k = w.k;
  const std::size_t outputs = w.n;
  const auto rows = [&](std::uint32_t first, std::uint32_t n) {
    const auto begin = x.begin() + static_cast<std::ptrdiff_t>(first * k);
    return w.times({begin, begin + static_cast<std::ptrdiff_t>(n * k)}, n, k, outputs);
  };
  const auto expect_row = [&](const std::vector<float>& y, std::uint32_t at, const std::vector<float>& z,
                              std::uint32_t z_at) {
    EXPECT_EQ(std::memcmp(y.data() + at * outputs, z.data() + z_at * outputs, outputs * sizeof(float)), 0) << at;
  };
  const std::vector<float> three = rows(0, 3);
  for (std::uint32_t m = 0; m < 3; ++m) expect_row(three, m, rows(m, 1), 0);
  const std::vector<float> all = rows(0, 140);
  for (std::uint32_t m = 0; m + 7 <= 140; m += 5) {
    const std::vector<float> some = rows(m, 7);
    for (std::uint32_t r = 0; r < 7; ++r) expect_row(all, m + r, some, r);
  }
}

TEST_P(Q4Dense, GivesZerosForZeros) {
  const Weights w(130, 64, 32, GetParam(), 1);
  for_each_variant([&](const std::string& name) {
    for (const std::uint32_t rows : {1u, 5u}) {
      const std::vector<float> y = w.times(std::vector<float>(std::size_t{rows} * w.k), rows, w.k, w.n);
      EXPECT_EQ(y, std::vector<float>(std::size_t{rows} * w.n)) << name;
    }
  });
}

TEST_P(Q4Dense, HasNoTroubleWithHugeAndTinyNumbers) {
  const Weights w(130, 128, 64, GetParam(), 1);
  for (const float scale : {1e27f, 1e20f, 1e-20f, 1e-30f, 1e-37f, 1e-40f, 1e-45f}) {
    for (const std::uint32_t rows : {1u, 5u}) {
      const std::vector<float> x = random_x(rows, w.k, 3, scale);
      for_each_variant(
          [&](const std::string& name) { expect_within_bounds(w, x, rows, w.k, w.n, name + std::to_string(scale)); });
    }
  }
}

TEST_P(Q4Dense, KeepsSmallBlocksExactBesideLargeOnes) {
  const Weights w(130, 256, 64, GetParam(), 1);
  for (const std::uint32_t rows : {1u, 4u}) {
    std::vector<float> x = random_x(rows, w.k, 3);
    for (std::size_t i = 0; i < x.size(); ++i) x[i] *= i / 64 % 2 == 0 ? 1e6f : 1e-6f;
    x[70] = 1e-3f;  // an outlier in its block
    expect_within_bounds(w, x, rows, w.k, w.n, "mixed");
  }
}

TEST_P(Q4Dense, AnswersNanForARowThatHoldsNanOrInfinity) {
  const Weights w(130, 128, 64, GetParam(), 1);
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  for_each_variant([&](const std::string& name) {
    for (const float bad : {std::numeric_limits<float>::quiet_NaN(), kInfinity, -kInfinity}) {
      for (const std::uint32_t rows : {3u, 6u}) {
        const std::vector<float> good = random_x(rows, w.k, 4);
        std::vector<float> x = good;
        x[w.k + 77] = bad;
        const std::vector<float> expected = w.times(good, rows, w.k, w.n);
        const std::vector<float> y = w.times(x, rows, w.k, w.n);
        for (std::uint32_t m = 0; m < rows; ++m) {
          for (std::uint32_t o = 0; o < w.n; ++o) {
            if (m == 1) {
              ASSERT_TRUE(std::isnan(y[m * w.n + o])) << name;
            } else {
              ASSERT_EQ(y[m * w.n + o], expected[m * w.n + o]) << name;
            }
          }
        }
      }
    }
  });
}

TEST_P(Q4Dense, MayBeCalledFromSeveralThreads) {
  const Weights small(130, 64, 64, GetParam(), 1);
  const Weights large(260, 256, 64, GetParam(), 2);
  const std::vector<float> x = random_x(20, 256, 5);
  const auto both = [&] {
    std::vector<float> y = small.times(x, 20, 256, 130);
    const std::vector<float> more = large.times(x, 1, 256, 260);
    y.insert(y.end(), more.begin(), more.end());
    return y;
  };
  const std::vector<float> expected = both();
  std::vector<std::vector<float>> results(4);
  {
    std::vector<std::jthread> threads;
    threads.reserve(results.size());
    for (auto& result : results) threads.emplace_back([&both, &result] { result = both(); });
  }
  for (const auto& result : results) EXPECT_EQ(result, expected);
}

}  // namespace
}  // namespace neuract::kernels
