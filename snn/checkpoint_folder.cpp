#include "neuract/snn/checkpoint_folder.hpp"

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <string_view>
#include <system_error>
#include <utility>

#include "neuract/snn/nearest_name.hpp"
#include "neuract/snn/sonata_writer.hpp"

namespace neuract::snn {
namespace {

namespace fs = std::filesystem;
constexpr std::string_view kSuffix = ".checkpoint";
constexpr std::string_view kPartial = ".partial";

std::string file_stem(const std::string& network) {
  std::string stem = network;
  for (char& c : stem) {
    const bool usual = std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_' || c == '.';
    if (!usual) c = '_';
  }
  return stem.empty() ? "network" : stem;
}

/// Whether `name` is STEM-DIGITS.checkpoint.
bool belongs(std::string_view name, std::string_view stem) {
  if (!name.starts_with(stem) || !name.ends_with(kSuffix) || name.size() < stem.size() + 1 + kSuffix.size())
    return false;
  name.remove_prefix(stem.size());
  name.remove_suffix(kSuffix.size());
  if (name.front() != '-') return false;
  name.remove_prefix(1);
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) { return '0' <= c && c <= '9'; });
}

/// The later step is the greater name: of two numbers the longer one, leading zeros apart.
bool earlier(const fs::path& a, const fs::path& b) {
  const std::string x = a.filename().string(), y = b.filename().string();
  return std::pair(x.size(), x) < std::pair(y.size(), y);
}

std::vector<fs::path> checkpoints_in(const fs::path& folder, const std::string* stem) {
  std::vector<fs::path> found;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (stem != nullptr ? belongs(name, *stem) : std::string_view(name).ends_with(kSuffix))
      found.push_back(entry->path());
  }
  std::sort(found.begin(), found.end(), earlier);
  return found;
}

}  // namespace

fs::path checkpoint_path(const fs::path& folder, const std::string& network, Step step) {
  char number[32];
  std::snprintf(number, sizeof number, "-%012lld", static_cast<long long>(step));
  return folder / (file_stem(network) + number + std::string(kSuffix));
}

Result<fs::path> find_checkpoint(const fs::path& where, const std::string& network) {
  std::error_code error;
  const fs::file_status status = fs::status(where, error);
  if (!fs::exists(status)) return fail(ErrorCode::not_found, where.string(), ": there is no such file or directory");
  if (!fs::is_directory(status)) return where;
  const std::string stem = file_stem(network);
  for (const std::string* of : {&stem, static_cast<const std::string*>(nullptr)}) {
    for (const fs::path& folder : {where, where / kCheckpointFolder}) {
      const auto found = checkpoints_in(folder, of);
      if (!found.empty()) return found.back();
    }
  }
  return fail(ErrorCode::not_found, where.string(), ": there is no checkpoint, neither here nor in ", kCheckpointFolder,
              "/; a run writes some with [run] checkpoint = { every = ms }");
}

CheckpointFolder::CheckpointFolder(fs::path folder, std::string network, std::size_t keep, fs::path resumed)
    : folder_(std::move(folder)), network_(std::move(network)), keep_(std::max<std::size_t>(keep, 1)) {
  std::error_code error;
  if (!resumed.empty() && fs::equivalent(resumed.parent_path().empty() ? "." : resumed.parent_path(), folder_, error))
    kept_.push_back(folder_ / resumed.filename());
}

Result<void> CheckpointFolder::prepare() const { return prepare_output_directory(folder_); }

void CheckpointFolder::written(const fs::path& path) {
  std::erase(kept_, path);
  kept_.push_back(path);
  if (kept_.size() > keep_) kept_.erase(kept_.begin(), kept_.end() - static_cast<std::ptrdiff_t>(keep_));
  const std::string stem = file_stem(network_);
  std::error_code ignored;
  for (fs::directory_iterator entry(folder_, ignored), end; !ignored && entry != end; entry.increment(ignored)) {
    std::string name = entry->path().filename().string();
    if (name.ends_with(kPartial)) name.resize(name.size() - kPartial.size());
    if (!belongs(name, stem)) continue;
    std::error_code left;  // a file that stays is no harm
    if (std::find(kept_.begin(), kept_.end(), entry->path()) == kept_.end()) fs::remove(entry->path(), left);
  }
}

}  // namespace neuract::snn
