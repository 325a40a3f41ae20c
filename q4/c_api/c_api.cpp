#include "neuract/q4/c_api/c_api.hpp"

#include <algorithm>
#include <cstring>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "neuract/memory/dlpack.hpp"
#include "neuract/q4/linear.hpp"
#include "neuract/q4/weight.hpp"

namespace neuract::q4 {
namespace c_api {
namespace {

thread_local std::string last_error;

}  // namespace

static_assert(NVFP4_INVALID_ARGUMENT == 1 + static_cast<int>(ErrorCode::invalid_argument) &&
              NVFP4_UNSUPPORTED == 1 + static_cast<int>(ErrorCode::unsupported) &&
              NVFP4_INTERNAL == 1 + static_cast<int>(ErrorCode::internal));

int remember(ErrorCode code, std::string_view message) noexcept {
  try {
    last_error = message;
  } catch (...) {  // the status has to do
    last_error.clear();
  }
  return 1 + static_cast<int>(code);
}

void forget_error() noexcept { last_error.clear(); }

Result<void> required(const void* argument, std::string_view name) {
  if (argument == nullptr) return fail(ErrorCode::invalid_argument, name, " is null");
  return {};
}

Q4Session& session() {
  static auto* const all = new Q4Session(Q4Session::create({.policy = {.target = Target::cpu}}).value());
  return *all;
}

}  // namespace c_api

namespace {

using c_api::required;
using c_api::session;

using memory::ConstTensor;
using memory::DType;
using memory::Tensor;

Result<Tensor> borrow(const DLTensor* tensor, std::string_view name) {
  NEURACT_TRY(required(tensor, name));
  auto managed = std::make_unique<DLManagedTensor>();
  managed->dl_tensor = *tensor;
  managed->deleter = [](DLManagedTensor* self) { delete self; };
  auto borrowed = memory::import_dlpack(managed.get());
  if (!borrowed) return Unexpected(std::move(borrowed).error().with_context(std::string(name)));
  static_cast<void>(managed.release());  // the tensor's now
  return borrowed;
}

/// The parts of an NVFP4 weight, as the interface wants them.
struct Parts {
  Tensor codes, scales, global;
};

Result<void> expect(const Tensor& tensor, std::string_view name, DType dtype, const memory::Dims& shape) {
  if (tensor.dtype() != dtype || tensor.shape() != shape)
    return fail(ErrorCode::invalid_argument, name, " is ", name_of(tensor.dtype()), memory::to_string(tensor.shape()),
                "; expected ", name_of(dtype), memory::to_string(shape));
  if (!tensor.placement().host_accessible())
    return fail(ErrorCode::invalid_argument, name, " is in ", tensor.placement().kind, " memory of ",
                tensor.placement().device, "; this library computes on the CPU, which cannot reach it");
  if (!tensor.is_contiguous()) return fail(ErrorCode::invalid_argument, name, " is not contiguous");
  return {};
}

Result<Parts> borrow_parts(const DLTensor* codes, const DLTensor* scales, const DLTensor* global, std::int64_t n,
                           std::int64_t k) {
  Parts parts;
  NEURACT_TRY_ASSIGN(parts.codes, borrow(codes, "codes"));
  NEURACT_TRY_ASSIGN(parts.scales, borrow(scales, "scales"));
  NEURACT_TRY_ASSIGN(parts.global, borrow(global, "global"));
  if (k % 16 != 0) return fail(ErrorCode::invalid_argument, k, " inputs are no multiple of 16, the block of nvfp4");
  NEURACT_TRY(expect(parts.codes, "codes", DType::u8, {n, k / 2}));
  NEURACT_TRY(expect(parts.scales, "scales", DType::f8_e4m3, {n, k / 16}));
  if (parts.global.size() == 1) {
    NEURACT_TRY_ASSIGN(parts.global, parts.global.reshape({1}));
  }
  NEURACT_TRY(expect(parts.global, "global", DType::f32, {1}));
  return parts;
}

/// Layers that scaled_mm has met, the last used one first.
class LayerCache {
 public:
  struct Key {
    std::int64_t outputs, inputs;
    float global;
    DType bias_type;
    std::size_t codes, scales, bias;
    friend bool operator==(const Key&, const Key&) = default;
  };

  /// The layer of that key, made by `make` when there is none.
  template <class Make>
  Result<std::shared_ptr<const Q4Linear>> find(const Key& key, const Make& make) {
    const std::lock_guard lock(mutex_);
    const auto found =
        std::find_if(layers_.begin(), layers_.end(), [&](const auto& entry) { return entry.first == key; });
    if (found != layers_.end()) {
      layers_.splice(layers_.begin(), layers_, found);
    } else {
      NEURACT_TRY_ASSIGN(Q4Linear linear, make());
      layers_.emplace_front(key, std::make_shared<const Q4Linear>(std::move(linear)));
      if (layers_.size() > kMost) layers_.pop_back();
    }
    return layers_.front().second;
  }

  void clear() {
    const std::lock_guard lock(mutex_);
    layers_.clear();
  }

