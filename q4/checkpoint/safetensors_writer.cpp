#include "neuract/q4/checkpoint/safetensors_writer.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <boost/json.hpp>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <system_error>
#include <tuple>
#include <utility>

namespace neuract::q4 {
namespace {

namespace json = boost::json;

/// Where data begin: a cache line.
constexpr std::size_t kDataAlignment = 64;

Unexpected<Error> io_error(const std::filesystem::path& path, std::string_view what, int error = errno) {
  return fail(ErrorCode::io, path.string(), ": ", what, ": ", std::generic_category().message(error));
}

/// Sets begin and end, from the beginning of the data, in the order of the file; leaves the entries by name.
/// Returns the bytes of all.
Result<std::uint64_t> lay_out(std::vector<SafetensorsEntry>& entries) {
  std::sort(entries.begin(), entries.end(), [](const SafetensorsEntry& a, const SafetensorsEntry& b) {
    return std::make_tuple(-int{a.type->bits}, std::string_view(a.name)) <
           std::make_tuple(-int{b.type->bits}, std::string_view(b.name));
  });
  std::uint64_t at = 0;
  for (SafetensorsEntry& entry : entries) {
    NEURACT_TRY_ASSIGN(const std::int64_t count, memory::element_count(entry.shape));
    std::uint64_t bits = 0;
    if (__builtin_mul_overflow(static_cast<std::uint64_t>(count), std::uint64_t{entry.type->bits}, &bits) ||
        bits % 8 != 0)
      return fail(ErrorCode::invalid_argument, in_quotes(entry.name), ": shape ", memory::to_string(entry.shape),
                  " of ", entry.type->name, " cannot be stored");
    entry.begin = at;
    if (__builtin_add_overflow(at, bits / 8, &at))
      return fail(ErrorCode::invalid_argument, in_quotes(entry.name), ": the file would be too large");
    entry.end = at;
  }
  std::sort(entries.begin(), entries.end(),
            [](const SafetensorsEntry& a, const SafetensorsEntry& b) { return a.name < b.name; });
  return at;
}

std::string header_text(const std::vector<SafetensorsEntry>& entries, const SafetensorsMetadata& metadata) {
  json::object header;
  if (!metadata.empty()) {
    json::object& pairs = header["__metadata__"].emplace_object();
    for (const auto& [key, value] : metadata) pairs[key] = value;
  }
  for (const SafetensorsEntry& entry : entries) {
    json::object& fields = header[entry.name].emplace_object();
    fields["dtype"] = entry.type->name;
    fields["shape"] = json::array(entry.shape.begin(), entry.shape.end());
    fields["data_offsets"] = {entry.begin, entry.end};
  }
  std::string text = json::serialize(header);
  const std::size_t whole = (8 + text.size() + kDataAlignment - 1) / kDataAlignment * kDataAlignment;
  text.resize(whole - 8, ' ');
  return text;
}

}  // namespace

Result<SafetensorsWriter> SafetensorsWriter::create(const std::filesystem::path& path,
                                                    const std::vector<SafetensorsItem>& items,
                                                    const SafetensorsMetadata& metadata) {
  SafetensorsWriter writer;
  writer.path_ = path;
  for (const SafetensorsItem& item : items) {
    if (item.type == nullptr)
      return fail(ErrorCode::invalid_argument, path.string(), ": ", in_quotes(item.name),
                  " has a type that safetensors files do not");
    if (item.name == "__metadata__")
      return fail(ErrorCode::invalid_argument, path.string(), ": no tensor can be called ", in_quotes(item.name));
    writer.entries_.push_back({item.name, item.type, item.shape, 0, 0});
  }
  auto data_bytes = lay_out(writer.entries_);
  if (!data_bytes) return Unexpected(std::move(data_bytes).error().with_context(path.string()));
  for (std::size_t i = 1; i < writer.entries_.size(); ++i) {
    if (writer.entries_[i - 1].name == writer.entries_[i].name)
      return fail(ErrorCode::invalid_argument, path.string(), ": ", in_quotes(writer.entries_[i].name), " comes twice");
  }
  const std::string text = header_text(writer.entries_, metadata);
  if (text.size() > kMaxSafetensorsHeader)
    return fail(ErrorCode::invalid_argument, path.string(), ": ", items.size(),
                " tensors need a larger header than safetensors files have");
  for (SafetensorsEntry& entry : writer.entries_) {
    entry.begin += 8 + text.size();
    entry.end += 8 + text.size();
  }
  writer.written_.resize(writer.entries_.size());

  static std::atomic<unsigned> count{0};
  writer.temporary_ = path;
  writer.temporary_ += ".tmp-" + std::to_string(::getpid()) + "-" + std::to_string(count++);
  writer.file_ = ::open(writer.temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (writer.file_ < 0) {
    auto error = io_error(path, "cannot be written");
    writer.temporary_.clear();
    return error;
  }
  const std::uint64_t length = text.size();
  const auto total = static_cast<off_t>(8 + length + *data_bytes);
  // Not every file system can reserve; on those a full disk shows when it is full.
  if (::fallocate(writer.file_, 0, 0, total) != 0 && errno != EOPNOTSUPP && errno != ENOSYS && errno != EINTR)
    return io_error(path, "cannot be written");
  NEURACT_TRY(writer.put(std::as_bytes(std::span(&length, 1)), 0));
  NEURACT_TRY(writer.put(std::as_bytes(std::span(text)), 8));
  return writer;
}

SafetensorsWriter::SafetensorsWriter(SafetensorsWriter&& other) noexcept
    : path_(std::move(other.path_)),
      temporary_(std::exchange(other.temporary_, {})),
      entries_(std::move(other.entries_)),
      written_(std::move(other.written_)),
      file_(std::exchange(other.file_, -1)) {}

SafetensorsWriter::~SafetensorsWriter() {
  if (file_ >= 0) ::close(file_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

Result<std::size_t> SafetensorsWriter::claim(std::string_view name) {
  const auto entry = std::lower_bound(entries_.begin(), entries_.end(), name,
                                      [](const SafetensorsEntry& e, std::string_view n) { return e.name < n; });
  if (entry == entries_.end() || entry->name != name)
    return fail(ErrorCode::invalid_argument, path_.string(), ": ", in_quotes(name), " is not in the header");
  const auto index = static_cast<std::size_t>(entry - entries_.begin());
  if (written_[index])
    return fail(ErrorCode::invalid_argument, path_.string(), ": ", in_quotes(name), " has been written already");
  return index;
}

Result<void> SafetensorsWriter::put(std::span<const std::byte> bytes, std::uint64_t at) {
  while (!bytes.empty()) {
    const ssize_t n =
        ::pwrite(file_, bytes.data(), std::min(bytes.size(), std::size_t{1} << 30), static_cast<off_t>(at));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return io_error(path_, "cannot be written", n == 0 ? ENOSPC : errno);
    bytes = bytes.subspan(static_cast<std::size_t>(n));
    at += static_cast<std::uint64_t>(n);
  }
  return {};
}

Result<void> SafetensorsWriter::write(std::string_view name, const memory::ConstTensor& tensor) {
  NEURACT_TRY_ASSIGN(const std::size_t index, claim(name));
  const SafetensorsEntry& entry = entries_[index];
  if (entry.type->dtype != tensor.dtype() || entry.shape != tensor.shape())
    return fail(ErrorCode::invalid_argument, path_.string(), ": ", in_quotes(name), " is ", name_of(tensor.dtype()),
                " ", memory::to_string(tensor.shape()), ", but the header says ", entry.type->name, " ",
                memory::to_string(entry.shape));
  if (!tensor.placement().host_accessible() || !tensor.is_contiguous())
    return fail(ErrorCode::invalid_argument, path_.string(), ": ", in_quotes(name),
                " is not contiguous in memory that the CPU can reach");
  return write(name, std::span(tensor.data(), tensor.bytes()));
}

Result<void> SafetensorsWriter::write(std::string_view name, std::span<const std::byte> bytes) {
  NEURACT_TRY_ASSIGN(const std::size_t index, claim(name));
  const SafetensorsEntry& entry = entries_[index];
  if (bytes.size() != entry.bytes())
    return fail(ErrorCode::invalid_argument, path_.string(), ": ", bytes.size(), " bytes for ", in_quotes(name),
                ", which has ", entry.bytes());
  NEURACT_TRY(put(bytes, entry.begin));
  written_[index] = true;
  return {};
}

Result<void> SafetensorsWriter::finish() {
  if (const auto missing = std::find(written_.begin(), written_.end(), false); missing != written_.end())
    return fail(ErrorCode::invalid_argument, path_.string(), ": ",
                in_quotes(entries_[static_cast<std::size_t>(missing - written_.begin())].name),
                " has not been written");
  // Some errors of a network disk are not known before.
  if (::fsync(file_) != 0) return io_error(path_, "cannot be written");
  if (::close(std::exchange(file_, -1)) != 0) return io_error(path_, "cannot be written");
  if (std::rename(temporary_.c_str(), path_.c_str()) != 0) return io_error(path_, "cannot be put in place");
  temporary_.clear();
  return {};
}

Result<void> write_safetensors(const std::filesystem::path& path, std::span<const NamedTensor> tensors,
                               const SafetensorsMetadata& metadata) {
  std::vector<SafetensorsItem> items;
  for (const NamedTensor& tensor : tensors)
    items.push_back({tensor.name, safetensors_dtype(tensor.tensor.dtype()), tensor.tensor.shape()});
  NEURACT_TRY_ASSIGN(SafetensorsWriter writer, SafetensorsWriter::create(path, items, metadata));
  for (const NamedTensor& tensor : tensors) NEURACT_TRY(writer.write(tensor.name, tensor.tensor));
  return writer.finish();
}

}  // namespace neuract::q4
