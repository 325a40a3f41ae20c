#include "neuract/q4/linear.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "neuract/kernels/convert.hpp"
#include "neuract/kernels/isa.hpp"
#include "neuract/memory/system.hpp"
#include "neuract/q4/e4m3.hpp"
#include "neuract/q4/nf4.hpp"
#include "neuract/q4/nvfp4.hpp"
#include "samples.hpp"

namespace neuract::q4 {
namespace {

using kernels::SpikeBits;
using memory::BFloat16;
using memory::ConstTensor;
using memory::DType;
using memory::Float16;
using memory::Tensor;
using testing::AllOf;
using testing::HasSubstr;

constexpr Format kBoth[] = {Format::nf4, Format::nvfp4};

Tensor tensor_of(const std::vector<float>& values, const memory::Dims& shape) {
  return Tensor::from(std::span<const float>(values), shape).value();
}

QuantizedWeight sample_weight(Format format, std::int64_t n, std::int64_t k, std::uint64_t seed = 1) {
  return quantize(tensor_of(normal_sample(static_cast<std::size_t>(n * k), seed), {n, k}), format).value();
}

template <class T>
std::string message(const Result<T>& result) {
  return result ? "" : result.error().message;
}
template <class T>
ErrorCode code(const Result<T>& result) {
  return result ? ErrorCode::internal : result.error().code;
}

/// Rows of f32, f16 or bf16 from f32, and back.
Tensor rounded(const std::vector<float>& values, const memory::Dims& shape, DType dtype) {
  Tensor tensor = Tensor::zeros(dtype, shape).value();
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (dtype == DType::f32) reinterpret_cast<float*>(tensor.data())[i] = values[i];
    if (dtype == DType::f16) reinterpret_cast<Float16*>(tensor.data())[i] = kernels::to_f16(values[i]);
    if (dtype == DType::bf16) reinterpret_cast<BFloat16*>(tensor.data())[i] = kernels::to_bf16(values[i]);
  }
  return tensor;
}
std::vector<float> widened(const ConstTensor& tensor) {
  std::vector<float> values(static_cast<std::size_t>(tensor.size()));
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (tensor.dtype() == DType::f32) values[i] = reinterpret_cast<const float*>(tensor.data())[i];
    if (tensor.dtype() == DType::f16) values[i] = kernels::to_f32(reinterpret_cast<const Float16*>(tensor.data())[i]);
    if (tensor.dtype() == DType::bf16) values[i] = kernels::to_f32(reinterpret_cast<const BFloat16*>(tensor.data())[i]);
  }
  return values;
}

enum class Path { kernel, spikes, matmul };

/// What a layer must give, in double, and how far from it each path may be.
struct Oracle {
  std::size_t n, k;
  std::vector<double> weight;
  std::vector<double> largest;  ///< weight that the scale of the place allows
  std::vector<double> bias;

  Oracle(const QuantizedWeight& w, const std::vector<float>& b = {})
      : n(static_cast<std::size_t>(w.out_features)),
        k(static_cast<std::size_t>(w.in_features)),
        weight(n * k),
        largest(n * k) {
    const auto codes = w.codes.span<std::uint8_t>().value();
    for (std::size_t i = 0; i < weight.size(); ++i) {
      if (w.format == Format::nf4) {
        largest[i] = double{w.scales.span<float>().value()[i / w.block]};
        weight[i] = double{nf4::kLevels[code_at<nf4::kTraits.order>(codes.data(), i)]} * largest[i];
      } else {
        const double scale = double{decode_e4m3(w.scales.span<Float8E4M3>().value()[i / 16])} * double{w.global};
        largest[i] = 6.0 * scale;
        weight[i] = double{nvfp4::decode_e2m1(code_at<nvfp4::kTraits.order>(codes.data(), i))} * scale;
      }
    }
    bias.assign(b.begin(), b.end());
    bias.resize(n, 0.0);
  }

  struct Answer {
    double value;
    double error;
  };

