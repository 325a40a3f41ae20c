#include <algorithm>
#include <new>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "neuract/snn/hdf5_input.hpp"
#include "neuract/snn/sonata_reader.hpp"

/// weights.h5, read back.
namespace neuract::snn {

namespace {

using hdf5::InputFile;

Result<void> read_history(const InputFile& file, hid_t population, const std::string& where, RecordedWeights& out) {
  NEURACT_TRY_ASSIGN(const auto group, file.group(population, "history", where));
  NEURACT_TRY_ASSIGN(out.times_ms, file.column<double>(group, "time", H5T_NATIVE_DOUBLE, where + "/time"));
  NEURACT_TRY_ASSIGN(const auto data, file.dataset(group, "syn_weight", where + "/syn_weight"));
  NEURACT_TRY_ASSIGN(auto shape, file.shape(data, 2, where + "/syn_weight"));
  // They differ when a writer was interrupted between the two, and when there are no synapses.
  if (shape[1] != 0) out.times_ms.resize(std::min<std::size_t>(out.times_ms.size(), shape[0]));
  if (shape[1] != 0 && shape[1] != out.sources.size())
    return file.wrong(where + "/syn_weight has weights of " + std::to_string(shape[1]) + " synapses, expected " +
                      std::to_string(out.sources.size()));
  shape[0] = std::min<hsize_t>(shape[0], out.times_ms.size());
  out.history.resize(shape[0] * shape[1]);
  return file.read(data, H5T_NATIVE_DOUBLE, out.history.data(), shape, where + "/syn_weight");
}

Result<RecordedWeights> read_population(const InputFile& file, hid_t edges, const std::string& name) {
  const std::string where = "/edges/" + name;
  RecordedWeights out;
  out.projection = name;
  NEURACT_TRY_ASSIGN(const auto population, file.group(edges, name, where));
  for (const auto& [column, ids, nodes] : {std::tuple{"source_node_id", &out.sources, &out.source_population},
                                           std::tuple{"target_node_id", &out.targets, &out.target_population}}) {
    const std::string inside = where + "/" + column;
    NEURACT_TRY_ASSIGN(*ids, file.column<std::uint64_t>(population, column, H5T_NATIVE_UINT64, inside));
    NEURACT_TRY_ASSIGN(const auto dataset, file.dataset(population, column, inside));
    *nodes = file.text(dataset, "node_population");
  }
  const std::size_t synapses = std::min(out.sources.size(), out.targets.size());
  out.sources.resize(synapses);
  out.targets.resize(synapses);
  NEURACT_TRY_ASSIGN(const auto group, file.group(population, "0", where + "/0"));
  NEURACT_TRY_ASSIGN(out.weights, file.column<double>(group, "syn_weight", H5T_NATIVE_DOUBLE, where + "/0/syn_weight"));
  if (!out.weights.empty() && out.weights.size() != synapses)
    return file.wrong(where + "/0/syn_weight has " + std::to_string(out.weights.size()) + " values, expected " +
                      std::to_string(synapses));
  if (file.has(population, "history")) NEURACT_TRY(read_history(file, population, where + "/history", out));
  return out;
}

Result<std::vector<RecordedWeights>> read_all(const std::filesystem::path& path) {
  const hdf5::Session session;
  NEURACT_TRY_ASSIGN(const InputFile file, InputFile::open(path));
  NEURACT_TRY_ASSIGN(const auto edges, file.group(file.root(), "edges", "/edges; is this a SONATA edges file?"));
  std::vector<RecordedWeights> all;
  for (const std::string& name : file.subgroups(edges)) {
    NEURACT_TRY_ASSIGN(RecordedWeights weights, read_population(file, edges, name));
    all.push_back(std::move(weights));
  }
  return all;
}

}  // namespace

Result<std::vector<RecordedWeights>> read_weights(const std::filesystem::path& file) {
  try {
    return read_all(file);
  } catch (const std::bad_alloc&) {  // a file may claim any size
  } catch (const std::length_error&) {
  }
  return fail(ErrorCode::out_of_memory, file.string(), " does not fit into memory");
}

}  // namespace neuract::snn
