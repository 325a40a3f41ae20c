#include <string>

#include "neuract/config/builder.hpp"
#include "neuract/config/hints.hpp"
#include "neuract/config/network_file.hpp"
#include "neuract/snn/number_text.hpp"

namespace neuract::config {

std::optional<CheckpointKeys> read_checkpoint(const Node& node, const std::string& section, Builder& builder) {
  constexpr std::uint64_t kMostFiles = 1'000'000;
  const std::string subject = section + ": checkpoint";
  if (!expect_table(node, subject, builder.diagnostics)) return std::nullopt;
  expect_keys(node, subject, {"every", "dir", "keep"}, builder.diagnostics);
  CheckpointKeys keys;
  if (const Member* every = node.find("every")) {
    if (const auto ms = read_number(every->value, subject + ": every", builder.context())) {
      keys.every_ms = *ms;
      if (!(*ms >= builder.spec.dt / 2)) {
        builder.diagnostics.add(every->value.origin, subject + ": every is " + snn::number_text(*ms) +
                                                         " ms, must be at least one step (" +
                                                         snn::number_text(builder.spec.dt) + " ms)");
      }
    }
  } else {
    builder.diagnostics.add(node.origin, subject + ": every is missing; expected { every = ms, … }");
  }
  if (const Member* dir = node.find("dir")) {
    const auto text = read_string(dir->value, subject + ": dir", builder.diagnostics);
    if (text && text->empty()) builder.diagnostics.add(dir->value.origin, subject + ": dir: expected a directory");
    keys.dir = text.value_or("");
  }
  if (const Member* keep = node.find("keep")) {
    if (const auto files = read_count(keep->value, subject + ": keep", builder.context(), kMostFiles)) {
      keys.keep = *files;
      if (*files == 0) builder.diagnostics.add(keep->value.origin, subject + ": keep: at least one file must stay");
    }
  }
  return keys;
}

}  // namespace neuract::config