  /// `rows` is how many there are in the call.
  Answer at(const std::vector<float>& x, std::size_t rows, std::size_t row, std::size_t o, Path path) const {
    double value = bias[o], magnitude = std::abs(bias[o]), reach = 0.0, most = 0.0, eight = 0.0;
    for (std::size_t i = 0; i < k; ++i) {
      const double xi = double{x[row * k + i]};
      value += weight[o * k + i] * xi;
      magnitude += std::abs(weight[o * k + i] * xi);
      reach += std::abs(largest[o * k + i]);
      most = std::max(most, std::abs(xi));
      if (i % 8 == 0) eight = 0.0;
      eight += std::abs(xi);
      if (rows < 4) most = std::max(most, eight);
    }
    const double sums = static_cast<double>(k) / 16 + 7;  // the last one is the bias
    switch (path) {
      // The table of kernels/q4_dense.hpp, with the unit of the whole row.
      case Path::kernel:
        return {value, (rows < 4 ? 1.1 / 32760 : 1.6 / 16383) * most * reach + sums * 0x1p-24 * magnitude};
      // NVFP4 sums are exact but for two roundings; NF4 adds up levels rounded to 2^-24 and one f32 sum a block.
      case Path::spikes: return {value, 1e-6 * magnitude};
      // k products, each rounded twice, summed in any order: √k is what random signs leave of (k + 2) · 2^-24.
      case Path::matmul: return {value, 4.0 * std::sqrt(static_cast<double>(k) + 4.0) * 0x1p-24 * magnitude};
    }
    return {};
  }
};

/// `rounding` is that of the result's type, by its value; 2^-24 is the distance of the subnormals of f16.
void expect_near(const Oracle& oracle, const std::vector<float>& x, const std::vector<float>& y, std::size_t rows,
                 Path path, double rounding = 0.0) {
  for (std::size_t r = 0; r < rows; ++r)
    for (std::size_t o = 0; o < oracle.n; ++o) {
      const auto answer = oracle.at(x, rows, r, o, path);
      const double tolerance = answer.error + rounding * std::abs(answer.value) + (rounding > 0 ? 0x1p-24 : 0);
      ASSERT_NEAR(y[r * oracle.n + o], answer.value, tolerance) << "row " << r << ", output " << o;
    }
}

double rounding_of(DType dtype) { return dtype == DType::f32 ? 0.0 : dtype == DType::f16 ? 0x1.1p-11 : 0x1.1p-8; }

struct Spikes {
  std::vector<std::uint64_t> words;
  std::uint32_t rows;
  std::uint32_t stride;
  std::vector<float> dense;

  Spikes(std::uint32_t m, std::int64_t k, double activity, std::uint32_t extra = 0)
      : rows(m), stride(static_cast<std::uint32_t>((k + 63) / 64) + extra), dense(m * static_cast<std::size_t>(k)) {
    std::mt19937_64 engine(m * 1000 + static_cast<std::uint64_t>(k));
    std::bernoulli_distribution spikes(activity);
    words.resize(std::max<std::size_t>(1, std::size_t{m} * stride));
    for (std::size_t r = 0; r < m; ++r)
      for (std::size_t i = 0; i < static_cast<std::size_t>(k); ++i)
        if (spikes(engine)) {
          words[r * stride + i / 64] |= std::uint64_t{1} << (i % 64);
          dense[r * static_cast<std::size_t>(k) + i] = 1.0f;
        }
  }
  [[nodiscard]] SpikeBits bits() const { return {words.data(), rows, stride}; }
};

Q4Session session_with(ComputePath path = ComputePath::kernel_only) {
  return Q4Session::create({.policy = {.compute_path = path}}).value();
}

class LinearShapes : public testing::TestWithParam<std::tuple<Format, ComputePath>> {};
INSTANTIATE_TEST_SUITE_P(Q4, LinearShapes,
                         testing::Combine(testing::ValuesIn(kBoth),
                                          testing::Values(ComputePath::kernel_only, ComputePath::dequant_matmul_only)));

