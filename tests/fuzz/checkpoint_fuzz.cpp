#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "neuract/snn/builder.hpp"
#include "neuract/snn/checkpoint.hpp"
#include "neuract/snn/shard.hpp"

namespace {

using namespace neuract;

void demand(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "%s\n", what);
  std::abort();
}

snn::PlanPtr small_network() {
  snn::NetworkBuilder net("fuzz");
  net.settings().duration = 4.0;
  net.settings().stop_if = snn::RateGuard{1e9, 1.0};
  const auto e = net.population("E", 70, "iaf_psc_exp", {{"V_m", snn::Distribution{.a = -60, .b = -55}}});
  const auto i = net.population("I", 3, "iaf_psc_delta");
  net.connect(e, e, snn::rules::fixed_indegree(3), {.weight = 50.0, .delay = snn::Distribution{.a = 0.3, .b = 1.0}});
  net.connect(e, i, snn::rules::all_to_all(), {.weight = 0.1, .delay = 0.5});
  net.stimulate(e, snn::PoissonGenerator{8000.0}, {.weight = 200.0});
  return snn::Plan::make(net.spec()).value();
}

struct Good {
  snn::PlanPtr plan = small_network();
  std::vector<std::vector<snn::CohortRange>> placement = snn::place(*plan, 1, 64);
  std::string bytes;

  Good() {
    const auto shard = snn::Shard::build(plan, placement, 0).value();
    while (shard->now() < 20) (void)shard->advance(std::min<snn::Step>(20, shard->now() + shard->quantum()));
    auto sections = shard->save();
    sections.push_back(snn::guard_section(*plan, 0, std::vector<std::uint64_t>(2, 5)));
    sections.push_back(snn::network_section(plan->spec()));
    sections.push_back(snn::about_section({NEURACT_VERSION, "fuzz", 20, 2.0, ".."}));
    bytes = snn::checkpoint_bytes(std::move(sections));
  }
};

}  // namespace

/// A good checkpoint with some bytes changed, and its checksums ignored: reading and going on end, with an error of one
/// line or with a run. The first two bytes of the input cut the file, each three that follow are a place and a byte.
// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer calls it so
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Good good;
  std::string bytes = good.bytes;
  const auto number = [&](std::size_t i) { return data[i] + 256u * data[i + 1]; };
  if (size >= 2 && number(0) != 0) bytes.resize(number(0) % (bytes.size() + 1));
  for (std::size_t i = 2; i + 2 < size && !bytes.empty(); i += 3)
    bytes[number(i) % bytes.size()] = static_cast<char>(data[i + 2]);

  auto memory = memory::HostArray<std::byte>::zeros(bytes.size()).value();
  if (!bytes.empty()) std::memcpy(memory.data(), bytes.data(), bytes.size());
  auto file = snn::CheckpointFile::parse(std::move(memory), "fuzz", snn::CheckpointFile::Checksums::ignored);
  const auto said = [](const Error& error) {
    demand(!error.message.empty(), "an empty message");
    for (const char c : error.message)
      demand(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f, "a control character");
    return 0;
  };
  if (!file) return said(file.error());
  const auto checkpoint = snn::Checkpoint::make(*std::move(file));
  if (!checkpoint) return said(checkpoint.error());
  if (const auto checked = (*checkpoint)->check(*good.plan); !checked) said(checked.error());
  (void)snn::guarded_spikes(**checkpoint, *good.plan);
  const auto shard = snn::Shard::build(good.plan, good.placement, 0).value();
  if (const auto loaded = shard->load(**checkpoint, good.placement); !loaded) return said(loaded.error());
  demand(shard->now() == (*checkpoint)->step(), "another step");
  for (int i = 0; i < 3; ++i) (void)shard->advance(shard->now() + shard->quantum());
  return 0;
}
