#include "neuract/snn/connection_list.hpp"

#include <gtest/gtest.h>
#include <hdf5.h>
#include <rapidcheck/gtest.h>

#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include "neuract/snn/number_text.hpp"
#include "neuract/snn/plan.hpp"
#include "neuract/snn/synapse_properties.hpp"

namespace neuract::snn {
namespace {

namespace fs = std::filesystem;

const ConnectionListFit kFit{"E", 100, "I", 80, 0.1};

std::string error_of(const std::string& csv) {
  const auto list = parse_connections(csv, "edges.csv", kFit);
  return list ? "no error" : list.error().to_string();
}

TEST(ConnectionList, IsSortedByTargetAndSourceWhateverTheOrderOfTheFile) {
  const auto list = parse_connections(
      "# made by hand\n\n"
      "weight, target ,source,delay # in pA and ms\r\n"
      "1.5,3,7,1.0\n"
      "  -2,0,9,0.1\n"
      "+3,3,2,1e1\n"
      "4,3,7,2.5\n",
      "edges.csv", kFit);
  ASSERT_TRUE(list) << list.error().to_string();
  const ConnectionList& l = **list;
  EXPECT_EQ(l.size(), 4u);
  EXPECT_EQ(l.sources, (std::vector<std::uint32_t>{9, 2, 7, 7}));
  EXPECT_EQ(l.weights, (std::vector<double>{-2.0, 3.0, 1.5, 4.0}));
  EXPECT_EQ(l.delays, (std::vector<double>{0.1, 10.0, 1.0, 2.5}));
  EXPECT_EQ(l.sources_of(3).size(), 3u);
  EXPECT_TRUE(l.sources_of(79).empty());
  EXPECT_EQ(l.largest_indegree, 3u);
  EXPECT_EQ(std::tuple(l.smallest_weight, l.largest_weight), (std::tuple(-2.0, 4.0)));
  EXPECT_EQ(std::tuple(l.smallest_delay, l.largest_delay), (std::tuple(0.1, 10.0)));
  EXPECT_EQ(std::tuple(l.largest_positive_sum, l.largest_negative_sum), (std::tuple(8.5, 2.0)));
}

TEST(ConnectionList, NeedsNeitherWeightsNorRows) {
  EXPECT_TRUE((*parse_connections("source,target\n1,2", "edges.csv", kFit).value()).weights.empty());
  EXPECT_EQ(parse_connections("\xef\xbb\xbftarget,source\n", "edges.csv", kFit).value()->size(), 0u);
}

TEST(ConnectionList, SaysWhatIsWrongInWhichLine) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "edges.csv: there is no header line; columns are source, target, weight, delay"},
      {"# nothing\n\n", "edges.csv: there is no header line; columns are source, target, weight, delay"},
      {"1,2\n3,4\n",
       "edges.csv:1: expected a header line with the names of the columns (source, target, weight, delay), got "
       "\"1,2\""},
      {"source,targte\n",
       "edges.csv:1: unknown column \"targte\"; columns are source, target, weight, delay (did you mean \"target\"?)"},
      {"source;target\n", "edges.csv:1: unknown column \"source;target\"; columns are source, target, weight, delay"},
      {"source,weight\n", "edges.csv:1: column \"target\" is missing; columns are source, target, weight, delay"},
      {"\nsource,target,source\n", "edges.csv:2: column \"source\" is named twice"},
      {"source,target\n1\n", "edges.csv:2: there is 1 value, the header has 2 columns"},
      {"source,target\n1,2,3\n", "edges.csv:2: there are 3 values, the header has 2 columns"},
      {"source,target\n# one\n1,x\n", "edges.csv:3: \"x\" is not a number"},
      {"source,target\n1,\n", "edges.csv:2: \"\" is not a number"},
      {"source,target\n1,2 3\n", "edges.csv:2: \"2 3\" is not a number"},
      {"source,target\n1.5,2\n", "edges.csv:2: source is 1.5, \"E\" has neurons 0 to 99"},
      {"source,target\n100,2\n", "edges.csv:2: source is 100, \"E\" has neurons 0 to 99"},
      {"source,target\n1,-1\n", "edges.csv:2: target is -1, \"I\" has neurons 0 to 79"},
      {"source,target\nnan,1\n", "edges.csv:2: source is nan, \"E\" has neurons 0 to 99"},
      {"source,target,weight\n1,2,inf\n", "edges.csv:2: weight is inf, expected a finite number"},
      {"source,target,weight\n1,2,1e999\n", "edges.csv:2: \"1e999\" is beyond the range of numbers"},
      {"source,target,delay\n1,2,nan\n", "edges.csv:2: delay is nan, expected a finite number"},
      {"source,target,delay\n1,2,1\n1,2,0.05\n", "edges.csv:3: delay is 0.05 ms, must be at least one step of 0.1 ms"},
  };
  for (const auto& [csv, message] : cases) EXPECT_EQ(error_of(csv), message) << csv;
}

