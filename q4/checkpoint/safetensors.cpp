#include "neuract/q4/checkpoint/safetensors.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <system_error>

namespace neuract::q4 {
namespace {

/// Closes a descriptor at the end of the scope; a mapping outlives it.
class Descriptor {
 public:
  explicit Descriptor(int fd) noexcept : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  [[nodiscard]] int get() const noexcept { return fd_; }

 private:
  int fd_;
};

std::string reason() { return std::generic_category().message(errno); }

}  // namespace

Result<SafetensorsFile> SafetensorsFile::make(State state) {
  auto header = parse_safetensors_header(state.bytes);
  if (!header) return Unexpected(std::move(header).error().with_context(state.name));
  state.header = *std::move(header);
  return SafetensorsFile(std::make_shared<const State>(std::move(state)));
}

Result<SafetensorsFile> SafetensorsFile::open(const std::filesystem::path& path) {
  State state;
  state.name = path.string();
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) {
    if (errno == ENOENT) return fail(ErrorCode::not_found, state.name, ": there is no such file");
    return fail(ErrorCode::io, state.name, ": cannot be opened: ", reason());
  }
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) return fail(ErrorCode::io, state.name, ": cannot be read: ", reason());
  if (!S_ISREG(status.st_mode)) return fail(ErrorCode::invalid_argument, state.name, ": this is no regular file");
  // Nothing can be mapped of an empty file; its header is missing all the same.
  if (const auto size = static_cast<std::size_t>(status.st_size); size > 0) {
    void* address = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.get(), 0);
    if (address == MAP_FAILED) return fail(ErrorCode::io, state.name, ": cannot be mapped: ", reason());
    state.owner = std::shared_ptr<void>(address, [size](void* mapping) { ::munmap(mapping, size); });
    state.bytes = {static_cast<const std::byte*>(address), size};
    state.mapped = true;
  }
  return make(std::move(state));
}

Result<SafetensorsFile> SafetensorsFile::from_bytes(std::span<const std::byte> bytes, std::string name,
                                                    std::shared_ptr<void> owner) {
  return make({std::move(name), {}, bytes, std::move(owner), false});
}

Result<memory::ConstTensor> SafetensorsFile::tensor(std::string_view tensor_name) const {
  if (const SafetensorsEntry* entry = find(tensor_name)) return tensor(*entry);
  return fail(ErrorCode::not_found, name(), ": there is no tensor ", in_quotes(tensor_name));
}

Result<memory::ConstTensor> SafetensorsFile::tensor(const SafetensorsEntry& entry) const {
  if (!entry.type->dtype)
    return fail(ErrorCode::unsupported, name(), ": ", in_quotes(entry.name), " has elements of type ", entry.type->name,
                ", which cannot be read here");
  const memory::DType dtype = *entry.type->dtype;
  const std::span<const std::byte> source = bytes(entry);
  const auto in_context = [&](Error error) {
    return Unexpected(std::move(error).with_context(in_quotes(entry.name)).with_context(name()));
  };
  if (reinterpret_cast<std::uintptr_t>(source.data()) % memory::bytes_of(dtype) == 0) {
    // A ConstTensor has no way to write, so that the pages, which are read-only, need not be copied.
    auto* data = const_cast<std::byte*>(source.data());
    auto view = memory::Tensor::wrap(data, dtype, entry.shape, {}, state_->owner);
    if (!view) return in_context(std::move(view).error());
    return memory::ConstTensor(*std::move(view));
  }
  auto copy = memory::Tensor::zeros(dtype, entry.shape);
  if (!copy) return in_context(std::move(copy).error());
  if (!source.empty()) std::memcpy(copy->data(), source.data(), source.size());
  return memory::ConstTensor(*std::move(copy));
}

void SafetensorsFile::forget(const SafetensorsEntry& entry) const noexcept {
  if (!state_->mapped) return;
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  // Whole pages only: a mapping begins at one.
  const std::size_t first = (entry.begin + page - 1) / page * page;
  const std::size_t last = entry.end / page * page;
  if (last <= first) return;
  // A hint: what fails costs memory that the system can take back by itself.
  auto* address = const_cast<std::byte*>(state_->bytes.data() + first);
  static_cast<void>(::madvise(address, last - first, MADV_DONTNEED));
}

}  // namespace neuract::q4
