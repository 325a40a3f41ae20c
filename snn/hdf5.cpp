#include "neuract/snn/hdf5.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <system_error>

namespace neuract::snn::hdf5 {

namespace {

std::mutex& library_mutex() {
  static std::mutex mutex;
  return mutex;
}

/// Applies a POSIX call that transfers part of the bytes until all are through; 0 or errno.
template <class Transfer>
int transfer_all(Transfer transfer, char* bytes, std::size_t size, off_t offset, bool stop_at_end) {
  while (size > 0) {
    const ssize_t done = transfer(bytes, size, offset);
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) return errno;
    if (done == 0) {
      if (!stop_at_end) return EIO;
      std::memset(bytes, 0, size);  // beyond the end: what an HDF5 driver has to answer
      return 0;
    }
    bytes += done;
    size -= static_cast<std::size_t>(done);
    offset += done;
  }
  return 0;
}

}  // namespace

Session::Session() : lock_(library_mutex()) {
  H5Eget_auto2(H5E_DEFAULT, &handler_, &handler_data_);
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
}

Session::~Session() { H5Eset_auto2(H5E_DEFAULT, handler_, handler_data_); }

std::string reason() {
  std::string text;
  const auto first = [](unsigned, const H5E_error2_t* entry, void* out) -> herr_t {
    if (entry->desc != nullptr) *static_cast<std::string*>(out) = entry->desc;
    return 1;  // the innermost is enough
  };
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, first, &text);
  return text.empty() ? "HDF5 gives no reason" : text;
}

Type text_type() {
  Type type(H5Tcopy(H5T_C_S1));
  H5Tset_size(type, H5T_VARIABLE);
  H5Tset_cset(type, H5T_CSET_UTF8);
  return type;
}

/// HDF5's view of one POSIX file (compare its own "sec2" driver), except that no write ever fails towards HDF5.
struct OutputFile::Driver {
  H5FD_t base;  // HDF5 fills this in; it must be first
  int fd;
  haddr_t allocated;
  haddr_t end;
  WriteState* state;

  struct Info {
    WriteState* state;
  };

  static Driver& of(H5FD_t* file) { return *reinterpret_cast<Driver*>(file); }
  static const Driver& of(const H5FD_t* file) { return *reinterpret_cast<const Driver*>(file); }

  void failed(int error) const {
    if (state->error == 0) state->error = error;
  }

  static H5FD_t* open(const char* name, unsigned flags, hid_t fapl, haddr_t) {
    const auto* info = static_cast<const Info*>(H5Pget_driver_info(fapl));
    if (info == nullptr) return nullptr;
    int mode = (flags & H5F_ACC_RDWR) ? O_RDWR : O_RDONLY;
    if (flags & H5F_ACC_TRUNC) mode |= O_TRUNC;
    if (flags & H5F_ACC_CREAT) mode |= O_CREAT;
    const int fd = ::open(name, mode | O_CLOEXEC, 0666);
    struct stat status {};
    if (fd < 0 || ::fstat(fd, &status) != 0) {
      info->state->error = errno;
      if (fd >= 0) ::close(fd);
      return nullptr;
    }
    auto* file = new Driver{};
    file->fd = fd;
    file->end = static_cast<haddr_t>(status.st_size);
    file->state = info->state;
    return &file->base;
  }

  static herr_t close(H5FD_t* file) {
    const std::unique_ptr<Driver> self(&of(file));
    if (::close(self->fd) != 0) self->failed(errno);
    return 0;
  }

  static herr_t query(const H5FD_t*, unsigned long* flags) {
    *flags = H5FD_FEAT_AGGREGATE_METADATA | H5FD_FEAT_ACCUMULATE_METADATA | H5FD_FEAT_DATA_SIEVE |
             H5FD_FEAT_AGGREGATE_SMALLDATA | H5FD_FEAT_POSIX_COMPAT_HANDLE | H5FD_FEAT_SUPPORTS_SWMR_IO;
    return 0;
  }

