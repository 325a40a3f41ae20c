#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "neuract/memory/result.hpp"
#include "neuract/memory/tensor.hpp"
#include "neuract/q4/checkpoint/safetensors_header.hpp"

namespace neuract::q4 {

/// A safetensors file, open for reading: mapped, so that a tensor is a view of the file's pages and nothing is read
/// before somebody looks at it.
///
/// A handle: copying shares the mapping, and every tensor keeps it alive. The format promises no alignment; a tensor
/// that is not aligned to its elements is copied, once for each time it is asked for, all others never are. Elements are
/// not looked at: floats may be NaN. Nobody may shorten the file while it is mapped.
/// Threads: safe to read from any number.
class SafetensorsFile {
 public:
  /// Errors: not_found, io, parse; the message begins with the file's name.
  [[nodiscard]] static Result<SafetensorsFile> open(const std::filesystem::path& path);

  /// A file that is in memory already, kept alive by `owner`; `name` is what errors call it. Errors: parse.
  [[nodiscard]] static Result<SafetensorsFile> from_bytes(std::span<const std::byte> bytes, std::string name,
                                                          std::shared_ptr<void> owner);

  /// What errors call the file.
  [[nodiscard]] const std::string& name() const noexcept { return state_->name; }
  /// Sorted by name.
  [[nodiscard]] const std::vector<SafetensorsEntry>& entries() const noexcept { return state_->header.entries; }
  [[nodiscard]] const SafetensorsMetadata& metadata() const noexcept { return state_->header.metadata; }
  /// nullptr when there is none.
  [[nodiscard]] const SafetensorsEntry* find(std::string_view tensor) const noexcept {
    return state_->header.find(tensor);
  }

  /// Errors, naming file and tensor: not_found; unsupported (a type that no tensor holds); out_of_memory (the copy).
  [[nodiscard]] Result<memory::ConstTensor> tensor(std::string_view tensor) const;
  [[nodiscard]] Result<memory::ConstTensor> tensor(const SafetensorsEntry& entry) const;

  /// The bytes of an entry, whatever its type.
  [[nodiscard]] std::span<const std::byte> bytes(const SafetensorsEntry& entry) const noexcept {
    return state_->bytes.subspan(entry.begin, entry.bytes());
  }

  /// Lets the system take back the memory that holds an entry's pages: going through a file that is larger than
  /// memory, one tensor at a time, then stays small. Views of the entry remain valid and read the file again.
  void forget(const SafetensorsEntry& entry) const noexcept;

 private:
  struct State {
    std::string name;
    SafetensorsHeader header;
    std::span<const std::byte> bytes;
    std::shared_ptr<void> owner;
    bool mapped = false;
  };
  explicit SafetensorsFile(std::shared_ptr<const State> state) : state_(std::move(state)) {}
  [[nodiscard]] static Result<SafetensorsFile> make(State state);

  std::shared_ptr<const State> state_;
};

}  // namespace neuract::q4
