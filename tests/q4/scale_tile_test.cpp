#include "neuract/q4/scale_tile.hpp"

#include <gtest/gtest.h>

#include <cstddef>
#include <vector>

namespace neuract::q4 {
namespace {

TEST(ScaleTile, OneTileHoldsFourBlocksOf128OutputsWithGroupsOf32Interleaved) {
  // Within a tile: 32 rows of 16 bytes; row o % 32 holds the 4 blocks of outputs o, o + 32, o + 64 and o + 96.
  EXPECT_EQ(scale_tile_offset(0, 0, 4), 0u);
  EXPECT_EQ(scale_tile_offset(0, 3, 4), 3u);
  EXPECT_EQ(scale_tile_offset(1, 0, 4), 16u);
  EXPECT_EQ(scale_tile_offset(31, 0, 4), 496u);
  EXPECT_EQ(scale_tile_offset(32, 0, 4), 4u);
  EXPECT_EQ(scale_tile_offset(127, 3, 4), 511u);
}

TEST(ScaleTile, TilesOfTheSameOutputsFollowEachOther) {
  EXPECT_EQ(scale_tile_offset(0, 4, 8), 512u);
  EXPECT_EQ(scale_tile_offset(128, 0, 8), 1024u);
  EXPECT_EQ(scale_tile_offset(128, 0, 5), 1024u);  // five blocks are padded to eight
  EXPECT_EQ(scale_tiles_bytes(1, 1), 512u);
  EXPECT_EQ(scale_tiles_bytes(129, 5), 256u * 8);
  EXPECT_EQ(scale_tiles_bytes(0, 5), 0u);
}

TEST(ScaleTile, EveryScaleHasItsOwnByteInsideThePaddedArray) {
  for (const std::size_t outputs : {1, 127, 128, 129, 300}) {
    for (const std::size_t blocks : {1, 3, 4, 5, 16}) {
      std::vector<int> uses(scale_tiles_bytes(outputs, blocks));
      for (std::size_t o = 0; o < outputs; ++o)
        for (std::size_t i = 0; i < blocks; ++i) ++uses.at(scale_tile_offset(o, i, blocks));
      std::size_t used = 0;
      for (const int count : uses) {
        EXPECT_LE(count, 1);
        used += static_cast<std::size_t>(count);
      }
      EXPECT_EQ(used, outputs * blocks);
    }
  }
}

TEST(ScaleTile, IsTheLayoutThatAReshapeAndTwoTransposesMake) {
  // The same by the reference's other wording: view as [row tiles, 4, 32, column tiles, 4], and order as
  // [row tiles, column tiles, 32, 4, 4].
  constexpr std::size_t kOutputs = 256, kBlocks = 12;
  std::size_t offset = 0;
  for (std::size_t row_tile = 0; row_tile < kOutputs / 128; ++row_tile)
    for (std::size_t column_tile = 0; column_tile < kBlocks / 4; ++column_tile)
      for (std::size_t row = 0; row < 32; ++row)
        for (std::size_t group = 0; group < 4; ++group)
          for (std::size_t column = 0; column < 4; ++column)
            EXPECT_EQ(scale_tile_offset(row_tile * 128 + group * 32 + row, column_tile * 4 + column, kBlocks),
                      offset++);
}

}  // namespace
}  // namespace neuract::q4
