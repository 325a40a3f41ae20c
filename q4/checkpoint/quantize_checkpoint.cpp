#include "neuract/q4/checkpoint/quantize_checkpoint.hpp"

#include <fnmatch.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <system_error>
#include <utility>

#include "neuract/q4/f32_chunks.hpp"
#include "neuract/q4/nvfp4.hpp"

namespace neuract::q4 {
namespace {

using memory::ConstTensor;

bool matches(const std::vector<std::string>& globs, const std::string& name) {
  return std::any_of(globs.begin(), globs.end(),
                     [&](const std::string& glob) { return ::fnmatch(glob.c_str(), name.c_str(), 0) == 0; });
}

class Job {
 public:
  Job(const SafetensorsFile& file, const CheckpointOptions& options, const CheckpointProgress& progress)
      : file_(file), options_(options), progress_(progress) {
    const Family usual = options.format == Format::nf4 ? Family::bitsandbytes : Family::torchao;
    store_.family = options.family.value_or(usual);
    store_.double_quant = options.double_quant;
    block_ = options.block == 0 ? traits_of(options.format).block : options.block;
  }

  Result<std::vector<CheckpointRow>> run(const std::filesystem::path& out) {
    NEURACT_TRY(check_options());
    NEURACT_TRY(plan());
    NEURACT_TRY_ASSIGN(SafetensorsWriter writer, SafetensorsWriter::create(out, items_, file_.metadata()));
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      const SafetensorsEntry& entry = file_.entries()[i];
      if (rows_[i].quantised) {
        NEURACT_TRY(quantise(entry, rows_[i], writer));
      } else {
        NEURACT_TRY(writer.write(entry.name, file_.bytes(entry)));
      }
      NEURACT_TRY(advance(entry));
    }
    NEURACT_TRY(writer.finish());
    return std::move(rows_);
  }

 private:
  /// What is wrong whatever the tensors are.
  Result<void> check_options() const {
    NEURACT_TRY(check_sizes(options_.format, 0, block_, 0, 0));
    return stored_items("x.weight", options_.format, 0, block_, block_, store_).transform([](const auto&) {});
  }

  /// Why a tensor is copied; empty when it is to be quantised. Numbers are not looked at.
  [[nodiscard]] std::string reason_to_copy(const SafetensorsEntry& entry, const std::map<std::string, Family>& taken) {
    if (const auto family = taken.find(entry.name); family != taken.end())
      return "part of a " + std::string(name_of(family->second)) + " weight";
    const auto type = entry.type->dtype;
    if (type != memory::DType::f32 && type != memory::DType::f16 && type != memory::DType::bf16)
      return "not F32, F16 or BF16";
    if (entry.shape.size() != 2) return "not two-dimensional";
    if (matches(options_.exclude, entry.name)) return "excluded";
    if (!options_.include.empty() && !matches(options_.include, entry.name)) return "not included";
    const FormatTraits& format = traits_of(options_.format);
    if (!format.has_partial_block && entry.shape[1] % block_ != 0)
      return std::to_string(entry.shape[1]) + " inputs are no multiple of " + std::to_string(block_);
    const auto items = stored_items(entry.name, options_.format, entry.shape[0], entry.shape[1], block_, store_);
    return items ? "" : items.error().message;
  }

  Result<void> plan() {
    std::map<std::string, Family> taken;
    for (const StoredWeight& weight : list_weights(file_)) {
      if (weight.family == Family::plain) continue;
      for (const std::string& part : weight.parts) taken.emplace(part, weight.family);
    }
    for (const SafetensorsEntry& entry : file_.entries()) {
      CheckpointRow row{entry.name,
                        std::string(entry.type->name),
                        entry.shape,
                        false,
                        reason_to_copy(entry, taken),
                        entry.bytes(),
                        entry.bytes(),
                        {}};
      row.quantised = row.reason.empty();
      total_ += row.quantised ? 2 * entry.bytes() : entry.bytes();
      rows_.push_back(std::move(row));
    }
    for (std::size_t i = 0; i < rows_.size(); ++i) NEURACT_TRY(settle(file_.entries()[i], rows_[i]));
    if (std::any_of(rows_.begin(), rows_.end(), [](const CheckpointRow& row) { return row.quantised; })) return {};
    std::string reasons;
    for (const CheckpointRow& row : rows_)
      if (row.shape.size() == 2 && reasons.size() < 300)
        reasons += (reasons.empty() ? ": " : "; ") + in_quotes(row.name) + ": " + row.reason;
    return fail(ErrorCode::invalid_argument, file_.name(), ": no tensor can be quantised", reasons);
  }

