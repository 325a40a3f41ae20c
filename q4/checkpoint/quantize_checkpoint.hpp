#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "neuract/memory/layout.hpp"
#include "neuract/memory/result.hpp"
#include "neuract/q4/checkpoint/checkpoint.hpp"
#include "neuract/q4/quantization_error.hpp"

/// A whole checkpoint in 4 bits: its two-dimensional float tensors are quantised, everything else is copied.

namespace neuract::q4 {

struct CheckpointOptions {
  Format format = Format::nf4;
  std::uint32_t block = 0;       ///< 0 = the format's own
  std::optional<Family> family;  ///< none = bitsandbytes for NF4, torchao for NVFP4
  bool double_quant = false;
  /// Names as the shell matches them: "*.mlp.*". Without `include` all are meant; `exclude` has the last word.
  std::vector<std::string> include;
  std::vector<std::string> exclude;
};

/// What becomes of one tensor of the file.
struct CheckpointRow {
  std::string name;
  std::string type;  ///< "BF16"
  memory::Dims shape;
  bool quantised = false;
  std::string reason;  ///< why it is copied
  std::uint64_t bytes_before = 0;
  std::uint64_t bytes_after = 0;
  QuantizationError error;  ///< of a tensor that has been quantised
};

/// Bytes read so far and in all; every float tensor is read twice. Returns false to give up.
using CheckpointProgress = std::function<bool(std::uint64_t done, std::uint64_t total)>;

/// Writes `out` and returns a row for each tensor of `file`, by name. Holds one tensor at a time in memory; a file that
/// is larger than memory will do. Float tensors are looked through first, because the sizes of everything must be known
/// before the first byte is written: what holds an infinity or a NaN is copied, too.
/// Errors: invalid_argument (options that contradict each other; `out` is the file that is read; nothing can be
/// quantised, with the reasons), io, out_of_memory, cancelled. After an error there is no new file.
[[nodiscard]] Result<std::vector<CheckpointRow>> quantize_checkpoint(const SafetensorsFile& file,
                                                                     const std::filesystem::path& out,
                                                                     const CheckpointOptions& options,
                                                                     const CheckpointProgress& progress = {});

}  // namespace neuract::q4
