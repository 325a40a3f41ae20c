#include "neuract/snn/checkpoint_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <system_error>
#include <utility>

#include "neuract/snn/network_text.hpp"

namespace neuract::snn {
namespace {

constexpr std::array<char, 8> kMagic = {'\x89', 'N', 'R', 'C', 'K', 'P', 'T', '\n'};
constexpr std::uint32_t kByteOrder = 0x01020304;

struct Preamble {
  std::array<char, 8> magic = kMagic;
  std::uint32_t format = kCheckpointFormat;
  std::uint32_t byte_order = kByteOrder;
  std::uint64_t file_bytes = 0;
  std::uint64_t sections = 0;
  std::uint32_t directory_checksum = 0;
  std::uint32_t checksum = 0;  ///< of what is before it
};
static_assert(sizeof(Preamble) == 40 && std::is_trivially_copyable_v<Preamble>);

struct Entry {
  SectionKey key;
  std::uint32_t checksum = 0;
  std::uint64_t bytes = 0;
};
static_assert(sizeof(Entry) == 32 && std::is_trivially_copyable_v<Entry>);

std::uint32_t checksum_of(const Preamble& preamble) {
  return checksum(std::as_bytes(std::span(&preamble, 1)).first(offsetof(Preamble, checksum)));
}

std::string hexadecimal(std::uint32_t value) {
  char text[16];
  std::snprintf(text, sizeof text, "%08x", static_cast<unsigned>(value));
  return text;
}

Unexpected<Error> io_error(const std::filesystem::path& path, const char* what) {
  const int reason = errno;
  return fail(ErrorCode::io, path.string(), ": ", what, ": ", std::generic_category().message(reason));
}

/// Owns a file descriptor.
class Descriptor {
 public:
  explicit Descriptor(int fd) noexcept : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  operator int() const noexcept { return fd_; }
  int close() noexcept { return ::close(std::exchange(fd_, -1)); }