  /// Looks for numbers that are not finite, and fixes what will be written.
  Result<void> settle(const SafetensorsEntry& entry, CheckpointRow& row) {
    if (row.quantised) {
      NEURACT_TRY_ASSIGN(const ConstTensor tensor, file_.tensor(entry));
      float largest = 0.0f;
      const auto finite = detail::for_f32_chunks(tensor, [&](std::span<const float> x, std::size_t first) {
        const float here = absolute_maximum(x);
        largest = std::max(largest, here);
        return std::isfinite(here) ? Result<void>() : Result<void>(not_finite(x, first));
      });
      NEURACT_TRY(advance(entry));
      row.reason = finite ? unfit_global(largest) : finite.error().message;
      row.quantised = row.reason.empty();
    }
    if (!row.quantised) {
      items_.push_back({entry.name, entry.type, entry.shape});
      return {};
    }
    NEURACT_TRY_ASSIGN(const auto items,
                       stored_items(entry.name, options_.format, entry.shape[0], entry.shape[1], block_, store_));
    row.bytes_after = 0;
    for (const SafetensorsItem& item : items) {
      row.bytes_after += static_cast<std::uint64_t>(*memory::element_count(item.shape)) * item.type->bits / 8;
      items_.push_back(item);
    }
    return {};
  }

  /// A global scale can be so small that the family that divides by it cannot store it.
  [[nodiscard]] std::string unfit_global(float largest) const {
    if (options_.format != Format::nvfp4 || !traits_of(store_.family).divides_by_global) return "";
    return std::isfinite(1.0f / nvfp4::global_scale(largest)) ? "" : "its numbers are too small for this family";
  }

  Result<void> quantise(const SafetensorsEntry& entry, CheckpointRow& row, SafetensorsWriter& writer) {
    const auto in_context = [&](Error error) { return std::move(error).with_context(in_quotes(entry.name)); };
    NEURACT_TRY_ASSIGN(const ConstTensor tensor, file_.tensor(entry));
    NEURACT_TRY_ASSIGN(const QuantizedWeight weight,
                       q4::quantize(tensor, options_.format, block_).transform_error(in_context));
    StoreOptions options = store_;
    options.source_dtype = tensor.dtype();
    NEURACT_TRY_ASSIGN(const StoredTensors stored, store(entry.name, weight, options).transform_error(in_context));
    NEURACT_TRY_ASSIGN(row.error, quantization_error(tensor, stored.weight).transform_error(in_context));
    for (const NamedTensor& part : stored.tensors) NEURACT_TRY(writer.write(part.name, part.tensor));
    return {};
  }

  Result<void> advance(const SafetensorsEntry& entry) {
    file_.forget(entry);
    done_ += entry.bytes();
    if (progress_ && !progress_(std::min(done_, total_), total_))
      return fail(ErrorCode::cancelled, "stopped; nothing has been written");
    return {};
  }

  const SafetensorsFile& file_;
  const CheckpointOptions& options_;
  const CheckpointProgress& progress_;
  StoreOptions store_;
  std::uint32_t block_ = 0;
  std::vector<CheckpointRow> rows_;  ///< in the order of the file's entries
  std::vector<SafetensorsItem> items_;
  std::uint64_t done_ = 0;
  std::uint64_t total_ = 0;
};

}  // namespace

Result<std::vector<CheckpointRow>> quantize_checkpoint(const SafetensorsFile& file, const std::filesystem::path& out,
                                                       const CheckpointOptions& options,
                                                       const CheckpointProgress& progress) {
  std::error_code missing;
  if (std::filesystem::equivalent(file.name(), out, missing))
    return fail(ErrorCode::invalid_argument, out.string(), ": this is the file that is read; it is not overwritten");
  return Job(file, options, progress).run(out);
}

}  // namespace neuract::q4
