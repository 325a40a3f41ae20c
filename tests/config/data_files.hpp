#pragma once

#include <stdlib.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "neuract/kernels/convert.hpp"
#include "neuract/q4/checkpoint/checkpoint.hpp"
#include "neuract/q4/checkpoint/safetensors_writer.hpp"
#include "neuract/q4/weight.hpp"

/// Weights and images for tests, small and the same every time. What fails here throws.
namespace neuract::config::test {

namespace fs = std::filesystem;

/// A directory of its own, gone at the end.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string name = (fs::temp_directory_path() / "neuract-config-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  ~TemporaryDirectory() { fs::remove_all(path_); }

  [[nodiscard]] const fs::path& path() const noexcept { return path_; }

 private:
  fs::path path_;
};

/// Between -1 and 1, in no order that a test should know; each is exact in bf16.
inline std::vector<float> some_weights(std::int64_t rows, std::int64_t columns, std::uint32_t seed = 1) {
  std::vector<float> w;
  std::uint32_t state = seed * 2654435761U;
  for (std::int64_t i = 0; i < rows * columns; ++i) {
    state = state * 1664525U + 1013904223U;
    w.push_back((static_cast<float>(state >> 25) - 63.5f) / 64.0f);
  }
  return w;
}

inline memory::Tensor some_tensor(std::int64_t rows, std::int64_t columns, std::uint32_t seed = 1) {
  return memory::Tensor::from<float>(some_weights(rows, columns, seed), {rows, columns}).value();
}

/// A file with
///   fc1.weight  f32 [32, 64], and in 4 bits as fc1_nf4 (bitsandbytes), fc1_nvfp4 (torchao)
///   fc2.weight  bf16 [10, 32]
///   odd.weight  f32 [10, 33], a width that NVFP4 does not have
///   bias        f32 [10]
///   broken      a bitsandbytes layer whose parts do not fit
inline void write_weights(const fs::path& path) {
  using memory::DType;
  std::vector<q4::NamedTensor> tensors;
  const auto store = [&](const std::string& name, q4::Format format, q4::Family family) {
    const auto weight = q4::quantize(some_tensor(32, 64), format).value();
    const auto stored = q4::store(name, weight, {.family = family}).value();
    tensors.insert(tensors.end(), stored.tensors.begin(), stored.tensors.end());
  };
  tensors.push_back({"fc1.weight", some_tensor(32, 64)});
  store("fc1_nf4.weight", q4::Format::nf4, q4::Family::bitsandbytes);
  store("fc1_nvfp4.weight", q4::Format::nvfp4, q4::Family::torchao);
  std::vector<memory::BFloat16> fc2;
  for (const float w : some_weights(10, 32, 2)) fc2.push_back(kernels::to_bf16(w));
  tensors.push_back({"fc2.weight", memory::Tensor::from<memory::BFloat16>(fc2, {10, 32}).value()});
  tensors.push_back({"odd.weight", some_tensor(10, 33)});
  tensors.push_back({"bias", memory::Tensor::zeros(DType::f32, {10}).value()});
  tensors.push_back({"broken.weight", memory::Tensor::zeros(DType::u8, {1024, 1}).value()});
  tensors.push_back({"broken.weight.absmax", memory::Tensor::zeros(DType::f32, {31}).value()});
  tensors.push_back({"broken.weight.nested_absmax", memory::Tensor::zeros(DType::f32, {1}).value()});
  q4::write_safetensors(path, tensors).value();
}

/// An IDX file of bytes.
inline void write_idx(const fs::path& path, const std::vector<std::uint32_t>& shape,
                      const std::vector<std::uint8_t>& data) {
  std::ofstream out(path, std::ios::binary);
  out.write("\0\0\x08", 3);
  out.put(static_cast<char>(shape.size()));
  for (const std::uint32_t n : shape) {
    for (int shift = 24; shift >= 0; shift -= 8) out.put(static_cast<char>(n >> shift & 0xff));
  }
  for (const std::uint8_t byte : data) out.put(static_cast<char>(byte));
}

/// Images of 8 by 8 pixels, image i with brightness in its pixels from 4i on, and their labels 0, 1, … 9, 0, …
inline void write_images(const fs::path& images, const fs::path& labels, std::uint32_t count) {
  std::vector<std::uint8_t> pixels(std::size_t{count} * 64), answers;
  for (std::uint32_t i = 0; i < count; ++i) {
    for (std::uint32_t p = 0; p < 24; ++p) pixels[i * 64 + (4 * i + p) % 64] = static_cast<std::uint8_t>(255 - 5 * p);
    answers.push_back(static_cast<std::uint8_t>(i % 10));
  }
  write_idx(images, {count, 8, 8}, pixels);
  write_idx(labels, {count}, answers);
}

}  // namespace neuract::config::test
