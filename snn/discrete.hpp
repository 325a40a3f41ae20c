#pragma once

#include <cstdint>

/// Exact integer draws from one uniform number, by inversion that starts at the mode: time grows with the standard
/// deviation. The same bits everywhere. Probabilities are accurate to about 1e-12 (Loader 2000, "Fast and accurate
/// computation of binomial probabilities").
namespace neuract::snn {

/// Successes in n trials of probability p; 0 <= p <= 1, 0 < u < 1.
std::uint64_t draw_binomial(std::uint64_t n, double p, double u) noexcept;

/// Good ones among `draws` taken without replacement from `good` + `bad`; draws <= good + bad, 0 < u < 1.
std::uint64_t draw_hypergeometric(std::uint64_t draws, std::uint64_t good, std::uint64_t bad, double u) noexcept;

/// log(1 - p), also for small p; 0 < p < 1.
double log_of_complement(double p) noexcept;

}  // namespace neuract::snn
