#include "neuract/config/connection_files.hpp"

#include <array>
#include <cmath>
#include <string_view>
#include <utility>

#include "neuract/snn/geometry/csv.hpp"
#include "neuract/snn/number_text.hpp"

namespace neuract::config {

Result<snn::ConnectionListPtr> ConnectionFiles::connections(const std::filesystem::path& path, const std::string& edges,
                                                            const snn::ConnectionListFit& fit) {
  snn::ConnectionListPtr& kept = lists_[{path, edges, fit.source, fit.n_source, fit.target, fit.n_target}];
  if (kept) return kept;
  NEURACT_TRY_ASSIGN(kept, snn::read_connections(path, edges, fit));
  return kept;
}

Result<std::shared_ptr<const ConnectionFiles::Points>> ConnectionFiles::points(const std::filesystem::path& path) {
  std::shared_ptr<const Points>& kept = points_[path];
  if (kept) return kept;
  constexpr auto kColumns = std::to_array<std::string_view>({"x", "y", "z"});
  NEURACT_TRY_ASSIGN(const std::string text, snn::read_text(path));
  snn::CsvReader reader(text, path.string());
  NEURACT_TRY(reader.read_header(kColumns, 2));
  Points points;
  points.dimensions = reader.column(2) < 0 ? 2 : 3;
  while (true) {
    NEURACT_TRY_ASSIGN(const bool more, reader.next());
    if (!more) break;
    for (std::size_t axis = 0; axis < static_cast<std::size_t>(points.dimensions); ++axis) {
      const double value = reader.value(reader.column(axis));
      if (!std::isfinite(value))
        return reader.wrong(std::string(kColumns[axis]) + " is " + snn::number_text(value) +
                            ", expected a finite number");
      points.values.push_back(value);
    }
  }
  kept = std::make_shared<const Points>(std::move(points));
  return kept;
}

}  // namespace neuract::config
