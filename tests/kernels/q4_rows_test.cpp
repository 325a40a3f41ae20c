#include "neuract/kernels/q4_rows.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <vector>

#include "neuract/kernels/isa.hpp"
#include "neuract/kernels/q4_codes.hpp"

namespace neuract::kernels {
namespace {

/// All three representations of a matrix of k sources and n targets, with the codes in the open.
struct Rows {
  std::uint32_t n;
  std::uint32_t k;
  std::uint32_t block;
  std::vector<std::uint8_t> code;  // [k][n]
  std::vector<std::uint8_t> lines;
  std::vector<float> nf4_scales;
  std::size_t stride;
  std::vector<float> weights;

  Rows(std::uint32_t targets, std::uint32_t sources, std::uint32_t targets_of_block, unsigned seed)
      : n(targets), k(sources), block(targets_of_block), stride(targets + 5) {
    std::mt19937 random(seed);
    const std::size_t tiles = tiles_of(n);
    code.resize(std::size_t{k} * n);
    lines.resize(k * tiles * kTileLineBytes);
    nf4_scales.resize(k * tiles * kTileOutputs / block);
    weights.resize(k * stride);
    for (float& scale : nf4_scales) scale = static_cast<float>(random() % 1000) * 0.001f;
    for (float& weight : weights) weight = static_cast<float>(random() % 2001) * 0.01f - 10.0f;
    for (std::size_t s = 0; s < k; ++s) {
      for (std::uint32_t t = 0; t < n; ++t) {
        code[s * n + t] = static_cast<std::uint8_t>(random() % 16);
        set_tile_code(lines.data() + (s * tiles + t / kTileOutputs) * kTileLineBytes, t % kTileOutputs,
                      code[s * n + t]);
      }
    }
  }

  enum class Kind { nf4, f32 };

  float weight(Kind kind, std::size_t s, std::uint32_t t) const {
    const std::size_t tiles = tiles_of(n);
    const std::uint8_t c = code[s * n + t];
    switch (kind) {
      case Kind::nf4: return kNf4Levels[c] * nf4_scales[s * (tiles * kTileOutputs / block) + t / block];
      case Kind::f32: break;
    }
    return weights[s * stride + t];
  }

  std::vector<float> sums(Kind kind, const ActiveLists& active, std::size_t ldy) const {
    std::vector<float> y(active.rows * ldy, 77.0f);
    switch (kind) {
      case Kind::nf4: rows_nf4({n, k, block, lines.data(), nf4_scales.data()}, active, y.data(), ldy); break;
      case Kind::f32: rows_f32({n, k, weights.data(), stride}, active, y.data(), ldy); break;
    }
    return y;
  }

  /// The definition, in f32, one target at a time.
  std::vector<float> oracle(Kind kind, const ActiveLists& active, std::size_t ldy) const {
    std::vector<float> y(active.rows * ldy, 77.0f);
    for (std::uint32_t m = 0; m < active.rows; ++m) {
      for (std::uint32_t t = 0; t < n; ++t) {
        float sum = 0.0f;
        for (std::uint32_t a = active.offsets[m]; a < active.offsets[m + 1]; ++a) sum += weight(kind, active.ids[a], t);
        y[m * ldy + t] = sum;
      }
    }
    return y;
  }
};

struct Lists {
  std::vector<std::uint32_t> offsets = {0};
  std::vector<std::uint32_t> ids;
  void add_row(const std::vector<std::uint32_t>& row) {
    ids.insert(ids.end(), row.begin(), row.end());
    offsets.push_back(static_cast<std::uint32_t>(ids.size()));
  }
  ActiveLists view() const { return {offsets.data(), ids.data(), static_cast<std::uint32_t>(offsets.size() - 1)}; }
};

std::vector<std::uint32_t> some_of(std::uint32_t k, std::uint32_t count, std::mt19937& random) {
  std::vector<std::uint32_t> all(k);
  for (std::uint32_t i = 0; i < k; ++i) all[i] = i;
  std::shuffle(all.begin(), all.end(), random);
  all.resize(std::min(k, count));
  std::sort(all.begin(), all.end());
  return all;
}

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0);
}

class Q4Rows : public ::testing::TestWithParam<Rows::Kind> {
 protected:
  void TearDown() override { set_isa_for_testing(supported_isas().back()); }
};
INSTANTIATE_TEST_SUITE_P(Formats, Q4Rows, ::testing::Values(Rows::Kind::nf4, Rows::Kind::f32),
                         [](const auto& test) { return test.param == Rows::Kind::nf4 ? "Nf4" : "F32"; });

TEST_P(Q4Rows, GivesTheBitsOfItsDefinitionWithEveryInstructionSet) {
  std::mt19937 random(1);
  for (const std::uint32_t n : {1u, 15u, 16u, 17u, 64u, 127u, 128u, 129u, 300u, 1000u}) {
    for (const std::uint32_t block : {64u, 128u}) {
      const Rows w(n, 70, block, n + block);
      for (const std::uint32_t rows : {0u, 1u, 3u, 17u}) {
        Lists lists;
        for (std::uint32_t m = 0; m < rows; ++m) lists.add_row(some_of(w.k, m * 5 % 71, random));
        const std::vector<float> expected = w.oracle(GetParam(), lists.view(), n + 3);
        for (const Isa isa : supported_isas()) {
          ASSERT_TRUE(set_isa_for_testing(isa));
          const std::vector<float> y = w.sums(GetParam(), lists.view(), n + 3);
          ASSERT_TRUE(same_bits(y, expected)) << name_of(isa) << " n " << n << " rows " << rows;
        }
      }
    }
  }
}

TEST_P(Q4Rows, ReadsEachRowBetweenItsOffsets) {
  const Rows w(130, 20, 64, 3);
  Lists lists;
  for (const auto& row : {std::vector<std::uint32_t>{1, 2}, {}, {0, 19}, {7}}) lists.add_row(row);
  ActiveLists later = lists.view();
  later.offsets += 2;  // the last two rows
  later.rows = 2;
  EXPECT_EQ(w.sums(GetParam(), later, 130), w.oracle(GetParam(), later, 130));
  EXPECT_TRUE(w.sums(GetParam(), {nullptr, nullptr, 0}, 130).empty());
}

TEST_P(Q4Rows, WritesZerosWhereNothingIsActive) {
  const Rows w(200, 10, 64, 4);
  Lists lists;
  lists.add_row({});
  lists.add_row({});
  EXPECT_EQ(w.sums(GetParam(), lists.view(), 200), std::vector<float>(400));
}

}  // namespace
}  // namespace neuract::kernels