TEST_P(LinearShapes, GiveWhatTheOracleSaysForAllSizesAndBatches) {
  const auto [format, path] = GetParam();
  const bool kernels_only = path == ComputePath::kernel_only;
  const Q4Session session = session_with(path);
  for (const std::int64_t k : {16, 64, 784, 1024})
    for (const std::int64_t n : {1, 127, 130}) {
      const QuantizedWeight weight = sample_weight(format, n, k);
      const auto bias = normal_sample(static_cast<std::size_t>(n), 5);
      Q4Linear linear = Q4Linear::create(session, k, n, tensor_of(bias, {n})).value();
      ASSERT_TRUE(linear.prepare_weight(weight));
      const Oracle oracle(weight, bias);
      for (const std::uint32_t m : {0u, 1u, 2u, 7u, 16u, 128u, 1024u}) {
        if (m == 1024 && k * n > 784 * 127) continue;  // seconds of oracle
        SCOPED_TRACE(testing::Message() << m << " x " << k << " -> " << n);
        const auto x = normal_sample(m * static_cast<std::size_t>(k), m + 2);
        const Tensor y = Tensor::zeros(DType::f32, {m, n}).value();
        ASSERT_TRUE(linear.forward(tensor_of(x, {m, k}), y));
        expect_near(oracle, x, widened(y), m, kernels_only ? Path::kernel : Path::matmul);

        const Spikes spikes(m, k, m % 2 == 0 ? 0.05 : 0.3);
        ASSERT_TRUE(linear.forward_spikes(spikes.bits(), y));
        expect_near(oracle, spikes.dense, widened(y), m, kernels_only ? Path::spikes : Path::matmul);
      }
    }
}

TEST_P(LinearShapes, TakeAndGiveEveryTypeOfActivation) {
  const auto [format, path] = GetParam();
  const bool kernels_only = path == ComputePath::kernel_only;
  const Q4Session session = session_with(path);
  const std::int64_t n = 130, k = 208;
  const QuantizedWeight weight = sample_weight(format, n, k);
  for (const DType bias_type : {DType::f32, DType::f16, DType::bf16}) {
    const Tensor bias = rounded(normal_sample(130, 3), {n}, bias_type);
    Q4Linear linear = Q4Linear::create(session, k, n, bias).value();
    ASSERT_TRUE(linear.prepare_weight(weight));
    const Oracle oracle(weight, widened(bias));
    for (const DType in : {DType::f32, DType::f16, DType::bf16})
      for (const DType out : {DType::f32, DType::f16, DType::bf16})
        for (const std::int64_t m : {0, 1, 3, 130, 257}) {
          SCOPED_TRACE(testing::Message() << name_of(in) << " -> " << name_of(out) << ", " << m);
          const Tensor x = rounded(normal_sample(static_cast<std::size_t>(m * k), 4), {m, k}, in);
          const Tensor y = Tensor::zeros(out, {m, n}).value();
          ASSERT_TRUE(linear.forward(x, y));
          expect_near(oracle, widened(x), widened(y), static_cast<std::size_t>(m),
                      kernels_only ? Path::kernel : Path::matmul, rounding_of(out));
          const Spikes spikes(static_cast<std::uint32_t>(m), k, 0.1);
          ASSERT_TRUE(linear.forward_spikes(spikes.bits(), y));
          expect_near(oracle, spikes.dense, widened(y), static_cast<std::size_t>(m),
                      kernels_only ? Path::spikes : Path::matmul, rounding_of(out));
        }
  }
}

TEST(Linear, TakesRowsThatAreApartAndWritesNothingBetween) {
  const Q4Session session = session_with();
  for (const Format format : kBoth) {
    const QuantizedWeight weight = sample_weight(format, 33, 48);
    Q4Linear linear = Q4Linear::create(session, 48, 33).value();
    ASSERT_TRUE(linear.prepare_weight(weight));
    const auto all = normal_sample(5 * 60, 1);
    const Tensor x = tensor_of(all, {5, 60}).slice(1, 3, 51).value();
    std::vector<float> packed;
    for (std::size_t r = 0; r < 5; ++r)
      packed.insert(packed.end(), all.begin() + static_cast<std::ptrdiff_t>(r * 60 + 3),
                    all.begin() + static_cast<std::ptrdiff_t>(r * 60 + 51));
    for (const DType out : {DType::f32, DType::bf16}) {
      const Tensor wide = rounded(std::vector<float>(5 * 40, 7.0f), {5, 40}, out);
      ASSERT_TRUE(linear.forward(x, wide.slice(1, 2, 35).value()));
      const auto y = widened(wide);
      std::vector<float> inside;
      for (std::size_t r = 0; r < 5; ++r)
        for (std::size_t o = 0; o < 40; ++o) {
          if (o >= 2 && o < 35)
            inside.push_back(y[r * 40 + o]);
          else
            EXPECT_EQ(y[r * 40 + o], 7.0f);
        }
      expect_near(Oracle(weight), packed, inside, 5, Path::kernel, rounding_of(out));
    }
    const Spikes spikes(5, 48, 0.4, 3);
    const Tensor y = Tensor::zeros(DType::f32, {5, 33}).value();
    ASSERT_TRUE(linear.forward_spikes(spikes.bits(), y));
    expect_near(Oracle(weight), spikes.dense, widened(y), 5, Path::spikes);
  }
}

