#include "neuract/kernels/matmul.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace neuract::kernels {
namespace {

struct Matrix {
  std::size_t rows;
  std::size_t cols;
  std::size_t stride;
  std::vector<float> data;
  Matrix(std::size_t n, std::size_t m, std::size_t extra, unsigned seed)
      : rows(n), cols(m), stride(m + extra), data(n * stride + 1, 77.0f) {
    std::mt19937 random(seed);
    std::normal_distribution<float> normal;
    for (std::size_t i = 0; i < rows; ++i)
      for (std::size_t j = 0; j < cols; ++j) at(i, j) = normal(random);
  }
  float& at(std::size_t i, std::size_t j) { return data[i * stride + j]; }
  float at(std::size_t i, std::size_t j) const { return data[i * stride + j]; }
};

/// Sums of `terms` products, each rounded a few times, in any order.
double tolerance(double magnitude, std::size_t terms) { return static_cast<double>(terms + 2) * 0x1p-24 * magnitude; }

/// c = before + Σ_l a(i, l) · b(l, j)
template <class A, class B>
void expect_product(const Matrix& c, const Matrix* before, std::size_t inner, A a, B b) {
  for (std::size_t i = 0; i < c.rows; ++i) {
    for (std::size_t j = 0; j < c.cols; ++j) {
      double sum = before != nullptr ? before->at(i, j) : 0.0;
      double magnitude = std::abs(sum);
      for (std::size_t l = 0; l < inner; ++l) {
        sum += static_cast<double>(a(i, l)) * b(l, j);
        magnitude += std::abs(static_cast<double>(a(i, l)) * b(l, j));
      }
      ASSERT_NEAR(c.at(i, j), sum, tolerance(magnitude, inner)) << i << ' ' << j;
    }
    for (std::size_t j = c.cols; j < c.stride; ++j) ASSERT_EQ(c.at(i, j), 77.0f);
  }
}

class Matmul : public ::testing::TestWithParam<std::array<std::size_t, 3>> {};

TEST_P(Matmul, AgreesWithTheDoubleOracleInEachDirection) {
  const auto [m, n, k] = GetParam();
  const Matrix x(m, k, 3, 1), w(n, k, 5, 2), dy(m, n, 1, 3);
  Matrix y(m, n, 2, 4), dx(m, k, 4, 5), dw(n, k, 7, 6);
  const Matrix before = dw;
  if (m != 0 && n != 0) y.at(0, 0) = std::numeric_limits<float>::quiet_NaN();  // what was there does not count
  matmul(x.data.data(), x.stride, w.data.data(), w.stride, y.data.data(), y.stride, m, n, k);
  matmul_input_gradient(dy.data.data(), dy.stride, w.data.data(), w.stride, dx.data.data(), dx.stride, m, n, k);
  matmul_weight_gradient(dy.data.data(), dy.stride, x.data.data(), x.stride, dw.data.data(), dw.stride, m, n, k);
  expect_product(
      y, nullptr, k, [&](auto i, auto l) { return x.at(i, l); }, [&](auto l, auto j) { return w.at(j, l); });
  expect_product(
      dx, nullptr, n, [&](auto i, auto l) { return dy.at(i, l); }, [&](auto l, auto j) { return w.at(l, j); });
  expect_product(
      dw, &before, m, [&](auto i, auto l) { return dy.at(l, i); }, [&](auto l, auto j) { return x.at(l, j); });
}

INSTANTIATE_TEST_SUITE_P(
    Sizes, Matmul,
    ::testing::Values(std::array<std::size_t, 3>{0, 5, 7}, std::array<std::size_t, 3>{5, 0, 7},
                      std::array<std::size_t, 3>{5, 7, 0}, std::array<std::size_t, 3>{1, 1, 1},
                      std::array<std::size_t, 3>{1, 65, 129}, std::array<std::size_t, 3>{2, 33, 17},
                      std::array<std::size_t, 3>{17, 129, 64}, std::array<std::size_t, 3>{64, 100, 300}),
    [](const auto& test) {
      return std::to_string(test.param[0]) + "x" + std::to_string(test.param[1]) + "x" + std::to_string(test.param[2]);
    });

TEST(Matmul, MayBeCalledFromSeveralThreads) {
  const Matrix x(16, 200, 0, 1), w(90, 200, 0, 2);
  Matrix expected(16, 90, 0, 3);
  matmul(x.data.data(), 200, w.data.data(), 200, expected.data.data(), 90, 16, 90, 200);
  std::vector<Matrix> results(4, Matrix(16, 90, 0, 4));
  {
    std::vector<std::jthread> threads;
    threads.reserve(results.size());
    for (Matrix& y : results)
      threads.emplace_back([&x, &w, &y] {
        for (int i = 0; i < 20; ++i) matmul(x.data.data(), 200, w.data.data(), 200, y.data.data(), 90, 16, 90, 200);
      });
  }
  for (const Matrix& y : results) EXPECT_EQ(y.data, expected.data);
}

}  // namespace
}  // namespace neuract::kernels