  static haddr_t get_eoa(const H5FD_t* file, H5FD_mem_t) { return of(file).allocated; }
  static herr_t set_eoa(H5FD_t* file, H5FD_mem_t, haddr_t address) {
    of(file).allocated = address;
    return 0;
  }
  static haddr_t get_eof(const H5FD_t* file, H5FD_mem_t) { return of(file).end; }
  static herr_t get_handle(H5FD_t* file, hid_t, void** handle) {
    *handle = &of(file).fd;
    return 0;
  }

  static herr_t read(H5FD_t* file, H5FD_mem_t, hid_t, haddr_t address, std::size_t size, void* out) {
    const Driver& self = of(file);
    const auto transfer = [&](char* bytes, std::size_t n, off_t offset) { return ::pread(self.fd, bytes, n, offset); };
    return transfer_all(transfer, static_cast<char*>(out), size, static_cast<off_t>(address), true) == 0 ? 0 : -1;
  }

  static herr_t write(H5FD_t* file, H5FD_mem_t, hid_t, haddr_t address, std::size_t size, const void* in) {
    Driver& self = of(file);
    if (self.state->error == 0) {
      const auto transfer = [&](const char* bytes, std::size_t n, off_t offset) {
        return ::pwrite(self.fd, bytes, n, offset);
      };
      if (const int error = transfer_all(transfer, const_cast<char*>(static_cast<const char*>(in)), size,
                                         static_cast<off_t>(address), false))
        self.failed(error);
    }
    self.end = std::max(self.end, address + size);
    return 0;
  }

  static herr_t truncate(H5FD_t* file, hid_t, hbool_t) {
    Driver& self = of(file);
    if (self.end == self.allocated) return 0;
    if (self.state->error == 0 && ::ftruncate(self.fd, static_cast<off_t>(self.allocated)) != 0) self.failed(errno);
    self.end = self.allocated;
    return 0;
  }

  // The file is new and stays open to readers, so there is nothing to lock; but without these HDF5 does not mark the
  // file as being written.
  static herr_t lock(H5FD_t*, hbool_t) { return 0; }
  static herr_t unlock(H5FD_t*) { return 0; }

  static hid_t id() {
    static const H5FD_class_t definition = [] {
      H5FD_class_t d{};
#if H5_VERSION_GE(1, 13, 0)
      d.version = H5FD_CLASS_VERSION;
      d.value = static_cast<H5FD_class_value_t>(571);  // from the range for private drivers
#endif
      d.name = "neuract";
      d.maxaddr = (haddr_t{1} << 63) - 1;
      d.fc_degree = H5F_CLOSE_WEAK;
      d.fapl_size = sizeof(Info);
      d.open = open;
      d.close = close;
      d.query = query;
      d.get_eoa = get_eoa;
      d.set_eoa = set_eoa;
      d.get_eof = get_eof;
      d.get_handle = get_handle;
      d.read = read;
      d.write = write;
      d.truncate = truncate;
      d.lock = lock;
      d.unlock = unlock;
      const H5FD_mem_t kinds[] = H5FD_FLMAP_DICHOTOMY;
      std::copy(std::begin(kinds), std::end(kinds), d.fl_map);
      return d;
    }();
    static const hid_t registered = H5FDregister(&definition);
    return registered;
  }
};

Result<std::unique_ptr<OutputFile>> OutputFile::create(std::filesystem::path final_name) {
  std::unique_ptr<OutputFile> file(new OutputFile);
  file->partial_name_ = final_name;
  file->partial_name_ += ".partial";
  file->final_name_ = std::move(final_name);

  const PropertyList access(H5Pcreate(H5P_FILE_ACCESS));
  const Driver::Info info{&file->state_};
  H5Pset_driver(access, Driver::id(), &info);
  H5Pset_libver_bounds(access, H5F_LIBVER_V110,
                       H5F_LIBVER_V110);  // the oldest format that can be read while it is written
  H5Pset_fclose_degree(access, H5F_CLOSE_STRONG);
  const PropertyList creation(H5Pcreate(H5P_FILE_CREATE));
  H5Pset_obj_track_times(creation, false);  // equal runs give equal files: no times of day inside
  file->file_ = File(H5Fcreate(file->partial_name_.c_str(), H5F_ACC_TRUNC, creation, access));
  file->note(file->file_, "create");
  NEURACT_TRY(file->status());
  return file;
}