TEST(Linear, GivesARowTheSameBitsInEveryBatchOfFourOrMore) {
  const Q4Session session = session_with();
  for (const Format format : kBoth) {
    Q4Linear linear = Q4Linear::create(session, 80, 33).value();
    ASSERT_TRUE(linear.prepare_weight(sample_weight(format, 33, 80)));
    const Tensor x = rounded(normal_sample(259 * 80, 1), {259, 80}, DType::bf16);
    const Tensor whole = Tensor::zeros(DType::f32, {259, 33}).value();
    ASSERT_TRUE(linear.forward(tensor_of(widened(x), {259, 80}), whole));
    // Half floats are converted and computed part by part; no part is smaller than four rows.
    for (const std::int64_t m : {4, 127, 128, 129, 130, 131, 132, 257, 259}) {
      const Tensor y = Tensor::zeros(DType::f32, {m, 33}).value();
      ASSERT_TRUE(linear.forward(x.slice(0, 0, m).value(), y));
      EXPECT_EQ(widened(y), widened(whole.slice(0, 0, m).value())) << m;
    }
  }
}

TEST(Linear, TakesOneSampleWithoutABatch) {
  const Q4Session session = session_with();
  const QuantizedWeight weight = sample_weight(Format::nvfp4, 20, 32);
  Q4Linear linear = Q4Linear::create(session, 32, 20).value();
  ASSERT_TRUE(linear.prepare_weight(weight));
  const auto x = normal_sample(32, 1);
  const Tensor y = Tensor::zeros(DType::f32, {20}).value();
  ASSERT_TRUE(linear.forward(tensor_of(x, {32}), y));
  expect_near(Oracle(weight), x, widened(y), 1, Path::kernel);
  ASSERT_TRUE(linear.forward_spikes(Spikes(1, 32, 0.5).bits(), y));
  const Tensor batch = Tensor::zeros(DType::f32, {1, 20}).value();
  EXPECT_EQ(message(linear.forward(tensor_of(x, {32}), batch)),
            "y has shape [1, 20] for x of shape [32]; expected [20]");
}

TEST(Linear, GivesTheSameBitsForSpikesOnEveryInstructionSet) {
  const Q4Session session = session_with();
  const kernels::Isa before = kernels::active_isa();
  for (const Format format : kBoth) {
    Q4Linear linear = Q4Linear::create(session, 784, 130).value();
    ASSERT_TRUE(linear.prepare_weight(sample_weight(format, 130, 784)));
    const Spikes spikes(9, 784, 0.1);
    std::vector<std::vector<float>> results;
    for (const kernels::Isa isa : kernels::supported_isas()) {
      ASSERT_TRUE(kernels::set_isa_for_testing(isa));
      const Tensor y = Tensor::zeros(DType::f32, {9, 130}).value();
      ASSERT_TRUE(linear.forward_spikes(spikes.bits(), y));
      results.push_back(widened(y));
    }
    for (const auto& result : results) EXPECT_EQ(result, results.front());
  }
  kernels::set_isa_for_testing(before);
}