 private:
  static constexpr std::size_t kMost = 64;  // a model's layers, a few times over
  std::mutex mutex_;
  std::list<std::pair<Key, std::shared_ptr<const Q4Linear>>> layers_;
};

LayerCache& layer_cache() {
  static auto* const cache = new LayerCache;
  return *cache;
}

std::size_t hash_of(const ConstTensor& tensor) {
  return std::hash<std::string_view>()({reinterpret_cast<const char*>(tensor.data()), tensor.bytes()});
}

Result<void> scaled_mm(const DLTensor* x, const DLTensor* codes, const DLTensor* scales, const DLTensor* global,
                       const DLTensor* bias, const DLTensor* y) {
  NEURACT_TRY_ASSIGN(const Tensor from, borrow(x, "x"));
  NEURACT_TRY_ASSIGN(const Tensor to, borrow(y, "y"));
  NEURACT_TRY(required(codes, "codes"));
  if (codes->ndim != 2 || codes->shape == nullptr)
    return fail(ErrorCode::invalid_argument, "codes are of rank ", codes->ndim, "; expected [N, K/2]");
  constexpr std::int64_t kMost = std::int64_t{1} << 32;
  const std::int64_t n = codes->shape[0];
  const std::int64_t k = 2 * std::clamp<std::int64_t>(codes->shape[1], 0, kMost);
  NEURACT_TRY_ASSIGN(const Parts parts, borrow_parts(codes, scales, global, n, k));
  std::optional<ConstTensor> added;
  if (bias != nullptr) {
    NEURACT_TRY_ASSIGN(const Tensor row, borrow(bias, "bias"));
    NEURACT_TRY(expect(row, "bias", row.dtype(), {n}));
    added = row;
  }
  QuantizedWeight weight{
      Format::nvfp4, n, k, 16, parts.codes, parts.scales, *reinterpret_cast<const float*>(parts.global.data())};
  const LayerCache::Key key{n,
                            k,
                            weight.global,
                            added ? added->dtype() : DType::u4,
                            hash_of(weight.codes),
                            hash_of(weight.scales),
                            added ? hash_of(*added) : 0};
  NEURACT_TRY_ASSIGN(const auto layer, layer_cache().find(key, [&]() -> Result<Q4Linear> {
    NEURACT_TRY_ASSIGN(Q4Linear linear, Q4Linear::create(session(), k, n, added));
    NEURACT_TRY(linear.prepare_weight(std::move(weight)));
    return linear;
  }));
  return layer->forward(from, to);
}

Result<void> quantize_tensor(const DLTensor* x, const DLTensor* codes, const DLTensor* scales, const DLTensor* global) {
  NEURACT_TRY_ASSIGN(const Tensor from, borrow(x, "x"));
  if (from.rank() != 2)
    return fail(ErrorCode::invalid_argument, "x has shape ", memory::to_string(from.shape()), "; expected [N, K]");
  NEURACT_TRY_ASSIGN(const Parts parts, borrow_parts(codes, scales, global, from.shape()[0], from.shape()[1]));
  NEURACT_TRY_ASSIGN(const QuantizedWeight weight, quantize(from, Format::nvfp4));
  if (weight.codes.bytes() > 0) std::memcpy(parts.codes.data(), weight.codes.data(), weight.codes.bytes());
  if (weight.scales.bytes() > 0) std::memcpy(parts.scales.data(), weight.scales.data(), weight.scales.bytes());
  std::memcpy(parts.global.data(), &weight.global, sizeof weight.global);
  return {};
}

Unexpected<Error> no_managed_memory() {
  return fail(ErrorCode::unsupported, "this library computes on the CPU, which has no managed memory");
}

}  // namespace
}  // namespace neuract::q4

using neuract::Result;
using neuract::q4::c_api::guarded;
using neuract::q4::c_api::required;
namespace q4 = neuract::q4;

extern "C" {

uint32_t NVFP4_abi_version(void) { return NVFP4_ABI_VERSION; }

const char* NVFP4_last_error(void) { return q4::c_api::last_error.c_str(); }

const NVFP4_Table* NVFP4_table(void) { return &q4::c_api::kTable; }

int NVFP4_quantize(const DLTensor* x, const DLTensor* codes, const DLTensor* scales, const DLTensor* global,
                   NVFP4_Stream) {
  return guarded([&] { return q4::quantize_tensor(x, codes, scales, global); });
}

int NVFP4_scaled_mm(const DLTensor* x, const DLTensor* codes, const DLTensor* scales, const DLTensor* global,
                    const DLTensor* bias, const DLTensor* y, NVFP4_Stream) {
  return guarded([&] { return q4::scaled_mm(x, codes, scales, global, bias, y); });
}

int NVFP4_empty_cache(void) {
  return guarded([]() -> Result<void> {
    q4::layer_cache().clear();
    q4::c_api::session().release_buffers();
    return {};
  });
}

int NVFP4_can_use_managed(int32_t, int32_t* answer) {
  return guarded([&]() -> Result<void> {
    NEURACT_TRY(required(answer, "answer"));
    *answer = 0;
    return {};
  });
}

int NVFP4_is_managed_tensor(const DLTensor* tensor, int32_t* answer) {
  return guarded([&]() -> Result<void> {
    NEURACT_TRY(required(tensor, "tensor"));
    NEURACT_TRY(required(answer, "answer"));
    *answer = tensor->device.device_type == kDLCUDAManaged ? 1 : 0;
    return {};
  });
}

int NVFP4_to_managed(const DLTensor* tensor, int32_t, NVFP4_Stream, DLManagedTensorVersioned** managed) {
  return guarded([&]() -> Result<void> {
    NEURACT_TRY(required(managed, "managed"));
    *managed = nullptr;
    NEURACT_TRY(required(tensor, "tensor"));
    return q4::no_managed_memory();
  });
}

int NVFP4_managed_prefetch(const DLTensor* tensor, int32_t, NVFP4_Stream) {
  return guarded([&]() -> Result<void> {
    NEURACT_TRY(required(tensor, "tensor"));
    return q4::no_managed_memory();
  });
}

}  // extern "C"
