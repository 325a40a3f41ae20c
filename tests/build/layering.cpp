#include "layering.hpp"

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <optional>
#include <regex>
#include <string_view>

namespace neuract::layering {
namespace {

namespace fs = std::filesystem;

// From the bottom to the top. A file may include its own folder and those before it.
constexpr std::array<std::string_view, 6> kLayers = {"memory", "kernels", "q4", "snn", "actors", "config"};
// These stand above all layers and are included by none.
constexpr std::array<std::string_view, 2> kUsers = {"tests", "examples"};

std::optional<std::size_t> layer_of(std::string_view folder) {
  const auto* found = std::find(kLayers.begin(), kLayers.end(), folder);
  if (found != kLayers.end()) return static_cast<std::size_t>(found - kLayers.begin());
  if (std::find(kUsers.begin(), kUsers.end(), folder) != kUsers.end()) return kLayers.size();
  return std::nullopt;
}

bool is_source(const fs::path& file) {
  static constexpr std::array<std::string_view, 7> kExtensions = {".hpp", ".cpp", ".inl", ".h", ".c", ".cu", ".cuh"};
  return std::find(kExtensions.begin(), kExtensions.end(), file.extension()) != kExtensions.end();
}

std::vector<fs::path> sources_in(const fs::path& folder) {
  std::vector<fs::path> files;
  if (!fs::exists(folder)) return files;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.is_regular_file() && is_source(entry.path())) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

bool starts_with_any(std::string_view text, std::initializer_list<std::string_view> beginnings) {
  return std::any_of(beginnings.begin(), beginnings.end(), [&](auto beginning) { return text.starts_with(beginning); });
}

/// What is wrong with `#include "included"` in `file` (a path relative to `tree`); empty if nothing is.
std::string fault_of(const fs::path& tree, const fs::path& file, const std::string& included) {
  const std::string folder = file.begin()->string();
  const std::string where = file.generic_string();

  if (*layer_of(folder) < kLayers.size() && fs::exists((tree / file).parent_path() / included))
    return "includes " + included + " by a relative path; write neuract/" + folder + "/…, as programs outside do";
  if (included.starts_with("caf/") && where != "actors/caf.hpp")
    return "includes <" + included + ">; only actors/caf.hpp may, so that one header knows CAF's versions";
  if (starts_with_any(included, {"cuda", "cublas", "cub/", "thrust/", "nvml", "curand"}) &&
      !where.starts_with("kernels/cuda/"))
    return "includes CUDA's <" + included + ">; only kernels/cuda may";

  static const std::regex kOurs("neuract/([^/]+)/(.*)");
  std::smatch parts;
  if (!std::regex_match(included, parts, kOurs)) return {};
  const std::string target = parts[1];
  const auto target_layer = layer_of(target);
  if (!target_layer || *target_layer == kLayers.size()) return "includes " + included + ", which is no library folder";
  if (*target_layer > *layer_of(folder))
    return "includes " + included + "; " + folder + "/ lies below " + target + "/ and must not know it";
  if (target == "actors" && parts[2] == "caf.hpp" && folder != "actors" && !where.starts_with("tests/"))
    return "includes " + included + "; only actors/ includes CAF";
  return {};
}

std::string text_of(const fs::path& file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), {}};
}

struct Include {
  std::size_t line;
  std::string path;
};

std::vector<Include> includes_of(const fs::path& file) {
  static const std::regex kInclude(R"re(^\s*#\s*include\s*[<"]([^>"]+)[>"])re");
  std::vector<Include> includes;
  std::ifstream in(file);
  std::string line;
  std::smatch match;
  for (std::size_t number = 1; std::getline(in, line); ++number)
    if (std::regex_search(line, match, kInclude)) includes.push_back({number, match[1]});
  return includes;
}

}  // namespace

std::vector<std::string> include_faults(const fs::path& tree) {
  std::vector<std::string> faults;
  std::vector<std::string_view> folders(kLayers.begin(), kLayers.end());
  folders.insert(folders.end(), kUsers.begin(), kUsers.end());
  for (const auto folder : folders) {
    for (const auto& file : sources_in(tree / folder)) {
      const fs::path relative = file.lexically_relative(tree);
      for (const auto& include : includes_of(file))
        if (const std::string fault = fault_of(tree, relative, include.path); !fault.empty())
          faults.push_back(relative.generic_string() + ":" + std::to_string(include.line) + ": " + fault);
    }
  }
  return faults;
}

std::vector<std::string> unlisted_sources(const fs::path& tree) {
  std::vector<std::string> unlisted;
  for (const auto folder : kLayers) {
    for (const auto& file : sources_in(tree / folder)) {
      if (file.extension() != ".cpp") continue;
      // The nearest list upwards is the one that has to name it, by its path from there.
      fs::path list = file.parent_path();
      while (list != tree && !fs::exists(list / "CMakeLists.txt")) list = list.parent_path();
      const std::string name = file.lexically_relative(list).generic_string();
      const std::regex word("(^|[\\s(])" + std::regex_replace(name, std::regex("[.+]"), "\\$&") + "($|[\\s)])");
      if (!std::regex_search(text_of(list / "CMakeLists.txt"), word))
        unlisted.push_back(file.lexically_relative(tree).generic_string() + " is not named in " +
                           (list / "CMakeLists.txt").lexically_relative(tree).generic_string());
    }
  }
  return unlisted;
}

std::vector<std::string> missing_headers(const fs::path& tree, const std::vector<std::string>& public_headers) {
  static constexpr std::string_view kOurs = "neuract/";
  std::vector<std::string> missing;
  for (const auto& header : public_headers)
    for (const auto& include : includes_of(tree / header))
      if (include.path.starts_with(kOurs) && std::find(public_headers.begin(), public_headers.end(),
                                                       include.path.substr(kOurs.size())) == public_headers.end())
        missing.push_back(header + ":" + std::to_string(include.line) + ": includes " + include.path +
                          ", which no HEADERS list installs");
  return missing;
}

}  // namespace neuract::layering
