#include "neuract/kernels/q4_integer_rows.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

#include "neuract/kernels/isa.hpp"
#include "neuract/kernels/q4_codes.hpp"
#include "neuract/kernels/q4_tiles.hpp"

namespace neuract::kernels {
namespace {

/// Random codes; scales that are multiples of a unit below 256, or any E4M3 numbers.
struct Case {
  Case(std::uint32_t targets, std::uint32_t sources, bool wide, unsigned seed) : n(targets), k(sources) {
    std::mt19937 random(seed);
    const std::size_t tiles = tiles_of(n);
    codes.resize(k * tiles * 64);
    for (auto& byte : codes) byte = static_cast<std::uint8_t>(random());
    scales.resize(k * tiles * 8);
    // From 16 to 448, an E4M3 number is a multiple of 2 and at most 224 of them.
    for (auto& bits : scales) bits = static_cast<std::uint8_t>(wide ? random() % 0x7f : 0x58 + random() % 0x27);
    for (const auto bits : scales) multiples.push_back(static_cast<std::uint8_t>(e4m3_magnitude(bits) / 2.0f));
  }

  [[nodiscard]] double weight(std::uint32_t source, std::uint32_t target) const {
    const std::size_t line = source * tiles_of(n) + target / 128;
    const std::uint32_t t = target % 128;
    const int code = codes[line * 64 + 4 * (t % 16) + t / 32] >> (t / 16 % 2 * 4) & 0xf;
    return kE2m1Doubles[code] * double{e4m3_magnitude(scales[line * 8 + integer_scale_position(t / 16)])} *
           double{unit};
  }
  [[nodiscard]] Nvfp4IntegerRows with_multiples() const {
    return {n, k, codes.data(), multiples.data(), nullptr, 1, unit};
  }
  [[nodiscard]] Nvfp4IntegerRows with_scales() const { return {n, k, codes.data(), nullptr, scales.data(), 0, unit}; }

  std::uint32_t n, k;
  float unit = 0.013f;
  std::vector<std::uint8_t> codes, scales, multiples;
};

struct Lists {
  Lists(std::uint32_t rows, std::uint32_t k, double activity, unsigned seed) {
    std::mt19937 random(seed);
    for (std::uint32_t row = 0; row < rows; ++row) {
      for (std::uint32_t i = 0; i < k; ++i) {
        if (std::bernoulli_distribution(activity)(random)) ids.push_back(i);
      }
      offsets.push_back(static_cast<std::uint32_t>(ids.size()));
    }
  }
  [[nodiscard]] ActiveLists view() const {
    return {offsets.data(), ids.data(), static_cast<std::uint32_t>(offsets.size()) - 1};
  }
  std::vector<std::uint32_t> offsets = {0};
  std::vector<std::uint32_t> ids;
};

class IntegerRows : public ::testing::Test {
 protected:
  ~IntegerRows() override { set_isa_for_testing(active_); }

 private:
  Isa active_ = active_isa();
};

TEST_F(IntegerRows, SumAsADoubleWouldOnEveryInstructionSet) {
  const Case none(200, 10, false, 1);
  rows_nvfp4(none.with_multiples(), {nullptr, nullptr, 0}, nullptr, 200);
  for (const std::uint32_t n : {1u, 15u, 16u, 127u, 128u, 129u, 300u}) {
    for (const std::uint32_t rows : {0u, 1u, 3u}) {
      for (const double activity : {0.0, 0.1, 1.0}) {
        const Case w(n, 77, false, n);
        const Lists active(rows, w.k, activity, n + rows);
        for (const Isa isa : supported_isas()) {
          set_isa_for_testing(isa);
          std::vector<float> y(std::size_t{rows} * n + 1, -7.0f);
          rows_nvfp4(w.with_multiples(), active.view(), y.data(), n);
          EXPECT_EQ(y.back(), -7.0f) << "beyond the last row";
          std::vector<float> same(y.size(), -7.0f);
          rows_nvfp4(w.with_scales(), active.view(), same.data(), n);
          EXPECT_EQ(y, same) << "with any scales";
          for (std::uint32_t row = 0; row < rows; ++row) {
            for (std::uint32_t t = 0; t < n; ++t) {
              double sum = 0.0;
              for (std::uint32_t i = active.offsets[row]; i < active.offsets[row + 1]; ++i)
                sum += w.weight(active.ids[i], t);
              ASSERT_NEAR(y[row * n + t], sum, 1.2e-7 * std::abs(sum))
                  << name_of(isa) << ", target " << t << " of " << n;
            }
          }
        }
      }
    }
  }
}

TEST_F(IntegerRows, AddWhatTheyWouldStoreInWholeNumbers) {
  const Case w(200, 300, false, 1);
  const Lists active(5, w.k, 0.2, 2);
  constexpr float kScale = 16.0f;
  std::vector<float> y(5 * 200);
  rows_nvfp4(w.with_multiples(), active.view(), y.data(), 200);
  for (const Isa isa : supported_isas()) {
    set_isa_for_testing(isa);
    for (const auto& rows : {w.with_multiples(), w.with_scales()}) {
      std::vector<std::int32_t> sums(5 * 200 + 1, 1000);
      std::vector<std::int32_t*> pointers;
      for (std::size_t row = 0; row < 5; ++row) pointers.push_back(sums.data() + row * 200);
      add_rows_nvfp4(rows, active.view(), kScale, pointers.data());
      for (std::size_t i = 0; i < y.size(); ++i)
        ASSERT_EQ(sums[i], 1000 + static_cast<std::int32_t>(std::lrint(y[i] * kScale))) << name_of(isa);
      EXPECT_EQ(sums.back(), 1000);
    }
  }
}

TEST_F(IntegerRows, TakeTheLargestScalesAndCodesOfManySources) {
  Case w(128, 1000, false, 3);
  std::fill(w.codes.begin(), w.codes.end(), std::uint8_t{0xf7});  // 12 and -12
  std::fill(w.multiples.begin(), w.multiples.end(), std::uint8_t{255});
  const Lists active(1, w.k, 1.0, 4);
  for (const Isa isa : supported_isas()) {
    set_isa_for_testing(isa);
    std::vector<float> y(128);
    rows_nvfp4({128, 1000, w.codes.data(), w.multiples.data(), nullptr, 0, 1.0f}, active.view(), y.data(), 128);
    for (std::uint32_t t = 0; t < 128; ++t) ASSERT_EQ(y[t], (t / 16 % 2 == 0 ? 12.0f : -12.0f) * 255.0f * 1000.0f);
  }
}

TEST_F(IntegerRows, SumScalesThatAreFarApartExactly) {
  const Case w(130, 64, true, 5);
  const Lists active(2, w.k, 0.5, 6);
  std::vector<float> y(2 * 130);
  rows_nvfp4(w.with_scales(), active.view(), y.data(), 130);
  for (std::uint32_t row = 0; row < 2; ++row) {
    for (std::uint32_t t = 0; t < 130; ++t) {
      double sum = 0.0;
      for (std::uint32_t i = active.offsets[row]; i < active.offsets[row + 1]; ++i) sum += w.weight(active.ids[i], t);
      ASSERT_NEAR(y[row * 130 + t], sum, 1.2e-7 * std::abs(sum));
    }
  }
}

}  // namespace
}  // namespace neuract::kernels
