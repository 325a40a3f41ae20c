#pragma once

#include <cstdint>
#include <vector>

namespace neuract::kernels {

/// Poisson numbers by Walker's alias method: one 32-bit random word, one table look-up and one comparison per draw,
/// whatever the mean.
///
/// The table holds 2^bits columns; a column is a threshold in its upper 32 - bits bits and an alias in its lower bits.
/// Probabilities are rounded to multiples of 2^-32; counts with less than half of that are left out. Source: Walker
/// 1977, ACM Trans. Math. Softw. 3:253; Vose 1991, IEEE Trans. Softw. Eng. 17:972.
class PoissonTable {
 public:
  /// `mean` per draw, finite and not negative. Uses no library functions, so that tables are the same on every machine.
  explicit PoissonTable(double mean);

  std::int32_t draw(std::uint32_t word) const noexcept {
    const std::uint32_t column = word >> (32 - bits_);
    const std::uint32_t entry = entries_[column];
    const std::uint32_t fraction = word & ((1u << (32 - bits_)) - 1u);
    return first_ + static_cast<std::int32_t>(fraction < (entry >> bits_) ? column : entry & ((1u << bits_) - 1u));
  }

  std::uint32_t bits() const noexcept { return bits_; }
  std::int32_t first() const noexcept { return first_; }  ///< smallest count
  std::int32_t largest() const noexcept { return largest_; }
  const std::uint32_t* entries() const noexcept { return entries_.data(); }

 private:
  std::uint32_t bits_ = 5;
  std::int32_t first_ = 0;
  std::int32_t largest_ = 0;
  std::vector<std::uint32_t> entries_;
};

}  // namespace neuract::kernels
