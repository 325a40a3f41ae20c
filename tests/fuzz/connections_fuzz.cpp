#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "neuract/snn/connection_list.hpp"

namespace {

void demand(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "%s\n", what);
  std::abort();
}

}  // namespace

/// Whatever the text, there is a list that fits its populations, or an error that can be shown.
// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer calls it so
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace neuract;
  const snn::ConnectionListFit fit{"E", 10, "I", 8, 0.1};
  const auto parsed =
      snn::parse_connections(std::string_view(reinterpret_cast<const char*>(data), size), "edges.csv", fit);
  if (!parsed) {
    const std::string message = parsed.error().to_string();
    demand(message.rfind("edges.csv:", 0) == 0, "an error that does not say where");
    for (const char c : message) demand(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f, "a control character");
    return 0;
  }
  const snn::ConnectionList& list = **parsed;
  demand(list.begins.size() == fit.n_target + 1 && list.begins.front() == 0 && list.begins.back() == list.size(),
         "targets that do not cover the list");
  demand(list.weights.empty() || list.weights.size() == list.size(), "weights of another length");
  demand(list.delays.empty() || list.delays.size() == list.size(), "delays of another length");
  for (std::uint32_t target = 0; target < fit.n_target; ++target) {
    demand(list.begins[target] <= list.begins[target + 1], "targets that do not ascend");
    std::uint32_t before = 0;
    for (const std::uint32_t source : list.sources_of(target)) {
      demand(source < fit.n_source && source >= before, "sources beyond the population, or not ascending");
      before = source;
    }
  }
  for (const double weight : list.weights)
    demand(std::isfinite(weight) && weight >= list.smallest_weight && weight <= list.largest_weight, "a wild weight");
  for (const double delay : list.delays)
    demand(std::isfinite(delay) && delay > 0.09 && delay <= list.largest_delay, "a wild delay");
  return 0;
}
