#include "neuract/config/data_files.hpp"

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <utility>

#include "neuract/snn/idx_file.hpp"

namespace neuract::config {
namespace {

/// Keeps of `data`, which has `available` items of `size` bytes, what the part says; returns how many items.
Result<std::uint64_t> cut(std::vector<std::uint8_t>& data, std::uint64_t available, std::size_t size,
                          const std::filesystem::path& path, DataPart part, std::string_view what) {
  const bool rest = part.count == DataPart().count;
  std::string wrong;
  if (part.count == 0) {
    wrong = "count is 0; leave it out to take all";
  } else if (rest ? part.first > 0 && part.first >= available
                  : part.count > available || part.first > available - part.count) {
    const std::string last = rest ? " on" : " to " + std::to_string(part.first + part.count - 1);
    wrong = "these are " + std::string(what) + "s " + std::to_string(part.first) + last + ", the file has " +
            (available == 0 ? "none" : "0 to " + std::to_string(available - 1));
  }
  if (!wrong.empty()) return fail(ErrorCode::invalid_argument, path.string(), ": ", wrong);
  const std::uint64_t count = std::min(part.count, available - part.first);
  const auto begin = data.begin() + static_cast<std::ptrdiff_t>(part.first * size);
  data = std::vector<std::uint8_t>(begin, begin + static_cast<std::ptrdiff_t>(count * size));
  return count;
}

}  // namespace

Result<DataFiles::Images> DataFiles::images(const std::filesystem::path& path, DataPart part) {
  Images& kept = images_[{path, part.first, part.count}];
  if (kept) return kept;
  NEURACT_TRY_ASSIGN(snn::IdxImages file, snn::read_idx_images(path));
  const std::uint64_t pixels = std::uint64_t{file.rows} * file.columns;
  if (pixels > std::numeric_limits<std::uint32_t>::max())
    return fail(ErrorCode::parse, path.string(), ": images of ", pixels, " pixels, more than a population has neurons");
  NEURACT_TRY_ASSIGN(const std::uint64_t count, cut(file.pixels, file.count, pixels, path, part, "image"));
  kept = std::make_shared<const snn::ImageSet>(
      snn::ImageSet{static_cast<std::uint32_t>(count), static_cast<std::uint32_t>(pixels), std::move(file.pixels)});
  return kept;
}

Result<DataFiles::Labels> DataFiles::labels(const std::filesystem::path& path, DataPart part) {
  Labels& kept = labels_[{path, part.first, part.count}];
  if (kept) return kept;
  NEURACT_TRY_ASSIGN(std::vector<std::uint8_t> labels, snn::read_idx_labels(path));
  NEURACT_TRY(cut(labels, labels.size(), 1, path, part, "label"));
  kept = std::make_shared<const std::vector<std::uint8_t>>(std::move(labels));
  return kept;
}

}  // namespace neuract::config
