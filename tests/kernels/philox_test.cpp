#include "neuract/kernels/philox.hpp"

#include <Random123/philox.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "neuract/kernels/isa.hpp"

namespace neuract::kernels {
namespace {

using Block = std::array<std::uint32_t, 4>;

// The vectors of Random123's kat_vectors for "philox4x32 10".
TEST(Philox, GivesThePublishedKnownAnswers) {
  EXPECT_EQ(philox_block(0, 0, 0, 0, 0), (Block{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox_block(~0ull, ~0u, ~0u, ~0u, ~0u), (Block{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox_block(0x299f31d0'a4093822ull, 0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344),
            (Block{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Philox, FillsGroupsInTheDocumentedOrderOnEveryInstructionSet) {
  const Isa before = active_isa();
  for (const Isa isa : supported_isas()) {
    ASSERT_TRUE(set_isa_for_testing(isa));
    for (const std::size_t groups : {0u, 1u, 2u, 3u, 17u}) {
      for (const std::uint32_t first : {0u, 5u, 0xfffffff0u, 0xfffffff7u}) {
        const std::uint64_t key = 0x0123456789abcdefull + groups;
        std::vector<std::uint32_t> words(groups * kPhiloxGroupWords + 1, 0xabababab);
        philox_fill(words.data(), groups * kPhiloxGroupBlocks, key, 7, 0xffffffff, 0x80000001, first);
        for (std::size_t block = 0; block < groups * kPhiloxGroupBlocks; ++block) {
          const auto expected =
              r123::Philox4x32()({{first + static_cast<std::uint32_t>(block), 7, 0xffffffff, 0x80000001}},
                                 {{0x89abcdef + static_cast<std::uint32_t>(groups), 0x01234567}});
          for (std::size_t w = 0; w < 4; ++w) {
            ASSERT_EQ(words[64 * (block / 16) + 16 * w + block % 16], expected[w])
                << name_of(isa) << " groups " << groups << " first " << first << " block " << block << " word " << w;
          }
        }
        EXPECT_EQ(words.back(), 0xabababab) << "written past the end";
      }
    }
  }
  set_isa_for_testing(before);
}

TEST(Isa, NamesRoundTripAndUnsupportedOnesAreRefused) {
  ASSERT_FALSE(supported_isas().empty());
  EXPECT_EQ(supported_isas().front(), Isa::base);
  for (const Isa isa : {Isa::base, Isa::avx2, Isa::avx512}) EXPECT_EQ(parse_isa(name_of(isa)), isa);
  EXPECT_FALSE(parse_isa("AVX2"));
  EXPECT_FALSE(parse_isa(""));
  const Isa before = active_isa();
  for (const Isa isa : {Isa::base, Isa::avx2, Isa::avx512}) {
    const bool supported = isa <= supported_isas().back();
    EXPECT_EQ(set_isa_for_testing(isa), supported);
    EXPECT_EQ(active_isa() == isa, supported);
  }
  set_isa_for_testing(before);
}

// The choice is made once per process, so each case has one of its own.
TEST(IsaDeathTest, TheEnvironmentLowersTheChoiceAndBadNamesAreReported) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto exit_with = [](const char* name, Isa expected) {
    ::setenv("NEURACT_ISA", name, 1);
    std::exit(active_isa() == expected && active_isa() == expected ? 0 : 1);
  };
  const Isa best = supported_isas().back();
  EXPECT_EXIT(exit_with("base", Isa::base), testing::ExitedWithCode(0), "^$");
  EXPECT_EXIT(exit_with("", best), testing::ExitedWithCode(0), "^$");
  EXPECT_EXIT(exit_with("sse9", best), testing::ExitedWithCode(0),
              "^neuract: NEURACT_ISA=sse9 is not an instruction set; using [a-z0-9]+ \\(possible here: base[^\n]*\n$");
}

}  // namespace
}  // namespace neuract::kernels
