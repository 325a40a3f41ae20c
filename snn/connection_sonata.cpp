#include <algorithm>
#include <map>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "neuract/snn/connection_list.hpp"
#include "neuract/snn/hdf5_input.hpp"
#include "neuract/snn/nearest_name.hpp"

/// Connection lists from SONATA edges files.
namespace neuract::snn {
namespace {

using hdf5::InputFile;

/// One property of all edges, gathered from the edge groups that have it.
class Property {
 public:
  explicit Property(const char* name) : name_(name) {}

  Result<void> read(const InputFile& file, hid_t population, const std::string& where,
                    const std::vector<std::uint64_t>& groups, const std::vector<std::uint64_t>& indices) {
    std::map<std::uint64_t, std::optional<std::vector<double>>> columns;
    for (const std::uint64_t group : groups) columns.emplace(group, std::nullopt);
    bool some = false;
    std::string without;
    for (auto& [group, column] : columns) {
      const std::string inside = where + "/" + std::to_string(group);
      std::string name = std::to_string(group);
      if (file.has(population, name)) {
        NEURACT_TRY_ASSIGN(const auto opened, file.group(population, name, inside));
        if (file.has(opened, name_)) {
          NEURACT_TRY_ASSIGN(column, file.column<double>(opened, name_, H5T_NATIVE_DOUBLE, inside + "/" + name_));
          some = true;
          continue;
        }
      }
      without = inside;
    }
    if (!some) return {};
    if (!without.empty()) return file.wrong("there is no " + without + "/" + name_ + ", but other groups have it");
    values.resize(groups.size());
    for (std::size_t i = 0; i < groups.size(); ++i) {
      const std::vector<double>& column = *columns.at(groups[i]);
      if (indices[i] >= column.size())
        return file.wrong("edge " + std::to_string(i) + " is number " + std::to_string(indices[i]) + " of " + where +
                          "/" + std::to_string(groups[i]) + ", whose " + name_ + " has " +
                          counted(column.size(), "value"));
      values[i] = column[indices[i]];
    }
    return {};
  }

  std::vector<double> values;  ///< none when no group has it

 private:
  const char* name_;
};

Result<std::string> choose_population(const InputFile& file, hid_t edges, const std::string& wanted) {
  const std::vector<std::string> names = file.subgroups(edges);
  const std::vector<std::string_view> views(names.begin(), names.end());
  if (wanted.empty() && names.size() == 1) return names.front();
  if (names.empty()) return file.wrong("there are no edge populations in /edges");
  if (wanted.empty()) return file.wrong("there are several edge populations (" + listed(views) + "); say which one");
  if (std::find(names.begin(), names.end(), wanted) == names.end())
    return file.wrong(unknown_name("edge population", wanted, "the file has", views));
  return wanted;
}

Result<ConnectionColumns> read_columns(const InputFile& file, const std::string& wanted) {
  NEURACT_TRY_ASSIGN(const auto edges, file.group(file.root(), "edges", "/edges"));
  NEURACT_TRY_ASSIGN(const std::string name, choose_population(file, edges, wanted));
  const std::string where = "/edges/" + name;
  NEURACT_TRY_ASSIGN(const auto population, file.group(edges, name, where));
  const auto numbers = [&](const char* column) {
    return file.column<std::uint64_t>(population, column, H5T_NATIVE_UINT64, where + "/" + column);
  };
  ConnectionColumns columns;
  NEURACT_TRY_ASSIGN(columns.sources, numbers("source_node_id"));
  NEURACT_TRY_ASSIGN(columns.targets, numbers("target_node_id"));
  const std::size_t n = columns.sources.size();
  // Files without these have one group, in the order of the edges.
  std::vector<std::uint64_t> groups(n, 0);
  std::vector<std::uint64_t> indices(n);
  for (std::size_t i = 0; i < n; ++i) indices[i] = i;
  if (file.has(population, "edge_group_id")) {
    NEURACT_TRY_ASSIGN(groups, numbers("edge_group_id"));
  }
  if (file.has(population, "edge_group_index")) {
    NEURACT_TRY_ASSIGN(indices, numbers("edge_group_index"));
  }
  for (const auto& [column, size] :
       {std::pair{"target_node_id", columns.targets.size()}, std::pair{"edge_group_id", groups.size()},
        std::pair{"edge_group_index", indices.size()}}) {
    if (size != n)
      return file.wrong(where + "/" + column + " has " + counted(size, "value") + ", source_node_id has " +
                        std::to_string(n));
  }
  Property weight("syn_weight");
  Property delay("delay");
  NEURACT_TRY(weight.read(file, population, where, groups, indices));
  NEURACT_TRY(delay.read(file, population, where, groups, indices));
  columns.weights = std::move(weight.values);
  columns.delays = std::move(delay.values);
  return columns;
}

}  // namespace

Result<ConnectionListPtr> read_sonata_connections(const std::filesystem::path& file, const std::string& edges,
                                                  const ConnectionListFit& fit) {
  Result<ConnectionColumns> columns = ConnectionColumns{};
  {
    const hdf5::Session session;
    NEURACT_TRY_ASSIGN(const InputFile input, InputFile::open(file));
    try {
      columns = read_columns(input, edges);
    } catch (const std::bad_alloc&) {  // a file may claim any size
      columns = fail(ErrorCode::out_of_memory, file.string(), " does not fit into memory");
    } catch (const std::length_error&) {
      columns = fail(ErrorCode::out_of_memory, file.string(), " does not fit into memory");
    }
  }
  NEURACT_TRY_ASSIGN(ConnectionColumns read, std::move(columns));
  return make_connection_list(std::move(read), fit, file.string());
}

}  // namespace neuract::snn
