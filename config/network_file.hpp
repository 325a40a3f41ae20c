#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "neuract/actors/simulation.hpp"
#include "neuract/config/diagnostic.hpp"
#include "neuract/memory/result.hpp"
#include "neuract/snn/spec.hpp"

/// A network file (TOML; the format is in docs/network_file.md) as a validated specification.
namespace neuract::config {

/// `checkpoint` of the [run] table.
struct CheckpointKeys {
  double every_ms = 0.0;   ///< of biological time
  std::string dir;         ///< from the output directory on; empty = snn::kCheckpointFolder
  std::uint64_t keep = 2;  ///< files
};

/// The [run] table: how to run, which never changes results.
struct RunOptions {
  std::uint32_t threads = 0;      ///< 0 = auto
  std::uint32_t cohort_size = 0;  ///< 0 = chosen for the cache
  actors::DenseWorker dense_worker = actors::DenseWorker::automatic;
  std::string out;  ///< directory; empty = out/<name>
  bool progress = true;
  std::optional<CheckpointKeys> checkpoint;
};

struct NetworkFile {
  snn::NetworkSpec spec;  ///< validate(spec) is empty
  RunOptions run;
  std::string text;  ///< the file as it was read
};

/// Either a network, or everything that is wrong with the file.
struct ParsedNetwork {
  std::optional<NetworkFile> network;
  std::vector<Diagnostic> diagnostics;  ///< in the order of the file; empty when there is a network
  std::string filename;
  std::vector<Override> overrides;  ///< what `Origin::option` counts

  [[nodiscard]] explicit operator bool() const noexcept { return network.has_value(); }
  /// One line for every diagnostic, "net.toml:12:9: …".
  [[nodiscard]] std::string report() const;
};

/// `filename` is for messages; its stem is the network's name, and the files that the network needs (weights, images)
/// are searched from its folder on.
ParsedNetwork parse_network(std::string_view text, const std::string& filename,
                            const std::vector<Override>& overrides = {});

/// Reads the file, too. Errors: not_found, io; parse with the whole report as the message.
Result<NetworkFile> load_network(const std::filesystem::path& file, const std::vector<Override>& overrides = {});

}  // namespace neuract::config
