#include "neuract/config/network_file.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <set>
#include <system_error>
#include <utility>

#include "neuract/config/builder.hpp"
#include "neuract/config/hints.hpp"
#include "neuract/snn/nearest_name.hpp"
#include "neuract/snn/validate.hpp"

namespace neuract::config {
namespace {

/// Far beyond anything a person or a script writes; networks come from rules, not from lists.
constexpr std::uintmax_t kLargestFile = 64U << 20;

using Section = void (*)(const Node&, Builder&);

/// In the order in which they need each other.
constexpr std::pair<std::string_view, Section> kSections[] = {
    {"constants", read_constants},     {"simulation", read_simulation},   {"models", read_models},
    {"populations", read_populations}, {"projections", read_projections}, {"projection_tables", read_projection_tables},
    {"stimuli", read_stimuli},         {"recorders", read_recorders},
};

actors::DenseWorker read_worker(const Node& node, const std::string& subject, Diagnostics& diagnostics) {
  using actors::DenseWorker;
  constexpr std::pair<std::string_view, DenseWorker> kWorkers[] = {
      {"auto", DenseWorker::automatic}, {"inline", DenseWorker::inline_cpu}, {"actor", DenseWorker::actor}};
  for (const auto& [name, worker] : kWorkers) {
    if (node.is(Node::Kind::string) && node.string == name) return worker;
  }
  diagnostics.add(node.origin, subject + R"(: expected "auto", "inline" or "actor", got )" + describe(node));
  return DenseWorker::automatic;
}

RunOptions read_run(const Node& section, Builder& builder) {
  RunOptions run;
  const std::string subject = "[run]";
  if (!expect_table(section, subject, builder.diagnostics)) return run;
  expect_keys(section, subject, {"threads", "cohort_size", "dense_worker", "out", "progress", "checkpoint"},
              builder.diagnostics);
  if (const Member* member = section.find("threads")) {
    const bool automatic = member->value.is(Node::Kind::string) && member->value.string == "auto";
    if (member->value.is(Node::Kind::string) && !automatic && !is_expression(member->value.string)) {
      builder.diagnostics.add(member->value.origin,
                              subject + ": threads: expected a number or \"auto\", got " + describe(member->value));
    } else if (!automatic) {
      run.threads = static_cast<std::uint32_t>(
          read_count(member->value, subject + ": threads", builder.context(), 4096).value_or(0));
    }
  }
  if (const Member* member = section.find("cohort_size")) {
    run.cohort_size = static_cast<std::uint32_t>(
        read_count(member->value, subject + ": cohort_size", builder.context(), 65536).value_or(0));
  }
  if (const Member* member = section.find("dense_worker"))
    run.dense_worker = read_worker(member->value, subject + ": dense_worker", builder.diagnostics);
  if (const Member* member = section.find("out")) {
    run.out = read_string(member->value, subject + ": out", builder.diagnostics).value_or("");
  }
  if (const Member* member = section.find("progress")) {
    run.progress = read_boolean(member->value, subject + ": progress", builder.diagnostics).value_or(true);
  }
  if (const Member* member = section.find("checkpoint"))
    run.checkpoint = read_checkpoint(member->value, subject, builder);
  return run;
}

void read_sections(const Node& root, Builder& builder, RunOptions& run) {
  std::vector<std::string_view> known;
  for (const auto& [name, read] : kSections) known.push_back(name);
  known.emplace_back("run");
  for (const Member& member : root.members) {
    if (std::find(known.begin(), known.end(), member.key) == known.end()) {
      builder.diagnostics.add(member.origin, unknown_key("section", member.key, "a network file has", known));
    }
  }
  for (const auto& [name, read] : kSections) {
    if (const Member* member = root.find(name)) read(member->value, builder);
    if (name != "simulation") continue;
    // From here on expressions may use the step; a constant of that name wins.
    if (builder.globals.find("dt") == nullptr) builder.globals.set("dt", builder.spec.dt);
  }
  if (const Member* member = root.find("run")) run = read_run(member->value, builder);
}

/// Gives the faults of the specification their places, and leaves out what has been said about a part before.
void report_faults(const std::vector<snn::Fault>& faults, Builder& builder) {
  std::set<std::pair<Origin, std::string>> said;
  for (const snn::Fault& fault : faults) {
    if (builder.places.is_reported(fault.path)) continue;
    const Places::Place place = builder.places.find(fault.path);
    const Origin origin = fault.names ? place.name : place.value;
    // One [[projections]] or [[stimuli]] table makes many parts that differ only in the subject of the message.
    const std::size_t subject = fault.message.find("\": ");
    const std::string text = subject == std::string::npos ? fault.message : fault.message.substr(subject);
    if (said.emplace(origin, text).second) builder.diagnostics.add(origin, fault.message);
  }
}

}  // namespace

std::string ParsedNetwork::report() const {
  std::string text;
  for (const Diagnostic& d : diagnostics) {
    if (!text.empty()) text += '\n';
    text += to_string(d, filename, overrides);
  }
  return text;
}

ParsedNetwork parse_network(std::string_view text, const std::string& filename,
                            const std::vector<Override>& overrides) {
  ParsedNetwork result;
  result.filename = filename;
  result.overrides = overrides;
  Diagnostics diagnostics;
  Node root = parse_toml(text, diagnostics);
  if (diagnostics.empty()) {
    apply_overrides(root, overrides, diagnostics);
    Builder builder(diagnostics, std::filesystem::path(filename).parent_path());
    builder.spec.name = std::filesystem::path(filename).stem().string();
    RunOptions run;
    read_sections(root, builder, run);
    report_faults(snn::validate(builder.spec), builder);
    if (diagnostics.empty()) result.network = NetworkFile{std::move(builder.spec), std::move(run), std::string(text)};
  }
  result.diagnostics = diagnostics.sorted();
  return result;
}

Result<NetworkFile> load_network(const std::filesystem::path& file, const std::vector<Override>& overrides) {
  const std::string name = file.string();
  std::error_code error;
  const auto status = std::filesystem::status(file, error);
  if (!std::filesystem::exists(status)) return fail(ErrorCode::not_found, name, ": there is no such file");
  if (std::filesystem::is_directory(status))
    return fail(ErrorCode::io, name, ": this is a directory, expected a network file");
  std::ifstream in(file, std::ios::binary);
  if (!in) return fail(ErrorCode::io, name, ": cannot be opened: ", std::strerror(errno));
  const std::uintmax_t size = std::filesystem::file_size(file, error);
  if (!error && size > kLargestFile)
    return fail(ErrorCode::io, name, ": has ", size, " bytes, too many for a network file");
  std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  if (in.bad()) return fail(ErrorCode::io, name, ": cannot be read: ", std::strerror(errno));

  ParsedNetwork parsed = parse_network(text, name, overrides);
  if (!parsed) return fail(ErrorCode::parse, parsed.report());
  return *std::move(parsed.network);
}

}  // namespace neuract::config