 private:
  int fd_;
};

bool write_all(int fd, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  return true;
}

bool read_all(int fd, std::span<std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t got = ::read(fd, bytes.data(), bytes.size());
    if (got < 0 && errno == EINTR) continue;
    if (got == 0) errno = EIO;  // it has become shorter
    if (got <= 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(got));
  }
  return true;
}

/// What is before the sections, which are put in order.
struct Head {
  Preamble preamble;
  std::vector<Entry> directory;
};
Head make_head(std::vector<CheckpointSection>& sections) {
  std::sort(sections.begin(), sections.end(),
            [](const CheckpointSection& a, const CheckpointSection& b) { return a.key < b.key; });
  Head head;
  Preamble& preamble = head.preamble;
  preamble.file_bytes = sizeof(Preamble) + sections.size() * sizeof(Entry);
  for (const CheckpointSection& section : sections) {
    head.directory.push_back({section.key, checksum(section.bytes), section.bytes.size()});
    preamble.file_bytes += section.bytes.size();
  }
  preamble.sections = sections.size();
  preamble.directory_checksum = checksum(std::as_bytes(std::span(head.directory)));
  preamble.checksum = checksum_of(preamble);
  return head;
}

Result<void> write_file(const std::filesystem::path& path, const Head& head,
                        std::span<const CheckpointSection> sections) {
  Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
  if (file < 0) return io_error(path, "cannot be created");
  bool written = write_all(file, std::as_bytes(std::span(&head.preamble, 1))) &&
                 write_all(file, std::as_bytes(std::span(head.directory)));
  for (const CheckpointSection& section : sections) written = written && write_all(file, section.bytes);
  if (!written || ::fsync(file) != 0 || file.close() != 0) return io_error(path, "cannot be written");
  return {};
}

/// A new name reaches the disk with its directory. File systems that cannot do this have nothing to lose by it.
void sync_directory(const std::filesystem::path& directory) {
  const Descriptor file(::open(directory.empty() ? "." : directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (file >= 0) static_cast<void>(::fsync(file));
}

template <class T>
T value_at(std::span<const std::byte> bytes, std::size_t offset) {
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}

Result<Preamble> read_preamble(std::span<const std::byte> bytes) {
  const std::size_t known = std::min(bytes.size(), kMagic.size());
  if (known == 0 || std::memcmp(bytes.data(), kMagic.data(), known) != 0)
    return fail(ErrorCode::parse, "is not a checkpoint of neuract");
  if (bytes.size() < sizeof(Preamble))
    return fail(ErrorCode::parse, "is truncated: it has ", bytes.size(), " bytes, a checkpoint at least ",
                sizeof(Preamble));
  const auto preamble = value_at<Preamble>(bytes, 0);
  return preamble;
}

Result<void> check(const Preamble& preamble, std::uint64_t bytes, bool verified) {
  if (verified && preamble.checksum != checksum_of(preamble))
    return fail(ErrorCode::parse, "is damaged: its first ", sizeof(Preamble), " bytes have the checksum ",
                hexadecimal(checksum_of(preamble)), ", expected ", hexadecimal(preamble.checksum));
  if (preamble.byte_order != kByteOrder)
    return fail(ErrorCode::parse, "was written by a machine of another byte order");
  if (preamble.format != kCheckpointFormat)
    return fail(ErrorCode::parse, "has format ", preamble.format, ", which is ",
                preamble.format > kCheckpointFormat ? "newer" : "older", " than this program's, ", kCheckpointFormat);
  if (preamble.file_bytes != bytes)
    return fail(ErrorCode::parse, bytes < preamble.file_bytes ? "is truncated" : "has more behind its end", ": it has ",
                bytes, " bytes, expected ", preamble.file_bytes);
  if (preamble.sections > (bytes - sizeof(Preamble)) / sizeof(Entry))
    return fail(ErrorCode::parse, "is damaged: there is no room for ", preamble.sections, " sections");
  return {};
}

}  // namespace

std::string to_string(const SectionKey& key) {
  const auto cohort = [&](const char* what, const char* of) {
    return std::string(what) + " " + std::to_string(key.first) + " … " +
           std::to_string(std::uint64_t{key.first} + std::max(key.count, 1u) - 1) + " of " + of + " " +
           std::to_string(key.index) + " in sample " + std::to_string(key.sample);
  };
  switch (key.kind) {
    case SectionKind::about: return "about";
    case SectionKind::network: return "network";
    case SectionKind::guard: return "guard of shard " + std::to_string(key.index);
    case SectionKind::events: return "events of shard " + std::to_string(key.index);
    case SectionKind::neurons: return cohort("neurons", "population");
    case SectionKind::counters: return cohort("counters of neurons", "population");
    case SectionKind::spikes: return cohort("spikes of neurons", "population");
    case SectionKind::pathway: return cohort("synapses onto neurons", "projection");
  }
  return "section of unknown kind " + std::to_string(static_cast<std::uint32_t>(key.kind));
}

std::string checkpoint_bytes(std::vector<CheckpointSection> sections) {
  const Head head = make_head(sections);
  std::string bytes(reinterpret_cast<const char*>(&head.preamble), sizeof head.preamble);
  bytes.append(reinterpret_cast<const char*>(head.directory.data()), head.directory.size() * sizeof(Entry));
  for (const CheckpointSection& section : sections)
    bytes.append(reinterpret_cast<const char*>(section.bytes.data()), section.bytes.size());
  return bytes;
}

Result<void> write_checkpoint_file(const std::filesystem::path& path, std::vector<CheckpointSection> sections) {
  const Head head = make_head(sections);
  std::filesystem::path partial = path;
  partial += ".partial";
  std::error_code ignored;
  if (Result<void> written = write_file(partial, head, sections); !written) {
    std::filesystem::remove(partial, ignored);
    return written;
  }
  if (std::rename(partial.c_str(), path.c_str()) != 0) {
    const Unexpected<Error> error = io_error(path, "cannot be put in place");
    std::filesystem::remove(partial, ignored);
    return error;
  }
  sync_directory(path.parent_path());
  return {};
}

Result<CheckpointFile> CheckpointFile::read(const std::filesystem::path& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file < 0 && errno == ENOENT) return fail(ErrorCode::not_found, path.string(), ": there is no such file");
  if (file < 0) return io_error(path, "cannot be opened");
  struct stat status {};
  if (::fstat(file, &status) != 0) return io_error(path, "cannot be read");
  if (!S_ISREG(status.st_mode)) return fail(ErrorCode::io, path.string(), ": is not a file");
  NEURACT_TRY_ASSIGN(auto bytes, memory::HostArray<std::byte>::zeros(static_cast<std::size_t>(status.st_size)));
  if (!read_all(file, bytes.span())) return io_error(path, "cannot be read");
  return parse(std::move(bytes), path.string());
}

Result<CheckpointFile> CheckpointFile::parse(memory::HostArray<std::byte> bytes, const std::string& name,
                                             Checksums checksums) {
  const bool verified = checksums == Checksums::verified;
  const std::span<const std::byte> all = std::as_const(bytes).span();
  const auto sections = [&]() -> Result<std::vector<Section>> {
    NEURACT_TRY_ASSIGN(const Preamble preamble, read_preamble(all));
    NEURACT_TRY(check(preamble, all.size(), verified));
    const auto directory = all.subspan(sizeof(Preamble), static_cast<std::size_t>(preamble.sections) * sizeof(Entry));
    if (verified && checksum(directory) != preamble.directory_checksum)
      return fail(ErrorCode::parse, "is damaged: its directory has the checksum ", hexadecimal(checksum(directory)),
                  ", expected ", hexadecimal(preamble.directory_checksum));
    std::vector<Section> found;
    auto left = all.subspan(sizeof(Preamble) + directory.size());
    for (std::size_t i = 0; i < preamble.sections; ++i) {
      const auto entry = value_at<Entry>(directory, i * sizeof(Entry));
      if (entry.bytes > left.size() || (!found.empty() && !(found.back().key < entry.key)))
        return fail(ErrorCode::parse, "is damaged: its directory contradicts itself at section ", i);
      const auto section = left.first(static_cast<std::size_t>(entry.bytes));
      if (verified && checksum(section) != entry.checksum)
        return fail(ErrorCode::parse, "is damaged: section \"", to_string(entry.key), "\" has the checksum ",
                    hexadecimal(checksum(section)), ", expected ", hexadecimal(entry.checksum));
      found.push_back({entry.key, section});
      left = left.subspan(section.size());
    }
    if (!left.empty()) return fail(ErrorCode::parse, "is damaged: ", left.size(), " bytes belong to no section");
    return found;
  }();
  if (!sections) return fail(sections.error().code, name, ": ", sections.error().message);
  CheckpointFile file;
  file.name_ = name;
  file.sections_ = *sections;
  file.bytes_ = std::move(bytes);
  return file;
}

}  // namespace neuract::snn
