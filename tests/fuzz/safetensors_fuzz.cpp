#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "neuract/q4/checkpoint/safetensors.hpp"

namespace {

void demand(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "%s\n", what);
  std::abort();
}

/// One line that a terminal shows as it is.
void demand_printable(const std::string& message) {
  demand(!message.empty(), "an empty message");
  for (const char c : message) demand(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f, "a control character");
}

}  // namespace

/// Whatever the bytes, opening ends, with an error of one printable line or with a file whose tensors are all inside it.
/// The first byte says what follows: '{' begins a header, up to the first 0x00, after which come the data, and the
/// length of the header is put before it; anything else, after itself, is the file.
// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer calls it so
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace neuract;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const auto bytes = std::make_shared<std::string>();
  if (input.starts_with('{')) {
    const std::string_view header = input.substr(0, input.find('\0'));
    const std::uint64_t length = header.size();
    bytes->resize(sizeof length);
    std::memcpy(bytes->data(), &length, sizeof length);
    bytes->append(header).append(input.substr(std::min(input.size(), header.size() + 1)));
  } else {
    bytes->append(input.substr(input.empty() ? 0 : 1));
  }

  const auto file = q4::SafetensorsFile::from_bytes(std::as_bytes(std::span(*bytes)), "fuzz", bytes);
  if (!file) return demand_printable(file.error().to_string()), 0;
  std::size_t covered = 0;
  for (const q4::SafetensorsEntry& entry : file->entries()) {
    demand(entry.begin <= entry.end && entry.end <= bytes->size(), "a tensor outside the file");
    demand(file->find(entry.name) == &entry, "a name that is not found");
    covered += entry.bytes();
    const auto tensor = file->tensor(entry);
    if (!tensor) {
      demand_printable(tensor.error().to_string());
      demand(!entry.type->dtype, "a tensor that cannot be had");
      continue;
    }
    demand(tensor->bytes() == entry.bytes() && tensor->shape() == entry.shape, "another size");
    unsigned sum = 0;  // every byte is touched
    for (std::size_t i = 0; i < tensor->bytes(); ++i) sum += std::to_integer<unsigned>(tensor->data()[i]);
    demand(sum <= 255 * tensor->bytes(), "bytes beyond their range");
  }
  std::uint64_t header = 0;
  std::memcpy(&header, bytes->data(), sizeof header);
  demand(covered + 8 + header == bytes->size(), "a hole");
  return 0;
}