TEST(Linear, RefusesLayersThatCannotBe) {
  const Q4Session session = session_with();
  EXPECT_EQ(message(Q4Linear::create(session, 0, 3)),
            "a layer with 0 inputs and 3 outputs; expected 1 to 1073741824 of each");
  EXPECT_EQ(code(Q4Linear::create(session, 4, -1)), ErrorCode::invalid_argument);
  const auto with_bias = [&](const ConstTensor& bias) { return message(Q4Linear::create(session, 16, 3, bias)); };
  EXPECT_EQ(with_bias(Tensor::zeros(DType::f32, {1, 3}).value()), "the bias has shape [1, 3]; expected [3]");
  EXPECT_EQ(with_bias(Tensor::zeros(DType::f32, {4}).value()),
            "the bias has shape [4]; expected 3 elements in the last dimension");
  EXPECT_EQ(with_bias(Tensor::zeros(DType::f64, {3}).value()), "the bias is of type f64; expected f32, f16 or bf16");
  EXPECT_EQ(with_bias(Tensor::zeros(DType::f32, {6}).value().slice(0, 0, 6, 2).value()),
            "the bias has shape [3] and strides [2]; expected rows that are contiguous and do not overlap");
}

TEST(Linear, ChecksEverythingBeforeAnyKernel) {
  const Q4Session session = session_with();
  Q4Linear linear = Q4Linear::create(session, 32, 20).value();
  const auto zeros = [](DType dtype, const memory::Dims& shape) { return Tensor::zeros(dtype, shape).value(); };
  const Tensor x = zeros(DType::f32, {4, 32});
  const Tensor y = zeros(DType::f32, {4, 20});
  const auto refused = [&](const ConstTensor& from, const Tensor& to) {
    const auto result = linear.forward(from, to);
    EXPECT_EQ(code(result), ErrorCode::invalid_argument);
    return message(result);
  };

  EXPECT_EQ(code(linear.forward(x, y)), ErrorCode::not_found);
  EXPECT_EQ(message(linear.forward(x, y)), "no weight is prepared in this layer; prepare_weight comes before forward");
  EXPECT_EQ(code(linear.forward_spikes(Spikes(4, 32, 0.1).bits(), y)), ErrorCode::not_found);
  ASSERT_TRUE(linear.prepare_weight(sample_weight(Format::nf4, 20, 32)));
  ASSERT_TRUE(linear.forward(x, y));

  // Rank and shape.
  EXPECT_EQ(refused(zeros(DType::f32, {2, 2, 32}), y),
            "x has shape [2, 2, 32], of rank 3; expected [rows, 32] or [32]");
  EXPECT_EQ(refused(zeros(DType::f32, {}), y), "x has shape [], of rank 0; expected [rows, 32] or [32]");
  EXPECT_EQ(refused(zeros(DType::f32, {4, 31}), y), "x has shape [4, 31]; expected 32 elements in the last dimension");
  EXPECT_EQ(refused(x, zeros(DType::f32, {4, 21})), "y has shape [4, 21]; expected 20 elements in the last dimension");
  EXPECT_EQ(refused(x, zeros(DType::f32, {3, 20})), "y has shape [3, 20] for x of shape [4, 32]; expected [4, 20]");
  EXPECT_EQ(refused(x, zeros(DType::f32, {20})), "y has shape [20] for x of shape [4, 32]; expected [4, 20]");
  // Type.
  EXPECT_EQ(refused(zeros(DType::i8, {4, 32}), y), "x is of type i8; expected f32, f16 or bf16");
  EXPECT_EQ(refused(x, zeros(DType::f64, {4, 20})), "y is of type f64; expected f32, f16 or bf16");
  // Strides.
  EXPECT_EQ(refused(zeros(DType::f32, {32, 4}).transpose(0, 1).value(), y),
            "x has shape [4, 32] and strides [1, 4]; expected rows that are contiguous and do not overlap");
  const auto overlapping = [&](std::int64_t rows, std::int64_t columns) {
    const Tensor memory = zeros(DType::f32, {200});
    return Tensor::wrap(memory.data(), DType::f32, {rows, columns}, {8, 1}, memory.owner()).value();
  };
  EXPECT_EQ(refused(overlapping(4, 32), y),
            "x has shape [4, 32] and strides [8, 1]; expected rows that are contiguous and do not overlap");
  EXPECT_THAT(refused(x, overlapping(4, 20)), HasSubstr("y has shape [4, 20] and strides [8, 1]"));
  // Placement.
  const memory::Placement far{memory::MemoryKind::device, {memory::DeviceKind::cuda, 0}};
  EXPECT_EQ(refused(Tensor::wrap(x.data(), DType::f32, {4, 32}, {}, x.owner(), far).value(), y),
            "x is in device memory of cuda:0; this backend computes on the CPU, which cannot reach it");
  EXPECT_THAT(refused(x, Tensor::wrap(y.data(), DType::f32, {4, 20}, {}, y.owner(), far).value()),
              HasSubstr("y is in device memory of cuda:0"));
  // Overlap.
  const Tensor both = zeros(DType::f32, {8, 32});
  EXPECT_EQ(refused(both.slice(0, 0, 4).value(), both.slice(0, 3, 7).value().slice(1, 0, 20).value()),
            "y overlaps x in memory; expected two arrays of their own");
  EXPECT_TRUE(linear.forward(both.slice(0, 0, 4).value(), both.slice(0, 4, 8).value().slice(1, 0, 20).value()));
}

