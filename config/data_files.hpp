#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "neuract/memory/result.hpp"
#include "neuract/snn/spec.hpp"

/// Images and labels from IDX files. Private to config/.
namespace neuract::config {

/// Some of the images of a file.
struct DataPart {
  std::uint64_t first = 0;
  std::uint64_t count = std::numeric_limits<std::uint64_t>::max();  ///< at most; the file may have fewer
};

/// The files of one network; what several generators or classifiers share is read once.
class DataFiles {
 public:
  using Images = std::shared_ptr<const snn::ImageSet>;
  using Labels = std::shared_ptr<const std::vector<std::uint8_t>>;

  /// Errors: those of snn::read_idx_images; invalid_argument (the part is not in the file). They name the file.
  Result<Images> images(const std::filesystem::path& path, DataPart part);
  /// The same for labels.
  Result<Labels> labels(const std::filesystem::path& path, DataPart part);

 private:
  using Key = std::tuple<std::filesystem::path, std::uint64_t, std::uint64_t>;
  std::map<Key, Images> images_;
  std::map<Key, Labels> labels_;
};

}  // namespace neuract::config
