#include "neuract/config/weight_files.hpp"

#include <algorithm>
#include <iterator>
#include <span>
#include <utility>

#include "neuract/kernels/convert.hpp"
#include "neuract/q4/checkpoint/checkpoint.hpp"
#include "neuract/q4/checkpoint/schema.hpp"
#include "neuract/snn/nearest_name.hpp"

namespace neuract::config {
namespace {

using snn::DenseFormat;

struct FormatRow {
  std::string_view name;
  DenseFormat format;
  std::optional<q4::Format> quantized;
};
constexpr FormatRow kFormats[] = {
    {"f32", DenseFormat::f32, std::nullopt},
    {"nf4", DenseFormat::nf4, q4::Format::nf4},
    {"nvfp4", DenseFormat::nvfp4, q4::Format::nvfp4},
};
const FormatRow& row_of(DenseFormat format) {
  return *std::find_if(std::begin(kFormats), std::end(kFormats),
                       [&](const FormatRow& r) { return r.format == format; });
}

Result<memory::ConstTensor> to_f32(const memory::ConstTensor& values) {
  if (values.dtype() == memory::DType::f32) return values;
  NEURACT_TRY_ASSIGN(memory::Tensor out, memory::Tensor::zeros(memory::DType::f32, values.shape()));
  NEURACT_TRY_ASSIGN(const std::span<float> y, out.span<float>());
  if (values.dtype() == memory::DType::f16) {
    NEURACT_TRY_ASSIGN(const auto x, values.span<memory::Float16>());
    kernels::convert_kernels().f16_to_f32(x.data(), y.data(), y.size());
  } else {
    NEURACT_TRY_ASSIGN(const auto x, values.span<memory::BFloat16>());
    kernels::convert_kernels().bf16_to_f32(x.data(), y.data(), y.size());
  }
  return memory::ConstTensor(std::move(out));
}

/// As q4::detect, with a guess at what was meant.
Result<q4::StoredWeight> find_weight(const q4::SafetensorsFile& file, const std::string& tensor) {
  auto found = q4::detect(file, tensor);
  if (found || found.error().code != ErrorCode::not_found) return found;
  const std::vector<q4::StoredWeight> weights = q4::list_weights(file);
  constexpr std::string_view kEnding = ".weight";
  std::vector<std::string_view> names;
  for (const q4::StoredWeight& weight : weights) {
    const std::string_view name = weight.name;
    names.push_back(name.ends_with(kEnding) ? name.substr(0, name.size() - kEnding.size()) : name);
    names.push_back(name);
  }
  if (const std::string_view nearest = snn::nearest_name(tensor, names); !nearest.empty())
    found.error().message += " (did you mean " + snn::in_quotes(nearest) + "?)";
  return found;
}

/// A float tensor, as it is or in the format asked for.
Result<snn::ImportedWeights> load_plain(const q4::SafetensorsFile& file, const q4::StoredWeight& stored,
                                        DenseFormat format) {
  NEURACT_TRY_ASSIGN(const memory::ConstTensor values, file.tensor(stored.name));
  snn::ImportedWeights weights{file.name(), stored.name, {}};
  if (const auto quantized = row_of(format).quantized) {
    auto codes = q4::quantize(values, *quantized);
    if (!codes) return std::move(codes).error().with_context(snn::in_quotes(stored.name)).with_context(file.name());
    weights.data = *std::move(codes);
  } else {
    NEURACT_TRY_ASSIGN(weights.data, to_f32(values));
  }
  return weights;
}

}  // namespace

std::string_view name_of(DenseFormat format) noexcept { return row_of(format).name; }

std::optional<DenseFormat> find_dense_format(std::string_view name) noexcept {
  for (const FormatRow& row : kFormats) {
    if (row.name == name) return row.format;
  }
  return std::nullopt;
}

std::vector<std::string_view> dense_format_names() {
  std::vector<std::string_view> names;
  for (const FormatRow& row : kFormats) names.push_back(row.name);
  return names;
}

double bytes_per_weight(const snn::ProjectionSpec& projection) {
  if (projection.weights) {
    if (const auto* quantized = std::get_if<q4::QuantizedWeight>(&projection.weights->data))
      return static_cast<double>(quantized->bytes()) / static_cast<double>(quantized->size());
  }
  const auto format = row_of(*projection.format).quantized;
  if (!format) return sizeof(float);
  return q4::traits_of(*format).bytes_per_weight(q4::traits_of(*format).block);
}

Result<q4::SafetensorsFile> WeightFiles::open(const std::filesystem::path& path) {
  const auto found = files_.find(path);
  if (found != files_.end()) return found->second;
  NEURACT_TRY_ASSIGN(auto file, q4::SafetensorsFile::open(path));
  return files_.emplace(path, std::move(file)).first->second;
}

Result<WeightFiles::Weights> WeightFiles::load(const q4::SafetensorsFile& file, const std::string& tensor,
                                               std::optional<DenseFormat> format, std::int64_t rows,
                                               std::int64_t columns) {
  Weights& loaded = loaded_[{file.name(), tensor, format, rows, columns}];
  if (loaded) return loaded;
  NEURACT_TRY_ASSIGN(const q4::StoredWeight stored, find_weight(file, tensor));
  Result<snn::ImportedWeights> weights = snn::ImportedWeights{};
  if (stored.family == q4::Family::plain) {
    weights = load_plain(file, stored, format.value_or(DenseFormat::f32));
  } else {
    const memory::Dims shape = stored.shape.empty() ? memory::Dims{rows, columns} : memory::Dims{};
    std::string lines;
    const std::string subject =
        file.name() + ": " + snn::in_quotes(stored.name) + " (" + std::string(q4::name_of(stored.family)) + "): ";
    for (const q4::Fault& fault : q4::validate(file, stored, shape)) lines += subject + to_string(fault) + "\n";
    if (!lines.empty()) return fail(ErrorCode::parse, lines);
    weights = q4::load(file, stored, shape).transform([&](q4::QuantizedWeight weight) {
      return snn::ImportedWeights{file.name(), stored.name, std::move(weight)};
    });
  }
  if (!weights) return weights.error();
  loaded = std::make_shared<const snn::ImportedWeights>(*std::move(weights));
  return loaded;
}

}  // namespace neuract::config