TEST(Linear, ChecksSpikesBeforeAnyKernel) {
  const Q4Session session = session_with();
  Q4Linear linear = Q4Linear::create(session, 80, 20).value();
  ASSERT_TRUE(linear.prepare_weight(sample_weight(Format::nf4, 20, 80)));
  const Tensor y = Tensor::zeros(DType::f32, {4, 20}).value();
  const auto refused = [&](const SpikeBits& spikes, const Tensor& to) {
    const auto result = linear.forward_spikes(spikes, to);
    EXPECT_EQ(code(result), ErrorCode::invalid_argument);
    return message(result);
  };
  Spikes spikes(4, 80, 0.1);
  ASSERT_TRUE(linear.forward_spikes(spikes.bits(), y));
  EXPECT_EQ(refused({nullptr, 4, 2}, y), "there are 4 rows of spikes without an address");
  const auto* odd = reinterpret_cast<const std::byte*>(spikes.words.data()) + 4;
  EXPECT_THAT(refused({reinterpret_cast<const std::uint64_t*>(odd), 1, 2}, y.slice(0, 0, 1).value()),
              HasSubstr("which is not aligned to their 64-bit words"));
  EXPECT_EQ(refused({spikes.words.data(), 4, 1}, y), "rows of spikes are 1 words apart; 80 inputs take 2");
  EXPECT_EQ(refused({spikes.words.data(), 3, 2}, y), "y has shape [4, 20] for 3 rows of spikes; expected [3, 20]");
  EXPECT_THAT(refused(spikes.bits(), Tensor::zeros(DType::i32, {4, 20}).value()), HasSubstr("y is of type i32"));
  const Tensor own = Tensor::wrap(spikes.words.data(), DType::f32, {4, 20}, {0, 0}, nullptr).value_or(Tensor());
  EXPECT_THAT(refused(spikes.bits(), own), HasSubstr("expected rows that are contiguous"));
  std::vector<std::uint64_t> shared(50);
  EXPECT_EQ(refused({shared.data(), 4, 2}, Tensor::wrap(shared.data() + 7, DType::f32, {4, 20}, {}, nullptr).value()),
            "y overlaps the spikes in memory; expected two arrays of their own");
  spikes.words[2 * 2 + 1] |= std::uint64_t{1} << 16;
  EXPECT_EQ(refused(spikes.bits(), y), "row 2 of the spikes has a bit past input 79; those must be zero");
}

