#include "neuract/snn/idx_file.hpp"

#include <algorithm>
#include <array>
#include <boost/iostreams/filter/gzip.hpp>
#include <boost/iostreams/filtering_stream.hpp>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <ios>
#include <span>
#include <string>
#include <system_error>

namespace neuract::snn {
namespace {

namespace fs = std::filesystem;

/// Bytes of a file, unpacked where it is compressed. Errors do not name the file.
class Reader {
 public:
  [[nodiscard]] Result<void> open(const fs::path& path) {
    std::error_code error;
    const fs::file_status status = fs::status(path, error);
    if (!fs::exists(status)) return fail(ErrorCode::not_found, "there is no such file");
    if (fs::is_directory(status)) return fail(ErrorCode::io, "this is a directory; expected an IDX file");
    errno = 0;
    file_.open(path, std::ios::binary);
    if (!file_) return fail(ErrorCode::io, "cannot be opened: ", std::generic_category().message(errno));
    std::array<char, 2> start{};
    file_.read(start.data(), start.size());
    file_.clear();
    file_.seekg(0);
    if (start[0] == '\x1f' && start[1] == '\x8b') stream_.push(boost::iostreams::gzip_decompressor());
    stream_.push(file_);
    // Without this a broken archive would look like one that ends early.
    stream_.exceptions(std::ios::badbit);
    return {};
  }

  /// Up to bytes.size() bytes; fewer only at the end.
  [[nodiscard]] Result<std::size_t> read(std::span<char> bytes) {
    try {
      stream_.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
      return static_cast<std::size_t>(stream_.gcount());
    } catch (const boost::iostreams::gzip_error& error) {
      return fail(ErrorCode::parse, "the gzip compression is broken (", error.what(), ")");
    } catch (const std::exception& error) {
      return fail(ErrorCode::io, "reading failed: ", error.what());
    }
  }

 private:
  std::ifstream file_;
  boost::iostreams::filtering_istream stream_;
};

/// The u32 at `bytes`, most significant byte first.
std::uint32_t big_endian(const char* bytes) noexcept {
  std::uint32_t value = 0;
  for (int i = 0; i < 4; ++i) value = value << 8 | static_cast<std::uint8_t>(bytes[i]);
  return value;
}

std::string hexadecimal(std::uint32_t value) {
  std::array<char, 16> text{};
  std::snprintf(text.data(), text.size(), "0x%08x", value);
  return text.data();
}

template <std::size_t rank>
struct Idx {
  std::array<std::uint32_t, rank> shape{};
  std::vector<std::uint8_t> elements;
};

template <std::size_t rank>
Result<Idx<rank>> read_idx(const fs::path& path, const char* what) {
  constexpr std::uint32_t kMagic = 0x800 + rank;
  constexpr std::size_t kHeader = 4 + 4 * rank;
  constexpr std::size_t kPiece = std::size_t{1} << 20;

  Reader reader;
  NEURACT_TRY(reader.open(path));
  std::array<char, kHeader> header{};
  NEURACT_TRY_ASSIGN(const std::size_t found, reader.read(header));
  const std::uint32_t magic = big_endian(header.data());
  if (found >= 4 && magic != kMagic)
    return fail(ErrorCode::parse, "begins with ", hexadecimal(magic), "; an IDX file of ", what, " begins with ",
                hexadecimal(kMagic));
  if (found < kHeader)
    return fail(ErrorCode::parse, "ends after ", found, " bytes; the header of an IDX file of ", what, " has ",
                kHeader);

  Idx<rank> idx;
  std::uint64_t size = 1;
  std::string shape;
  for (std::size_t i = 0; i < rank; ++i) {
    idx.shape[i] = big_endian(header.data() + 4 + 4 * i);
    shape += (i == 0 ? "" : " x ") + std::to_string(idx.shape[i]);
    // Both factors are below 2^33: no overflow.
    size = std::min(size * idx.shape[i], kMaxIdxBytes + 1);
  }
  if (size > kMaxIdxBytes)
    return fail(ErrorCode::parse, "its header promises ", shape, " bytes of ", what, "; at most ", kMaxIdxBytes,
                " are read");
  while (idx.elements.size() < size) {
    const std::size_t begin = idx.elements.size();
    idx.elements.resize(begin + std::min<std::uint64_t>(kPiece, size - begin));
    const std::span<std::uint8_t> piece = std::span(idx.elements).subspan(begin);
    NEURACT_TRY_ASSIGN(const std::size_t bytes, reader.read({reinterpret_cast<char*>(piece.data()), piece.size()}));
    if (bytes < piece.size())
      return fail(ErrorCode::parse, "ends after ", begin + bytes, " of the ", shape, " bytes of ", what,
                  " that its header promises");
  }
  std::array<char, 1> more{};
  NEURACT_TRY_ASSIGN(const std::size_t surplus, reader.read(more));
  if (surplus > 0)
    return fail(ErrorCode::parse, "goes on after the ", shape, " bytes of ", what, " that its header promises");
  return idx;
}

Error naming(const fs::path& path, Error error) { return std::move(error).with_context(path.string()); }

}  // namespace

Result<IdxImages> read_idx_images(const fs::path& path) {
  return read_idx<3>(path, "images")
      .transform([](Idx<3> idx) {
        return IdxImages{idx.shape[0], idx.shape[1], idx.shape[2], std::move(idx.elements)};
      })
      .transform_error([&](Error error) { return naming(path, std::move(error)); });
}

Result<std::vector<std::uint8_t>> read_idx_labels(const fs::path& path) {
  return read_idx<1>(path, "labels")
      .transform([](Idx<1> idx) { return std::move(idx.elements); })
      .transform_error([&](Error error) { return naming(path, std::move(error)); });
}

}  // namespace neuract::snn