OutputFile::~OutputFile() = default;

void OutputFile::note(std::int64_t returned, const char* doing) {
  if (returned < 0 && !failure_)
    failure_ =
        Error{ErrorCode::io, std::string("cannot ") + doing + " " + partial_name_.string() + ": " + reason(), {}};
}

Result<void> OutputFile::status() const {
  if (state_.error != 0)
    return fail(ErrorCode::io, "cannot write ", partial_name_.string(), ": ",
                std::generic_category().message(state_.error));
  if (failure_) return *failure_;
  return {};
}

Group OutputFile::group(hid_t parent, const std::string& name) {
  const PropertyList creation(H5Pcreate(H5P_GROUP_CREATE));
  H5Pset_obj_track_times(creation, false);
  Group group(H5Gcreate2(parent, name.c_str(), H5P_DEFAULT, creation, H5P_DEFAULT));
  note(group, "create a group in");
  return group;
}

void OutputFile::attribute(hid_t object, const char* name, hid_t file_type, hid_t memory_type, const void* values,
                           hsize_t n) {
  const Space space(n == 0 ? H5Screate(H5S_SCALAR) : H5Screate_simple(1, &n, nullptr));
  const Attribute attribute(H5Acreate2(object, name, file_type, space, H5P_DEFAULT, H5P_DEFAULT));
  note(H5Awrite(attribute, memory_type, values), "write an attribute of");
}

void OutputFile::attribute(hid_t object, const char* name, const std::string& value) {
  const Space space(H5Screate(H5S_SCALAR));
  const Type type = text_type();
  const char* text = value.c_str();
  const Attribute attribute(H5Acreate2(object, name, type, space, H5P_DEFAULT, H5P_DEFAULT));
  note(H5Awrite(attribute, type, &text), "write an attribute of");
}

void OutputFile::attribute(hid_t object, const char* name, const std::vector<std::string>& values) {
  std::vector<const char*> texts;
  for (const std::string& value : values) texts.push_back(value.c_str());
  const hsize_t n = texts.size();
  const Space space(H5Screate_simple(1, &n, nullptr));
  const Type type = text_type();
  const Attribute attribute(H5Acreate2(object, name, type, space, H5P_DEFAULT, H5P_DEFAULT));
  note(H5Awrite(attribute, type, texts.data()), "write an attribute of");
}

Dataset OutputFile::fixed(hid_t parent, const char* name, hid_t file_type, hid_t memory_type, const void* values,
                          hsize_t n) {
  const Space space(H5Screate_simple(1, &n, nullptr));
  const PropertyList creation(H5Pcreate(H5P_DATASET_CREATE));
  H5Pset_obj_track_times(creation, false);
  Dataset dataset(H5Dcreate2(parent, name, file_type, space, H5P_DEFAULT, creation, H5P_DEFAULT));
  note(H5Dwrite(dataset, memory_type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values), "write a dataset of");
  return dataset;
}

namespace {

/// A dataset in chunks, nothing in it yet; 0 in `largest` and `chunk` = one dimension.
hid_t create_chunked(hid_t parent, const char* name, hid_t file_type, const std::array<hsize_t, 2>& largest,
                     const std::array<hsize_t, 2>& chunk, hid_t fill_type, const void* fill) {
  const int rank = largest[1] == 0 ? 1 : 2;
  const std::array<hsize_t, 2> now{0, largest[1] == H5S_UNLIMITED ? 0 : largest[1]};
  const Space space(H5Screate_simple(rank, now.data(), largest.data()));
  const PropertyList creation(H5Pcreate(H5P_DATASET_CREATE));
  H5Pset_chunk(creation, rank, chunk.data());
  H5Pset_obj_track_times(creation, false);
  if (fill != nullptr) H5Pset_fill_value(creation, fill_type, fill);
  const PropertyList access(H5Pcreate(H5P_DATASET_ACCESS));
  const std::size_t chunk_bytes =
      static_cast<std::size_t>(chunk[0]) * std::max<hsize_t>(chunk[1], 1) * H5Tget_size(file_type);
  H5Pset_chunk_cache(access, H5D_CHUNK_CACHE_NSLOTS_DEFAULT, std::max<std::size_t>(2 * chunk_bytes, 1 << 20),
                     H5D_CHUNK_CACHE_W0_DEFAULT);
  return H5Dcreate2(parent, name, file_type, space, H5P_DEFAULT, creation, access);
}

}  // namespace