TEST(Linear, TakesOneWeightOnceAndSaysSo) {
  const Q4Session session = session_with();
  Q4Linear linear = Q4Linear::create(session, 64, 8).value();
  const QuantizedWeight weight = sample_weight(Format::nf4, 8, 64, 1);
  EXPECT_EQ(code(linear.diagnostics()), ErrorCode::not_found);
  EXPECT_EQ(linear.weight_bytes(), 0u);
  EXPECT_EQ(message(linear.prepare_weight(sample_weight(Format::nf4, 9, 64))),
            "the weight is [9, 64]; expected [8, 64], as the layer was created");
  QuantizedWeight broken = weight;
  broken.block = 48;
  EXPECT_EQ(code(linear.prepare_weight(broken)), ErrorCode::invalid_argument);

  ASSERT_TRUE(linear.prepare_weight(weight));
  EXPECT_TRUE(linear.prepare_weight(weight));
  EXPECT_TRUE(linear.prepare_weight(sample_weight(Format::nf4, 8, 64, 1))) << "the same numbers elsewhere";
  EXPECT_EQ(linear.weight_bytes(), 64u * 64 + 128 * 4);
  for (const auto& other : {sample_weight(Format::nf4, 8, 64, 2), sample_weight(Format::nvfp4, 8, 64, 1)}) {
    EXPECT_EQ(code(linear.prepare_weight(other)), ErrorCode::already_exists);
    EXPECT_THAT(message(linear.prepare_weight(other)), HasSubstr("replace_weight takes a new one"));
  }

  const auto x = normal_sample(64, 1);
  const Tensor y = Tensor::zeros(DType::f32, {8}).value();
  const QuantizedWeight next = sample_weight(Format::nvfp4, 8, 64, 2);
  ASSERT_TRUE(linear.replace_weight(next));
  ASSERT_TRUE(linear.forward(tensor_of(x, {64}), y));
  expect_near(Oracle(next), x, widened(y), 1, Path::kernel);
  EXPECT_EQ(linear.diagnostics().value().backend, Backend::cpu_nvfp4);
  EXPECT_FALSE(linear.replace_weight(broken));
  EXPECT_EQ(linear.diagnostics().value().backend, Backend::cpu_nvfp4) << "on an error the weight stays";
}

TEST(Linear, LetsGoOfTheSourceOfItsWeight) {
  for (const ComputePath path : {ComputePath::kernel_only, ComputePath::dequant_matmul_only}) {
    const Q4Session session = session_with(path);
    Q4Linear linear = Q4Linear::create(session, 64, 8).value();
    QuantizedWeight weight = sample_weight(Format::nf4, 8, 64);
    const std::weak_ptr<void> codes = weight.codes.owner();
    const std::weak_ptr<void> scales = weight.scales.owner();
    bool gone_when_told = false;
    ASSERT_FALSE(codes.expired());
    ASSERT_TRUE(linear.prepare_weight(std::move(weight)));
    gone_when_told = codes.expired() && scales.expired();
    EXPECT_TRUE(gone_when_told);
  }
}

TEST(Linear, FallsBackAndSaysWhy) {
  // 100 inputs are blocks of 4: no kernel takes them.
  const QuantizedWeight weight = sample_weight(Format::nf4, 9, 100);
  std::vector<Diagnostics> told;
  const Q4Session session =
      Q4Session::create({.policy = {}, .on_diagnostics = [&](const Diagnostics& d) { told.push_back(d); }}).value();
  Q4Linear linear = Q4Linear::create(session, 100, 9).value();
  ASSERT_TRUE(linear.prepare_weight(weight));
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].format, Format::nf4);
  EXPECT_EQ(told[0].backend, Backend::cpu_dequant_matmul);
  EXPECT_EQ(told[0].compute_path, Execution::dequant_matmul);
  EXPECT_THAT(told[0].fallback_reason,
              AllOf(HasSubstr("cuda_nf4: the device plugin is not loaded"), HasSubstr("cpu_nf4: nf4 with 100 inputs")));
  EXPECT_FALSE(told[0].native_load_state.loaded);
  EXPECT_EQ(linear.diagnostics().value().to_string(), told[0].to_string());
  EXPECT_EQ(linear.weight_bytes(), 9u * 100 * 4);

  const auto x = normal_sample(300, 1);
  const Tensor y = Tensor::zeros(DType::f32, {3, 9}).value();
  ASSERT_TRUE(linear.forward(tensor_of(x, {3, 100}), y));
  expect_near(Oracle(weight), x, widened(y), 3, Path::matmul);

  const Q4Session strict = session_with(ComputePath::kernel_only);
  Q4Linear kernel = Q4Linear::create(strict, 100, 9).value();
  const auto refused = kernel.prepare_weight(weight);
  EXPECT_EQ(code(refused), ErrorCode::unsupported);
  EXPECT_THAT(message(refused), AllOf(HasSubstr("kernel_only"), HasSubstr("nf4 with 100 inputs")));
}

