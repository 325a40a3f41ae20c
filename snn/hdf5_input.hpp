#pragma once

#include <hdf5.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "neuract/memory/result.hpp"
#include "neuract/snn/hdf5.hpp"

/// How HDF5 files are read. Private to snn: not installed.
namespace neuract::snn::hdf5 {

/// A file that is read, with errors that say what is missing where. All functions need a Session.
class InputFile {
 public:
  static Result<InputFile> open(const std::filesystem::path& path) {
    const std::string name = path.string();
    std::error_code error;
    if (!std::filesystem::exists(path, error)) return fail(ErrorCode::not_found, name, " does not exist");
    if (std::filesystem::is_directory(path, error))
      return fail(ErrorCode::io, name, " is a directory, expected a file");
    if (::access(path.c_str(), R_OK) != 0)
      return fail(ErrorCode::io, "cannot read ", name, ": ", std::generic_category().message(errno));
    InputFile file;
    file.name_ = name;
    file.file_ = File(H5Fopen(name.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT));
    // A file that is being written, or whose writer was killed, opens as a reader beside the writer.
    if (!file.file_) {
      const std::string why = reason();
      file.file_ = File(H5Fopen(name.c_str(), H5F_ACC_RDONLY | H5F_ACC_SWMR_READ, H5P_DEFAULT));
      if (!file.file_) {
        if (H5Fis_hdf5(name.c_str()) <= 0) return fail(ErrorCode::parse, name, " is not an HDF5 file");
        return fail(ErrorCode::parse, name, " cannot be opened: ", why);
      }
    }
    return file;
  }

  hid_t root() const { return file_; }

  Unexpected<Error> wrong(const std::string& what) const { return fail(ErrorCode::parse, name_, ": ", what); }

  bool has(hid_t parent, const std::string& name) const { return H5Lexists(parent, name.c_str(), H5P_DEFAULT) > 0; }

  Result<Group> group(hid_t parent, const std::string& name, const std::string& where) const {
    Group group(has(parent, name) ? H5Gopen2(parent, name.c_str(), H5P_DEFAULT) : -1);
    if (!group) return wrong("there is no group " + where);
    return group;
  }

  Result<Dataset> dataset(hid_t parent, const std::string& name, const std::string& where) const {
    Dataset dataset(has(parent, name) ? H5Dopen2(parent, name.c_str(), H5P_DEFAULT) : -1);
    if (!dataset) return wrong("there is no dataset " + where);
    return dataset;
  }

  /// Sizes of its one or two dimensions.
  Result<std::vector<hsize_t>> shape(hid_t dataset, int rank, const std::string& where) const {
    const Space space(H5Dget_space(dataset));
    if (H5Sget_simple_extent_ndims(space) != rank)
      return wrong(where + " has " + std::to_string(H5Sget_simple_extent_ndims(space)) + " dimensions, expected " +
                   std::to_string(rank));
    std::vector<hsize_t> sizes(static_cast<std::size_t>(rank));
    H5Sget_simple_extent_dims(space, sizes.data(), nullptr);
    return sizes;
  }

  /// The first `rows` rows; `values` has the size for them.
  Result<void> read(hid_t dataset, hid_t memory_type, void* values, const std::vector<hsize_t>& count,
                    const std::string& where) const {
    const std::array<hsize_t, 2> zero{0, 0};
    if (std::find(count.begin(), count.end(), hsize_t{0}) != count.end()) return {};
    const Space source(H5Dget_space(dataset));
    H5Sselect_hyperslab(source, H5S_SELECT_SET, zero.data(), nullptr, count.data(), nullptr);
    const Space target(H5Screate_simple(static_cast<int>(count.size()), count.data(), nullptr));
    if (H5Dread(dataset, memory_type, target, source, H5P_DEFAULT, values) < 0)
      return wrong("cannot read " + where + ": " + reason());
    return {};
  }

  template <class T>
  Result<std::vector<T>> column(hid_t parent, const std::string& name, hid_t memory_type,
                                const std::string& where) const {
    NEURACT_TRY_ASSIGN(const auto data, dataset(parent, name, where));
    NEURACT_TRY_ASSIGN(const auto size, shape(data, 1, where));
    std::vector<T> values(size[0]);
    NEURACT_TRY(read(data, memory_type, values.data(), size, where));
    return values;
  }

  /// Texts of an attribute, of fixed or variable length; none when there is no such attribute.
  std::vector<std::string> texts(hid_t object, const char* name) const {
    std::vector<std::string> result;
    if (H5Aexists(object, name) <= 0) return result;
    const Attribute attribute(H5Aopen(object, name, H5P_DEFAULT));
    const Type type(H5Aget_type(attribute));
    const Space space(H5Aget_space(attribute));
    const auto n = static_cast<std::size_t>(std::max<hssize_t>(H5Sget_simple_extent_npoints(space), 0));
    if (H5Tget_class(type) != H5T_STRING || n == 0) return result;
    if (H5Tis_variable_str(type) > 0) {
      std::vector<char*> values(n, nullptr);
      const Type memory_type(H5Tcopy(type));
      if (H5Aread(attribute, memory_type, values.data()) < 0) return result;
      for (const char* value : values) result.emplace_back(value == nullptr ? "" : value);
      H5Dvlen_reclaim(memory_type, space, H5P_DEFAULT, values.data());
    } else {
      const std::size_t size = H5Tget_size(type);
      std::string values(n * size, '\0');
      if (H5Aread(attribute, type, values.data()) < 0) return result;
      for (std::size_t i = 0; i < n; ++i) {
        const std::string padded = values.substr(i * size, size);
        result.push_back(padded.substr(0, padded.find('\0')));
      }
    }
    return result;
  }

  std::string text(hid_t object, const char* name) const {
    const auto all = texts(object, name);
    return all.empty() ? "" : all.front();
  }

  /// A number in an attribute; unchanged when there is none.
  void number(hid_t object, const char* name, hid_t memory_type, void* out) const {
    if (H5Aexists(object, name) <= 0) return;
    const Attribute attribute(H5Aopen(object, name, H5P_DEFAULT));
    const Space space(H5Aget_space(attribute));
    if (H5Sget_simple_extent_npoints(space) == 1) H5Aread(attribute, memory_type, out);
  }

  /// Milliseconds per unit of time of a dataset.
  Result<double> milliseconds(hid_t dataset, const std::string& where) const {
    const std::string units = text(dataset, "units");
    if (units.empty() || units == "ms") return 1.0;
    if (units == "s") return 1000.0;
    return wrong(where + " is in \"" + units + "\", expected \"ms\" or \"s\"");
  }

  std::vector<std::string> subgroups(hid_t group) const {
    std::vector<std::string> names;
    const auto collect = [](hid_t parent, const char* name, const H5L_info_t*, void* out) -> herr_t {
      const Group child(H5Gopen2(parent, name, H5P_DEFAULT));
      if (child) static_cast<std::vector<std::string>*>(out)->push_back(name);
      return 0;
    };
    H5Literate(group, H5_INDEX_NAME, H5_ITER_INC, nullptr, collect, &names);
    return names;
  }

 private:
  InputFile() = default;
  std::string name_;
  File file_;
};

}  // namespace neuract::snn::hdf5
