#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "neuract/memory/host_array.hpp"
#include "neuract/memory/result.hpp"

/// The file under a checkpoint: sections of bytes, each with a key and a checksum. What the bytes mean is said in
/// snn/checkpoint.hpp.
///
///   preamble    40 bytes: magic, format, byte order, size of the file, number of sections, checksum of the
///               directory, checksum of the preamble before it
///   directory   32 bytes a section: key, checksum, size
///   sections    one after another, in the order of the directory, which is that of their keys
///
/// Numbers are in the byte order of the machine, which the preamble states. Every byte is under a checksum.
namespace neuract::snn {

/// Versions of the format; a program reads its own and refuses newer and older ones by name.
inline constexpr std::uint32_t kCheckpointFormat = 1;

enum class SectionKind : std::uint32_t {
  about = 1,     ///< where and when
  network = 2,   ///< network_text()
  guard = 3,     ///< of a shard: spikes at the last end of a guard window
  events = 4,    ///< of a shard: synaptic events by projection
  neurons = 5,   ///< of a cohort: arrays with an element per neuron
  counters = 6,  ///< of a cohort: sums over its neurons
  spikes = 7,    ///< of a cohort: those that may still be on their way
  pathway = 8,   ///< of a projection onto a cohort: plastic synapses
};

/// `index` is a population, projection or shard, by kind; the others are those of a CohortRange.
struct SectionKey {
  SectionKind kind = SectionKind::about;
  std::uint32_t index = 0;
  std::uint32_t sample = 0;
  std::uint32_t first = 0;
  std::uint32_t count = 0;
  friend auto operator<=>(const SectionKey&, const SectionKey&) = default;
};

/// "neurons 128 … 191 of population 2 in sample 0".
std::string to_string(const SectionKey& key);

struct CheckpointSection {
  SectionKey key;
  std::vector<std::byte> bytes;
};

/// The contents of a file of these sections.
std::string checkpoint_bytes(std::vector<CheckpointSection> sections);

/// Puts a file of these sections at `path`, in place of an older one: written beside it as PATH.partial, brought to the
/// disk, then renamed, so that whatever happens there is either the old file or the new one. Errors: io, with the
/// system's reason; nothing is then left of the new file.
Result<void> write_checkpoint_file(const std::filesystem::path& path, std::vector<CheckpointSection> sections);

/// A file in memory, checked from end to end.
class CheckpointFile {
 public:
  struct Section {
    SectionKey key;
    std::span<const std::byte> bytes;
  };
  enum class Checksums : std::uint8_t { verified, ignored };

  /// Errors: not_found, io; parse: no checkpoint, another format or byte order, truncated, damaged — with what was
  /// expected and found. They name the file.
  static Result<CheckpointFile> read(const std::filesystem::path& path);
  /// The same for bytes; `name` is for messages. Checksums are ignored by who makes up files, to test what comes behind.
  static Result<CheckpointFile> parse(memory::HostArray<std::byte> bytes, const std::string& name,
                                      Checksums checksums = Checksums::verified);

  /// In the order of their keys; no key is there twice.
  [[nodiscard]] std::span<const Section> sections() const noexcept { return sections_; }
  [[nodiscard]] const std::string& name() const noexcept { return name_; }

 private:
  std::string name_;
  memory::HostArray<std::byte> bytes_;
  std::vector<Section> sections_;
};

}  // namespace neuract::snn
