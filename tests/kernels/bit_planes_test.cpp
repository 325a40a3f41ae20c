#include "neuract/kernels/bit_planes.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "neuract/kernels/isa.hpp"
#include "neuract/memory/host_array.hpp"

namespace neuract::kernels {
namespace {

/// Random rows, a target with this probability.
struct Rows {
  memory::HostArray<std::uint64_t> words;
  BitRows rows;
  std::vector<std::vector<std::uint32_t>> targets;

  Rows(std::uint32_t n_rows, std::uint32_t n_targets, double density, std::mt19937& random) : targets(n_rows) {
    rows.targets = n_targets;
    rows.words = (n_targets + kBitRowAlignment - 1) / kBitRowAlignment * (kBitRowAlignment / 64);
    words = memory::HostArray<std::uint64_t>::zeros(std::size_t{n_rows} * rows.words).value();
    rows.bits = words.data();
    std::bernoulli_distribution connected(density);
    for (std::uint32_t row = 0; row < n_rows; ++row) {
      for (std::uint32_t t = 0; t < n_targets; ++t) {
        if (!connected(random)) continue;
        targets[row].push_back(t);
        const std::uint32_t bit = bit_of_target(t);
        words.data()[std::size_t{row} * rows.words + bit / 64] |= std::uint64_t{1} << (bit % 64);
      }
    }
  }
};

/// For every instruction set: adds `n_active` rows of `n_rows`, and extra counts, and compares with a loop over lists.
void check(std::uint32_t n_rows, std::uint32_t n_targets, double density, std::size_t n_active, std::int32_t code) {
  std::mt19937 random(n_targets + static_cast<std::uint32_t>(n_active));
  const Rows rows(n_rows, n_targets, density, random);
  std::uniform_int_distribution<std::uint32_t> any(0, n_rows - 1);
  std::vector<std::uint32_t> active(n_active);
  for (std::uint32_t& row : active) row = any(random);
  constexpr std::int32_t kGuard = 0x7eadbeef;
  std::vector<std::int32_t> before(n_targets + 64, kGuard);
  for (std::uint32_t t = 0; t < n_targets; ++t) before[t] = static_cast<std::int32_t>(t * 77) - 100000;
  const std::vector<std::uint8_t> none(std::size_t{64} * rows.rows.words);
  for (const bool with_extra : {false, true}) {
    std::vector<std::uint8_t> extra = none;
    for (std::uint32_t t = 0; t < n_targets && n_active > 0; ++t)
      extra[bit_of_target(t)] = static_cast<std::uint8_t>(t % 7 % (256 - n_active));
    std::vector<std::int32_t> expected = before;
    for (const std::uint32_t row : active) {
      for (const std::uint32_t t : rows.targets[row]) expected[t] += code;
    }
    for (std::uint32_t t = 0; t < n_targets && with_extra; ++t) expected[t] += extra[bit_of_target(t)] * code;
    for (const Isa isa : supported_isas()) {
      ASSERT_TRUE(set_isa_for_testing(isa));
      std::vector<std::int32_t> sums = before;
      std::vector<std::uint8_t> counts = extra;
      bit_plane_kernels().add_rows(rows.rows, {active.data(), active.size()}, {active.data(), active.size()},
                                   with_extra ? counts.data() : nullptr, code, sums.data());
      EXPECT_EQ(sums, expected) << name_of(isa) << ", " << n_targets << " targets, " << n_active << " rows";
      EXPECT_EQ(counts, with_extra ? none : extra);
    }
  }
  set_isa_for_testing(supported_isas().back());
}

TEST(BitPlanes, GiveEveryTargetABitOfItsOwn) {
  std::set<std::uint32_t> bits;
  for (std::uint32_t t = 0; t < 1024; ++t) {
    EXPECT_EQ(bit_of_target(t) / 64, t / 64);
    EXPECT_EQ(target_of_bit(bit_of_target(t)), t);
    bits.insert(bit_of_target(t));
  }
  EXPECT_EQ(bits.size(), 1024u);
  EXPECT_EQ(*bits.rbegin(), 1023u);
}

TEST(BitPlanes, AddWhatListsAddForAnyNumberOfTargets) {
  for (const std::uint32_t targets :
       {0u, 1u, 15u, 16u, 63u, 64u, 65u, 127u, 128u, 129u, 255u, 256u, 257u, 511u, 512u, 513u, 1000u, 1024u, 1025u})
    for (const std::size_t active : {0u, 1u, 3u, 40u}) check(50, targets, 0.3, active, -12345);
}

TEST(BitPlanes, AddWhatListsAddForAnyNumberOfRows) {
  for (std::size_t active = 0; active < 70; ++active) check(100, 700, 0.1, active, 3);
  for (const std::size_t active : {127u, 128u, 129u, 200u, 254u, 255u}) check(100, 700, 0.1, active, 1 << 20);
}

TEST(BitPlanes, CountUpToTheNumberOfRows) {
  for (const std::size_t active : {1u, 2u, 7u, 8u, 15u, 16u, 17u, 31u, 32u, 63u, 64u, 255u}) {
    check(3, 513, 1.0, active, 1);
    check(3, 513, 0.97, active, -1);
  }
}

}  // namespace
}  // namespace neuract::kernels
