#pragma once

#include <hdf5.h>

#include <cstdint>
#include <filesystem>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "neuract/memory/result.hpp"

/// The little that the SONATA files need of HDF5's C library. Private to snn: not installed.
namespace neuract::snn::hdf5 {

/// Owns one HDF5 identifier; a negative one is empty.
template <herr_t (*close)(hid_t)>
class Id {
 public:
  Id() = default;
  explicit Id(hid_t id) noexcept : id_(id) {}
  Id(Id&& other) noexcept : id_(std::exchange(other.id_, -1)) {}
  Id& operator=(Id&& other) noexcept {
    if (this != &other) {
      reset();
      id_ = std::exchange(other.id_, -1);
    }
    return *this;
  }
  ~Id() { reset(); }

  herr_t reset() noexcept {
    const hid_t id = std::exchange(id_, -1);
    return id < 0 ? 0 : close(id);
  }
  explicit operator bool() const noexcept { return id_ >= 0; }
  operator hid_t() const noexcept { return id_; }

 private:
  hid_t id_ = -1;
};

using File = Id<H5Fclose>;
using Group = Id<H5Gclose>;
using Dataset = Id<H5Dclose>;
using Attribute = Id<H5Aclose>;
using Space = Id<H5Sclose>;
using Type = Id<H5Tclose>;
using PropertyList = Id<H5Pclose>;

/// Held during all HDF5 work: one thread at a time (the library may have been built without thread safety), and no
/// error traces on stderr.
class Session {
 public:
  Session();
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

 private:
  std::unique_lock<std::mutex> lock_;
  H5E_auto2_t handler_ = nullptr;
  void* handler_data_ = nullptr;
};

/// What HDF5 says about the last failure: the innermost line of its error stack.
std::string reason();

/// A type for variable-length UTF-8 text, as h5py writes it.
Type text_type();

/// A file that grows while others may read it, under the name FINAL.partial until it is complete.
///
/// The layout is made first; after start() only data is added. Should a write fail (full disk, quota, broken device),
/// HDF5 is not told: it cannot give up a file with unwritten data and would crash at exit. Instead the file is left as
/// that moment found it, which is a valid file thanks to the ordered writes of HDF5's single-writer/multiple-readers
/// mode, and every later call returns the error. All functions need a Session.
class OutputFile {
 public:
  static Result<std::unique_ptr<OutputFile>> create(std::filesystem::path final_name);
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  const std::filesystem::path& final_name() const noexcept { return final_name_; }
  const std::filesystem::path& partial_name() const noexcept { return partial_name_; }

  // Layout. Nothing is returned: check with status() or start() at the end.
  hid_t root() const noexcept { return file_; }
  Group group(hid_t parent, const std::string& name);
  /// `n` 0 = a scalar.
  void attribute(hid_t object, const char* name, hid_t file_type, hid_t memory_type, const void* values, hsize_t n = 0);
  void attribute(hid_t object, const char* name, const std::string& value);
  void attribute(hid_t object, const char* name, const std::vector<std::string>& values);
  Dataset fixed(hid_t parent, const char* name, hid_t file_type, hid_t memory_type, const void* values, hsize_t n);
  /// Grows along its first dimension by append(); `columns` 0 makes it one-dimensional.
  Dataset growing(hid_t parent, const char* name, hid_t file_type, hsize_t chunk_rows, hsize_t columns = 0);
  /// One-dimensional, `fill` wherever nothing has been written; nothing is stored until then.
  Dataset filled(hid_t parent, const char* name, hid_t file_type, hid_t memory_type, const void* fill,
                 hsize_t chunk_rows);
  /// Grows along both dimensions: append() with the number of columns once it is known, the same from then on.
  Dataset growing_table(hid_t parent, const char* name, hid_t file_type, hsize_t chunk_rows, hsize_t chunk_columns);
  Result<void> start();

  /// Makes it `rows` long without writing anything.
  Result<void> extend(hid_t dataset, hsize_t rows);
  Result<void> append(hid_t dataset, hid_t memory_type, const void* values, hsize_t old_rows, hsize_t new_rows,
                      hsize_t columns = 0);
  Result<void> overwrite(hid_t dataset, hid_t memory_type, const void* values);
  /// Readers, and whoever comes after a crash, see what was appended before.
  Result<void> flush(hid_t dataset);

  /// Closes the file, whose datasets must be closed, and gives it its final name.
  Result<void> finish();
  Result<void> status() const;

 private:
  struct Driver;       ///< the file's system side
  struct WriteState {  ///< what the driver reports
    int error = 0;     ///< errno of the first failed write
  };
  OutputFile() = default;
  /// Remembers the first failure.
  void note(std::int64_t returned, const char* doing);

  std::filesystem::path final_name_;
  std::filesystem::path partial_name_;
  WriteState state_;
  std::optional<Error> failure_;
  File file_;
};

}  // namespace neuract::snn::hdf5
