#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "neuract/memory/result.hpp"
#include "neuract/snn/spec.hpp"

namespace neuract::snn {

/// The synapses of a projection one by one, from a file or a program: sorted by target, of a target by source, of a
/// pair in the order given. Equal pairs are several synapses. Loaded once and shared by all that generate from it.
/// Memory: 4 bytes a synapse, 8 more for each of weight and delay, 8 a target. Threads: immutable.
struct ConnectionList {
  std::string file;  ///< for messages
  std::uint32_t n_source = 0;
  std::uint32_t n_target = 0;
  std::vector<std::uint64_t> begins;   ///< [n_target + 1]
  std::vector<std::uint32_t> sources;  ///< target t has [begins[t], begins[t + 1])
  std::vector<double> weights;         ///< as `sources`; empty: ProjectionSpec::weight
  std::vector<double> delays;          ///< ms, as `sources`; empty: ProjectionSpec::delay
  double smallest_weight = 0.0;
  double largest_weight = 0.0;
  double smallest_delay = 0.0;
  double largest_delay = 0.0;
  std::uint64_t largest_indegree = 0;
  double largest_positive_sum = 0.0;  ///< of the weights onto one target
  double largest_negative_sum = 0.0;  ///< the same of negative weights, as a magnitude

  [[nodiscard]] std::uint64_t size() const noexcept { return sources.size(); }
  [[nodiscard]] std::span<const std::uint32_t> sources_of(std::uint32_t target) const noexcept {
    return std::span(sources).subspan(begins[target], begins[target + 1] - begins[target]);
  }
};
using ConnectionListPtr = std::shared_ptr<const ConnectionList>;

/// What a list has to fit.
struct ConnectionListFit {
  std::string source;  ///< name of the population
  std::uint32_t n_source = 0;
  std::string target;
  std::uint32_t n_target = 0;
  double dt = 0.1;  ///< ms, the smallest delay
};

/// Columns of the same length; weights and delays may be empty. `file` and `place` (of row i, as in "edges.csv:12") are
/// for errors: invalid_argument, for the first row that does not fit.
struct ConnectionColumns {
  std::vector<std::uint64_t> sources;
  std::vector<std::uint64_t> targets;
  std::vector<double> weights;
  std::vector<double> delays;
};
Result<ConnectionListPtr> make_connection_list(ConnectionColumns columns, const ConnectionListFit& fit,
                                               std::string file = "the list");

/// CSV with columns source, target and, where they differ between synapses, weight and delay; neurons count from 0 in
/// their population. Errors: parse, as "name:line: …".
Result<ConnectionListPtr> parse_connections(std::string_view text, const std::string& name,
                                            const ConnectionListFit& fit);

/// A SONATA edges file: source_node_id, target_node_id, and syn_weight and delay where there are. `edges` is the name of
/// an edge population; empty: the only one. Errors: not_found, io, parse; they name the file.
Result<ConnectionListPtr> read_sonata_connections(const std::filesystem::path& file, const std::string& edges,
                                                  const ConnectionListFit& fit);

/// Either of the two: SONATA when the file is HDF5, else CSV.
Result<ConnectionListPtr> read_connections(const std::filesystem::path& file, const std::string& edges,
                                           const ConnectionListFit& fit);

}  // namespace neuract::snn
