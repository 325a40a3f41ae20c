#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "../q4/checkpoint_text.hpp"
#include "neuract/q4/checkpoint/checkpoint.hpp"

namespace {

void demand(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "%s\n", what);
  std::abort();
}

void demand_printable(const std::string& message) {
  demand(!message.empty(), "an empty message");
  for (const char c : message) demand(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f, "a control character");
}

}  // namespace

/// Whatever a checkpoint holds (written down as tests/q4/checkpoint_text.hpp describes), every weight has faults or
/// loads, never both and never neither, and what is loaded is good for dequantising.
// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer calls it so
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace neuract;
  const auto file = q4::open_text(std::string_view(reinterpret_cast<const char*>(data), size), "fuzz");
  if (!file) return demand_printable(file.error().to_string()), 0;
  for (const q4::StoredWeight& weight : q4::list_weights(*file)) {
    demand(q4::detect(*file, weight.name).value().name == weight.name, "a weight that is not found");
    for (const memory::Dims& shape : {memory::Dims{}, memory::Dims{2, 64}, memory::Dims{-1, 1}, weight.shape}) {
      const auto faults = q4::validate(*file, weight, shape);
      for (const q4::Fault& fault : faults) demand_printable(to_string(fault));
      const auto loaded = q4::load(*file, weight, shape);
      if (weight.family == q4::Family::plain) continue;
      demand(faults.empty() == static_cast<bool>(loaded), "faults and a weight, or neither");
      if (!loaded) {
        demand_printable(loaded.error().to_string());
        continue;
      }
      demand(static_cast<bool>(q4::check(*loaded)), "a weight that does not fit itself");
      if (loaded->size() > 1 << 20) continue;
      const auto values = q4::dequantize(*loaded);
      demand(static_cast<bool>(values), "a weight that cannot be dequantised");
      const auto span = values->span<float>();
      for (const float x : *span) demand(!std::isnan(x), "NaN");
    }
  }
  return 0;
}
