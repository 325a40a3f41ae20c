#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "neuract/memory/result.hpp"
#include "neuract/snn/connection_list.hpp"

/// Connections and positions from files. Private to config/.
namespace neuract::config {

/// The files of one network; what several projections or populations share is read once.
class ConnectionFiles {
 public:
  struct Points {
    int dimensions = 2;
    std::vector<double> values;  ///< [n][dimensions]
  };

  /// As snn::read_connections.
  Result<snn::ConnectionListPtr> connections(const std::filesystem::path& path, const std::string& edges,
                                             const snn::ConnectionListFit& fit);
  /// CSV with columns x, y and perhaps z. Errors: not_found, io, parse; they name the file.
  Result<std::shared_ptr<const Points>> points(const std::filesystem::path& path);

 private:
  using Key = std::tuple<std::filesystem::path, std::string, std::string, std::uint32_t, std::string, std::uint32_t>;
  std::map<Key, snn::ConnectionListPtr> lists_;
  std::map<std::filesystem::path, std::shared_ptr<const Points>> points_;
};

}  // namespace neuract::config
