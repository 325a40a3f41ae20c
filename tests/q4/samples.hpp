#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

namespace neuract::q4 {

/// n draws of N(0, sd^2).
inline std::vector<float> normal_sample(std::size_t n, std::uint64_t seed, float sd = 1.0f) {
  std::mt19937_64 engine(seed);
  std::normal_distribution<float> normal(0.0f, sd);
  std::vector<float> x(n);
  for (float& value : x) value = normal(engine);
  return x;
}

}  // namespace neuract::q4