TEST(ConnectionList, FromAProgramIsCheckedToo) {
  const auto fails = [](ConnectionColumns columns) {
    return make_connection_list(std::move(columns), kFit).error().to_string();
  };
  EXPECT_EQ(fails({{1}, {1, 2}, {}, {}}), "the list: there are 1 sources, 2 targets, 0 weights and 0 delays");
  EXPECT_EQ(fails({{1, 100}, {1, 2}, {}, {}}), "the list: row 1: source is 100, \"E\" has neurons 0 to 99");
}

/// (source, target, weight, delay in steps)
using Synapse = std::tuple<std::uint32_t, std::uint32_t, double, int>;

/// What cohorts of `width` targets generate, sorted.
std::vector<Synapse> generated(const Plan& plan, std::uint32_t width) {
  std::vector<Synapse> all;
  SynapseProperties properties(plan, 0);
  const std::uint32_t n = plan.populations()[1].n;
  for (std::uint32_t first = 0; first < n; first += width) {
    plan.connectivity(0).for_each_target(
        first, std::min(width, n - first), [&](std::uint32_t target, std::span<const std::uint32_t> sources) {
          const auto weights =
              properties.varied_weights() ? properties.weights(target, sources) : std::span<const double>();
          const std::vector<double> w(weights.begin(), weights.end());
          const auto delays =
              properties.varied_delays() ? properties.delays(target, sources) : std::span<const std::uint16_t>();
          for (std::size_t i = 0; i < sources.size(); ++i) {
            all.emplace_back(sources[i], target, w.empty() ? properties.common_weight() : w[i],
                             plan.projections()[0].delay_min + (delays.empty() ? 0 : delays[i]));
          }
          return true;
        });
  }
  std::sort(all.begin(), all.end());
  return all;
}

PlanPtr plan_with(ConnectionListPtr list, std::uint32_t n_source, std::uint32_t n_target) {
  NetworkSpec spec;
  spec.populations = {{"E", n_source, "iaf_psc_exp", {}}, {"I", n_target, "iaf_psc_exp", {}}};
  ProjectionSpec projection;
  projection.name = "E->I";
  projection.target = 1;
  projection.rule.kind = Rule::Kind::connections;
  projection.weight = 3.0;
  projection.delay = 1.2;
  projection.connections = std::move(list);
  spec.projections = {projection};
  return Plan::make(std::move(spec)).value();
}

RC_GTEST_PROP(ConnectionList, IsGeneratedAsItStoodInTheFile, ()) {
  const std::uint32_t n_source = *rc::gen::inRange(1u, 50u);
  const std::uint32_t n_target = *rc::gen::inRange(1u, 200u);
  const bool weights = *rc::gen::arbitrary<bool>();
  const bool delays = *rc::gen::arbitrary<bool>();
  const auto rows = *rc::gen::inRange(0, 300);
  std::string csv = std::string("source,target") + (weights ? ",weight" : "") + (delays ? ",delay" : "") + "\n";
  std::vector<Synapse> expected;
  for (int i = 0; i < rows; ++i) {
    const std::uint32_t source = *rc::gen::inRange(0u, n_source);
    const std::uint32_t target = *rc::gen::inRange(0u, n_target);
    const double weight = weights ? *rc::gen::inRange(-100, 101) * 0.0625 : 3.0;
    const int delay = delays ? *rc::gen::inRange(1, 400) : 12;
    csv += std::to_string(source) + "," + std::to_string(target);
    if (weights) csv += "," + number_text(weight);
    if (delays) csv += "," + number_text(delay * 0.1);
    csv += "\n";
    expected.emplace_back(source, target, weight, delay);
  }
  std::sort(expected.begin(), expected.end());
  const auto list = parse_connections(csv, "edges.csv", {"E", n_source, "I", n_target, 0.1});
  RC_ASSERT(list.has_value());
  const PlanPtr plan = plan_with(*list, n_source, n_target);
  RC_ASSERT(plan->projections()[0].expected_synapses == rows);
  for (const std::uint32_t width : {64u, 256u}) RC_ASSERT(generated(*plan, width) == expected);
}

TEST(ConnectionList, OfAnotherSizeThanThePopulationsIsRefused) {
  const auto list = parse_connections("source,target\n1,2\n", "edges.csv", kFit).value();
  NetworkSpec spec = plan_with(list, 100, 80)->spec();
  spec.populations[1].n = 79;
  EXPECT_EQ(Plan::make(spec).error().to_string(),
            "projection \"E->I\": edges.csv is for 100 sources and 80 targets, the populations have "
            "100 and 79");
}

/// Writes edge populations as SONATA wants them.
class EdgesFile {
 public:
  explicit EdgesFile(const char* name)
      : path_(fs::path(::testing::TempDir()) / (std::to_string(::getpid()) + name)),
        file_(H5Fcreate(path_.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT)),
        edges_(group(file_, "edges")) {}
  ~EdgesFile() {
    close();
    fs::remove(path_);
  }
  EdgesFile(const EdgesFile&) = delete;
  EdgesFile& operator=(const EdgesFile&) = delete;

