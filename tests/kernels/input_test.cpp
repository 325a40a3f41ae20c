#include "neuract/kernels/input.hpp"

#include <gtest/gtest.h>

#include <numeric>
#include <vector>

#include "neuract/kernels/isa.hpp"
#include "neuract/kernels/philox.hpp"

namespace neuract::kernels {
namespace {

class AddPoisson : public ::testing::TestWithParam<double> {
 protected:
  void TearDown() override { set_isa_for_testing(supported_isas().back()); }
};

TEST_P(AddPoisson, GivesTheNumbersOfItsDefinitionWithEveryInstructionSet) {
  constexpr std::uint32_t kMostBlocks = 3, kMostSteps = 5, kFirstBlock = 9, kOffset = 128;
  const PoissonTable table(GetParam()), other(2.0);
  std::vector<std::int32_t> codes(kOffset + kMostBlocks * kBlock);
  std::iota(codes.begin(), codes.end(), -70);
  const std::vector<std::vector<PoissonInput>> lists = {
      {},
      {{&table, 42, 7, nullptr}},
      {{&table, 5, 0, codes.data()}},
      {{&other, 43, -3, nullptr}, {&table, ~0ull, 1 << 14, nullptr}, {&other, 1ull << 63, 1, codes.data()}}};
  for (const Isa isa : supported_isas()) {
    ASSERT_TRUE(set_isa_for_testing(isa));
    for (const auto& list : lists) {
      for (const std::uint64_t step : {std::uint64_t{0}, std::uint64_t{12345}, (std::uint64_t{7} << 32) - 2}) {
        for (std::uint32_t n_blocks = 0; n_blocks <= kMostBlocks; ++n_blocks) {
          for (std::uint32_t n_steps = 0; n_steps <= kMostSteps; ++n_steps) {
            std::vector<std::vector<std::int32_t>> sums(n_steps, std::vector<std::int32_t>(n_blocks * kBlock + 1, -5));
            std::vector<std::vector<std::int32_t>> expected = sums;
            std::vector<std::int32_t*> rows;
            for (auto& row : sums) rows.push_back(row.data());
            input_kernels().add_poisson(list.data(), static_cast<std::uint32_t>(list.size()),
                                        {kFirstBlock, kOffset, n_blocks, n_steps, step, rows.data()});
            for (std::uint32_t s = 0; s < n_steps; ++s) {
              for (std::uint32_t n = 0; n < n_blocks * kBlock; ++n) {
                for (const PoissonInput& g : list) {
                  const std::uint32_t k = n % kBlock;
                  const auto words = philox_block(g.key, 16 * (kFirstBlock + n / kBlock) + k % 16,
                                                  static_cast<std::uint32_t>(step + s),
                                                  static_cast<std::uint32_t>((step + s) >> 32), 0);
                  expected[s][n] += g.table->draw(words[k / 16]) * (g.codes ? g.codes[kOffset + n] : g.code);
                }
              }
            }
            EXPECT_EQ(sums, expected) << name_of(isa) << ", " << n_blocks << " blocks, " << n_steps << " steps";
          }
        }
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(TablesOfAllSizes, AddPoisson, ::testing::Values(0.0, 1e-4, 2.0, 6.0, 12.0, 50.0, 1e4),
                         [](const auto& test) { return "Mean" + std::to_string(static_cast<int>(test.param * 1e4)); });

}  // namespace
}  // namespace neuract::kernels
