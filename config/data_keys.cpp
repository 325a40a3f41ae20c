#include <optional>
#include <string>
#include <utility>

#include "neuract/config/builder.hpp"

/// `images` or `labels` of a table, with `first` and `count`.
namespace neuract::config {
namespace {

/// What `load` makes of the file under `key`; null and a report when it does not.
template <class Load>
auto read_data(const Node& table, const std::string& key, const std::string& subject, const Context& context,
               Builder& builder, Load load) -> typename decltype(load({}, {}))::value_type {
  const Member* file = table.find(key);
  if (file == nullptr) return nullptr;
  const auto name = read_string(file->value, subject + ": " + key, builder.diagnostics);
  DataPart part;
  bool fine = name.has_value();
  for (const auto& [word, out] : {std::pair{"first", &part.first}, std::pair{"count", &part.count}}) {
    const Member* member = table.find(word);
    if (member == nullptr) continue;
    const auto value = read_count(member->value, subject + ": " + word, context, UINT32_MAX);
    fine = fine && value;
    if (value) *out = *value;
  }
  if (!fine) return nullptr;
  auto loaded = load(builder.folder / *name, part);
  if (loaded) return *std::move(loaded);
  // Which part is asked for stands elsewhere than the file.
  const Member* culprit = file;
  if (loaded.error().code == ErrorCode::invalid_argument) {
    if (const Member* first = table.find("first")) culprit = first;
    if (const Member* count = table.find("count")) culprit = count;
  }
  builder.diagnostics.add(culprit->value.origin, subject + ": " + key + ": " + loaded.error().to_string());
  return nullptr;
}

}  // namespace

DataFiles::Images read_images(const Node& table, const std::string& subject, const Context& context, Builder& builder) {
  return read_data(table, "images", subject, context, builder, [&](const std::filesystem::path& path, DataPart part) {
    return builder.data_files.images(path, part);
  });
}

DataFiles::Labels read_labels(const Node& table, const std::string& subject, const Context& context, Builder& builder) {
  return read_data(table, "labels", subject, context, builder, [&](const std::filesystem::path& path, DataPart part) {
    return builder.data_files.labels(path, part);
  });
}

}  // namespace neuract::config