TEST(Linear, SaysHowItComputesOnEveryPath) {
  struct Row {
    Format format;
    ComputePath path;
    Backend backend;
    Execution execution;
  };
  for (const Row& row :
       {Row{Format::nf4, ComputePath::kernel_only, Backend::cpu_nf4, Execution::kernel},
        Row{Format::nf4, ComputePath::kernel_or_fallback, Backend::cpu_nf4, Execution::kernel},
        Row{Format::nf4, ComputePath::dequant_matmul_only, Backend::cpu_dequant_matmul, Execution::dequant_matmul},
        Row{Format::nvfp4, ComputePath::kernel_or_fallback, Backend::cpu_nvfp4, Execution::kernel},
        Row{Format::nvfp4, ComputePath::dequant_matmul_only, Backend::cpu_dequant_matmul, Execution::dequant_matmul}}) {
    const Q4Session session = session_with(row.path);
    Q4Linear linear = Q4Linear::create(session, 32, 4).value();
    ASSERT_TRUE(linear.prepare_weight(sample_weight(row.format, 4, 32)));
    const Diagnostics diagnostics = linear.diagnostics().value();
    EXPECT_EQ(diagnostics.format, row.format);
    EXPECT_EQ(diagnostics.backend, row.backend);
    EXPECT_EQ(diagnostics.compute_path, row.execution);
    EXPECT_EQ(diagnostics.fallback_reason, "") << "nothing that was wanted could not be had";
    EXPECT_FALSE(diagnostics.native_load_state.loaded);
    EXPECT_NE(diagnostics.native_load_state.reason, "");
  }
}

TEST(Linear, PassesOverBackendsThatAreAnnouncedWithoutFunctions) {
  Capability capability = probe_capability();
  capability[Backend::cuda_nf4] = {true, ""};
  const QuantizedWeight weight = sample_weight(Format::nf4, 4, 32);
  const Q4Session session = Q4Session::create({}, capability).value();
  Q4Linear linear = Q4Linear::create(session, 32, 4).value();
  ASSERT_TRUE(linear.prepare_weight(weight));
  EXPECT_EQ(linear.diagnostics().value().backend, Backend::cpu_nf4);

  const Q4Session strict = Q4Session::create({.policy = {.backend = "cuda_nf4"}}, capability).value();
  Q4Linear named = Q4Linear::create(strict, 32, 4).value();
  ASSERT_TRUE(named.prepare_weight(weight));
  EXPECT_EQ(named.diagnostics().value().fallback_reason, "cuda_nf4: its functions are not part of this version");
}

TEST(Linear, NeitherLeaksNorGrows) {
  const Q4Session session = session_with(ComputePath::kernel_or_fallback);
  Q4Linear linear = Q4Linear::create(session, 64, 40, tensor_of(normal_sample(40, 1), {40})).value();
  const std::vector<QuantizedWeight> weights = {sample_weight(Format::nf4, 40, 64),
                                                sample_weight(Format::nvfp4, 40, 64)};
  const Tensor x = rounded(normal_sample(4 * 64, 1), {4, 64}, DType::bf16);
  const Tensor y = Tensor::zeros(DType::f16, {4, 40}).value();
  const Spikes spikes(4, 64, 0.05);
  const auto once = [&](std::size_t i) {
    ASSERT_TRUE(linear.replace_weight(weights[i % 2]));
    ASSERT_TRUE(linear.forward(x, y));
    ASSERT_TRUE(linear.forward_spikes(spikes.bits(), y));
    Q4Linear other = Q4Linear::create(session, 64, 40).value();
    ASSERT_TRUE(other.prepare_weight(weights[i / 2 % 2]));
  };
  for (std::size_t i = 0; i < 500; ++i) once(i);
  [[maybe_unused]] const std::uint64_t resident = memory::current_rss_bytes();
  const memory::AllocatorUsage usage = memory::host_allocator().usage();
  for (std::size_t i = 0; i < 10'000; ++i) once(i);
  EXPECT_EQ(memory::host_allocator().usage().live_bytes, usage.live_bytes);
  EXPECT_EQ(memory::host_allocator().usage().live_blocks, usage.live_blocks);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // which keep freed memory for a while
  // 53 bytes lost in each round would be more.
  EXPECT_LE(memory::current_rss_bytes(), resident + (std::uint64_t{1} << 19)) << memory::format_bytes(resident);
#endif
}

}  // namespace
}  // namespace neuract::q4
