#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "neuract/memory/result.hpp"

/// IDX files, in which MNIST and the data sets made after it come: a big-endian header (two zero bytes, element type,
/// rank, one u32 a dimension), then the elements. Here those of bytes (type 8), plain or compressed by gzip, whatever
/// their names end in. Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits".

namespace neuract::snn {

struct IdxImages {
  std::uint32_t count = 0;
  std::uint32_t rows = 0;
  std::uint32_t columns = 0;
  std::vector<std::uint8_t> pixels;  ///< [count, rows, columns]
};

/// More than this in one file is taken for a broken header.
inline constexpr std::uint64_t kMaxIdxBytes = std::uint64_t{1} << 33;

/// A file of rank 3 (magic number 0x803). Memory grows with what the file holds, not with what its header says.
/// Errors, naming the file: not_found, io, parse (another magic number, too few or too many bytes, broken compression).
[[nodiscard]] Result<IdxImages> read_idx_images(const std::filesystem::path& path);

/// A file of rank 1 (magic number 0x801). Errors: as read_idx_images.
[[nodiscard]] Result<std::vector<std::uint8_t>> read_idx_labels(const std::filesystem::path& path);

}  // namespace neuract::snn
