#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "neuract/memory/result.hpp"
#include "neuract/q4/checkpoint/safetensors.hpp"
#include "neuract/snn/spec.hpp"

/// Weights of dense projections that come from safetensors files. Private to config/.
namespace neuract::config {

/// The word of the file: "f32", "nf4", "nvfp4".
[[nodiscard]] std::string_view name_of(snn::DenseFormat format) noexcept;
[[nodiscard]] std::optional<snn::DenseFormat> find_dense_format(std::string_view name) noexcept;
[[nodiscard]] std::vector<std::string_view> dense_format_names();

/// What a weight of a dense projection takes, scales included: of an imported tensor as the file has it, of generated
/// weights without what fills up the kernel's tiles.
[[nodiscard]] double bytes_per_weight(const snn::ProjectionSpec& projection);

/// The files of one network. Each is opened once and each tensor loaded once, however many projections use it.
class WeightFiles {
 public:
  using Weights = std::shared_ptr<const snn::ImportedWeights>;

  /// Errors: those of q4::SafetensorsFile::open.
  Result<q4::SafetensorsFile> open(const std::filesystem::path& path);

  /// The weights that `tensor` names, which may be a 4-bit layer in any of the spellings that q4 knows, or the name of a
  /// float tensor with or without ".weight". Float tensors become f32, or are quantised when another `format` is asked
  /// for; 4-bit layers keep theirs, whatever `format` says. `rows` and `columns` are for layers whose files do not say
  /// them; whether the others have them is left to validation. Errors: a line for everything that is wrong.
  Result<Weights> load(const q4::SafetensorsFile& file, const std::string& tensor,
                       std::optional<snn::DenseFormat> format, std::int64_t rows, std::int64_t columns);

 private:
  std::map<std::filesystem::path, q4::SafetensorsFile> files_;
  std::map<std::tuple<std::string, std::string, std::optional<snn::DenseFormat>, std::int64_t, std::int64_t>, Weights>
      loaded_;
};

}  // namespace neuract::config
