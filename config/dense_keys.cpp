#include <array>
#include <sstream>
#include <string>
#include <utility>

#include "neuract/config/builder.hpp"
#include "neuract/snn/builder.hpp"
#include "neuract/snn/nearest_name.hpp"

/// `format` and `weights` of a projection.
namespace neuract::config {
namespace {

constexpr auto kWeightsKeys = std::to_array<std::string_view>({"file", "tensor"});

/// The text under `key`, or nothing and a report.
const Member* require(const Node& table, std::string_view key, const std::string& subject, Diagnostics& diagnostics) {
  const Member* member = table.find(key);
  if (member == nullptr) {
    if (lacks(table, key, kWeightsKeys)) {
      diagnostics.add(table.origin, subject + ": " + std::string(key) +
                                        R"( is missing, as in { file = "weights.safetensors", tensor = "fc1" })");
    }
    return nullptr;
  }
  return read_string(member->value, subject + ": " + std::string(key), diagnostics) ? member : nullptr;
}

WeightFiles::Weights read_weights(const Node& node, const std::string& subject, std::optional<snn::DenseFormat> format,
                                  const std::optional<std::pair<std::uint32_t, std::uint32_t>>& shape,
                                  Builder& builder) {
  if (!expect_table(node, subject, builder.diagnostics)) return nullptr;
  expect_keys(node, subject, kWeightsKeys, builder.diagnostics);
  const Member* file = require(node, "file", subject, builder.diagnostics);
  const Member* tensor = require(node, "tensor", subject, builder.diagnostics);
  if (file == nullptr) return nullptr;
  const auto opened = builder.weight_files.open(builder.folder / file->value.string);
  if (!opened) {
    builder.diagnostics.add(file->value.origin, subject + ": " + opened.error().to_string());
    return nullptr;
  }
  if (tensor == nullptr || !shape) return nullptr;
  auto weights = builder.weight_files.load(*opened, tensor->value.string, format, shape->first, shape->second);
  if (weights) return *std::move(weights);
  std::istringstream lines(weights.error().to_string());
  for (std::string line; std::getline(lines, line);)
    builder.diagnostics.add(tensor->value.origin, subject + ": " + line);
  return nullptr;
}

/// The weights decide; a format that says something else is wrong.
void take_format(const Node& table, const std::string& subject, Builder& builder, snn::ProjectionSpec& projection) {
  const snn::ImportedWeights& weights = *projection.weights;
  const snn::DenseFormat has = format_of(weights);
  if (projection.format && *projection.format != has) {
    builder.diagnostics.add(table.find("format")->value.origin,
                            subject + ": format is " + snn::in_quotes(name_of(*projection.format)) + ", but tensor " +
                                snn::in_quotes(weights.tensor) + " of " + weights.file + " is in " +
                                std::string(name_of(has)) + "; leave format out");
  }
  projection.format = has;
}

}  // namespace

void read_dense(const Node& table, const std::string& subject, const std::string& path, Builder& builder,
                snn::ProjectionSpec& projection) {
  const Member* format = table.find("format");
  const Member* weights = table.find("weights");
  if (format != nullptr) {
    builder.places.set(path + ".format", format->origin, format->value.origin);
    if (const auto name = read_string(format->value, subject + ": format", builder.diagnostics)) {
      projection.format = find_dense_format(*name);
      if (!projection.format) {
        builder.diagnostics.add(
            format->value.origin,
            subject + ": " + snn::unknown_name("format", *name, "formats are", dense_format_names()));
      }
    }
  }
  if (weights != nullptr) {
    builder.places.set(path + ".weights", weights->origin, weights->value.origin);
    if (const Member* weight = table.find("weight"); weight != nullptr) {
      builder.diagnostics.add(weight->origin, subject + ": weight and weights exclude each other");
    }
    std::optional<std::pair<std::uint32_t, std::uint32_t>> shape;
    const auto& populations = builder.spec.populations;
    if (!path.empty()) shape = {populations[projection.target].n, populations[projection.source].n};
    projection.weights = read_weights(weights->value, subject + ": weights", projection.format, shape, builder);
    if (projection.weights) take_format(table, subject, builder, projection);
  }
  // What stands there wrongly still tells that the projection is dense, with what that asks of the rule and the delay.
  if ((format != nullptr || weights != nullptr) && !projection.format) projection.format = snn::DenseFormat::f32;
}

}  // namespace neuract::config
