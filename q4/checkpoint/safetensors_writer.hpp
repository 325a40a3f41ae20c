#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "neuract/memory/result.hpp"
#include "neuract/memory/tensor.hpp"
#include "neuract/q4/checkpoint/safetensors_header.hpp"

namespace neuract::q4 {

/// What will be written: everything that the header says about a tensor.
struct SafetensorsItem {
  std::string name;
  const SafetensorsDType* type = nullptr;
  memory::Dims shape;
};

struct NamedTensor {
  std::string name;
  memory::ConstTensor tensor;
};

/// Writes a safetensors file one tensor at a time, in any order, keeping none.
///
/// The bytes depend on what is written only: tensors with the largest elements come first, then in the order of their
/// names, and the header is padded to 64 bytes, so that a reader that maps the file finds every tensor aligned. The file
/// gets its name when it is complete: until then it is beside it under another one, and goes if finish() is not reached.
class SafetensorsWriter {
 public:
  /// Reserves the space on disk. Errors: invalid_argument (an item: name, type, shape), io; they name the file.
  [[nodiscard]] static Result<SafetensorsWriter> create(const std::filesystem::path& path,
                                                        const std::vector<SafetensorsItem>& items,
                                                        const SafetensorsMetadata& metadata = {});
  SafetensorsWriter(SafetensorsWriter&& other) noexcept;
  SafetensorsWriter& operator=(SafetensorsWriter&&) = delete;
  ~SafetensorsWriter();

  /// Errors: invalid_argument (no such item, another dtype or shape, written already), io.
  [[nodiscard]] Result<void> write(std::string_view name, const memory::ConstTensor& tensor);
  /// The same for elements that no tensor holds.
  [[nodiscard]] Result<void> write(std::string_view name, std::span<const std::byte> bytes);

  /// Makes the file appear under its name, in place of an older one. Errors: invalid_argument (an item has not been
  /// written), io.
  [[nodiscard]] Result<void> finish();

 private:
  SafetensorsWriter() = default;
  [[nodiscard]] Result<std::size_t> claim(std::string_view name);
  [[nodiscard]] Result<void> put(std::span<const std::byte> bytes, std::uint64_t at);

  std::filesystem::path path_, temporary_;
  std::vector<SafetensorsEntry> entries_;  ///< by name
  std::vector<bool> written_;
  int file_ = -1;
};

/// All at once. Errors: those of the writer.
[[nodiscard]] Result<void> write_safetensors(const std::filesystem::path& path, std::span<const NamedTensor> tensors,
                                             const SafetensorsMetadata& metadata = {});

}  // namespace neuract::q4