  hid_t edges() const { return edges_; }
  static hid_t group(hid_t parent, const char* name) {
    return H5Gcreate2(parent, name, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  }
  template <class T>
  static void column(hid_t parent, const char* name, hid_t type, hid_t memory_type, const std::vector<T>& values) {
    const hsize_t n = values.size();
    const hid_t space = H5Screate_simple(1, &n, nullptr);
    const hid_t data = H5Dcreate2(parent, name, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    H5Dwrite(data, memory_type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data());
    H5Dclose(data);
    H5Sclose(space);
  }
  static void ids(hid_t parent, const char* name, const std::vector<std::uint64_t>& values) {
    column(parent, name, H5T_STD_U32LE, H5T_NATIVE_UINT64, values);
  }
  static void numbers(hid_t parent, const char* name, const std::vector<double>& values) {
    column(parent, name, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, values);
  }
  const fs::path& close() {
    if (file_ >= 0) H5Gclose(edges_), H5Fclose(file_);
    file_ = -1;
    return path_;
  }

 private:
  fs::path path_;
  hid_t file_;
  hid_t edges_;
};

TEST(SonataConnections, AreReadWithWeightsAndDelaysOfAllEdgeGroups) {
  EdgesFile file("groups.h5");
  const hid_t population = EdgesFile::group(file.edges(), "E_to_I");
  EdgesFile::ids(population, "source_node_id", {5, 6, 7, 5});
  EdgesFile::ids(population, "target_node_id", {1, 1, 0, 1});
  EdgesFile::ids(population, "edge_group_id", {0, 1, 1, 0});
  EdgesFile::ids(population, "edge_group_index", {1, 0, 1, 0});
  const hid_t first = EdgesFile::group(population, "0");
  const hid_t second = EdgesFile::group(population, "1");
  EdgesFile::numbers(first, "syn_weight", {10.0, 11.0});
  EdgesFile::numbers(second, "syn_weight", {20.0, 21.0});
  EdgesFile::numbers(first, "delay", {1.0, 1.1});
  EdgesFile::numbers(second, "delay", {2.0, 2.1});
  for (const hid_t group : {first, second, population}) H5Gclose(group);
  const auto list = read_connections(file.close(), "", kFit);
  ASSERT_TRUE(list) << list.error().to_string();
  EXPECT_EQ((*list)->sources, (std::vector<std::uint32_t>{7, 5, 5, 6}));
  EXPECT_EQ((*list)->weights, (std::vector<double>{21.0, 11.0, 10.0, 20.0}));
  EXPECT_EQ((*list)->delays, (std::vector<double>{2.1, 1.1, 1.0, 2.0}));
  EXPECT_EQ((*list)->sources_of(0).size(), 1u);
}

TEST(SonataConnections, MayHaveNothingButIds) {
  EdgesFile file("ids.h5");
  for (const char* name : {"a", "b"}) {
    const hid_t population = EdgesFile::group(file.edges(), name);
    EdgesFile::ids(population, "source_node_id", {5, 6});
    EdgesFile::ids(population, "target_node_id", {1, 80});
    H5Gclose(population);
  }
  const std::string path = file.close().string();
  const auto error = [&](const char* edges, const ConnectionListFit& fit) {
    const auto list = read_connections(path, edges, fit);
    std::string text = list ? "none" : list.error().to_string();
    if (const std::size_t at = text.find(path); at != std::string::npos) text.replace(at, path.size(), "FILE");
    return text;
  };
  EXPECT_EQ(error("", kFit), "FILE: there are several edge populations (a, b); say which one");
  EXPECT_EQ(error("c", kFit), "FILE: unknown edge population \"c\"; the file has a, b");
  EXPECT_EQ(error("b", kFit), "FILE: row 1: target is 80, \"I\" has neurons 0 to 79");
  const auto list = read_connections(path, "b", {"E", 100, "I", 81, 0.1});
  ASSERT_TRUE(list);
  EXPECT_TRUE((*list)->weights.empty());
  EXPECT_TRUE((*list)->delays.empty());
}

TEST(SonataConnections, ThatAreIncompleteAreRefused) {
  EdgesFile file("bad.h5");
  const hid_t population = EdgesFile::group(file.edges(), "a");
  EdgesFile::ids(population, "source_node_id", {5, 6});
  EdgesFile::ids(population, "target_node_id", {1});
  H5Gclose(population);
  const std::string path = file.close().string();
  EXPECT_EQ(read_connections(path, "", kFit).error().to_string(),
            path + ": /edges/a/target_node_id has 1 value, source_node_id has 2");
  EXPECT_EQ(read_connections(path + "x", "", kFit).error().to_string(), path + "x does not exist");
  const fs::path csv = path + ".csv";
  std::ofstream(csv) << "source,target\n1,2\n";
  EXPECT_EQ(read_connections(csv, "a", kFit).error().to_string(),
            csv.string() + " is not a SONATA file: it has no population \"a\"");
  EXPECT_EQ(read_connections(csv, "", kFit).value()->size(), 1u);
  fs::remove(csv);
}

}  // namespace
}  // namespace neuract::snn