Dataset OutputFile::growing(hid_t parent, const char* name, hid_t file_type, hsize_t chunk_rows, hsize_t columns) {
  Dataset dataset(
      create_chunked(parent, name, file_type, {H5S_UNLIMITED, columns}, {chunk_rows, columns}, file_type, nullptr));
  note(dataset, "create a dataset in");
  return dataset;
}

Dataset OutputFile::filled(hid_t parent, const char* name, hid_t file_type, hid_t memory_type, const void* fill,
                           hsize_t chunk_rows) {
  Dataset dataset(create_chunked(parent, name, file_type, {H5S_UNLIMITED, 0}, {chunk_rows, 0}, memory_type, fill));
  note(dataset, "create a dataset in");
  return dataset;
}

Dataset OutputFile::growing_table(hid_t parent, const char* name, hid_t file_type, hsize_t chunk_rows,
                                  hsize_t chunk_columns) {
  Dataset dataset(create_chunked(parent, name, file_type, {H5S_UNLIMITED, H5S_UNLIMITED}, {chunk_rows, chunk_columns},
                                 file_type, nullptr));
  note(dataset, "create a dataset in");
  return dataset;
}

Result<void> OutputFile::start() {
  if (!failure_) note(H5Fstart_swmr_write(file_), "start writing to");
  return status();
}

Result<void> OutputFile::extend(hid_t dataset, hsize_t rows) {
  NEURACT_TRY(status());
  note(H5Dset_extent(dataset, &rows), "extend a dataset of");
  return status();
}

Result<void> OutputFile::append(hid_t dataset, hid_t memory_type, const void* values, hsize_t old_rows,
                                hsize_t new_rows, hsize_t columns) {
  NEURACT_TRY(status());
  const int rank = columns == 0 ? 1 : 2;
  const std::array<hsize_t, 2> extent{old_rows + new_rows, columns};
  const std::array<hsize_t, 2> offset{old_rows, 0};
  const std::array<hsize_t, 2> count{new_rows, columns};
  note(H5Dset_extent(dataset, extent.data()), "extend a dataset of");
  const Space target(H5Dget_space(dataset));
  H5Sselect_hyperslab(target, H5S_SELECT_SET, offset.data(), nullptr, count.data(), nullptr);
  const Space source(H5Screate_simple(rank, count.data(), nullptr));
  note(H5Dwrite(dataset, memory_type, source, target, H5P_DEFAULT, values), "write to");
  return status();
}

Result<void> OutputFile::overwrite(hid_t dataset, hid_t memory_type, const void* values) {
  NEURACT_TRY(status());
  note(H5Dwrite(dataset, memory_type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values), "write to");
  return status();
}

Result<void> OutputFile::flush(hid_t dataset) {
  NEURACT_TRY(status());
  note(H5Dflush(dataset), "flush");
  return status();
}

Result<void> OutputFile::finish() {
  if (!file_) return status();
  note(file_.reset(), "close");
  NEURACT_TRY(status());
  std::error_code error;
  std::filesystem::rename(partial_name_, final_name_, error);
  if (error)
    failure_ = Error{
        ErrorCode::io,
        "cannot rename " + partial_name_.string() + " to " + final_name_.filename().string() + ": " + error.message(),
        {}};
  return status();
}

}  // namespace neuract::snn::hdf5
