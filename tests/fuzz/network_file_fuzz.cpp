#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "neuract/config/network_file.hpp"
#include "neuract/snn/plan.hpp"
#include "neuract/snn/validate.hpp"

/// Whatever the bytes, parsing ends, with a valid network that can be planned, or with at least one diagnostic, each of
/// one printable line. The first byte 0xff marks an override: up to the first 0x00 that follows stands a --set option.
/// With clang: -DNEURACT_FUZZ=ON builds it against libFuzzer; otherwise replay.cpp drives it.
// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer calls it so
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace neuract;
  std::string_view text(reinterpret_cast<const char*>(data), size);
  std::vector<config::Override> overrides;
  while (!text.empty() && text.front() == '\xff') {
    const std::size_t end = text.find('\0');
    overrides.emplace_back(std::string(text.substr(1, end == std::string_view::npos ? end : end - 1)));
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  }
  const config::ParsedNetwork parsed = config::parse_network(text, "fuzz.toml", overrides);
  const auto fail = [](const char* what) {
    std::fprintf(stderr, "%s\n", what);
    std::abort();
  };
  if (static_cast<bool>(parsed) != parsed.diagnostics.empty()) fail("neither a network nor a diagnostic, or both");
  if (parsed && !snn::validate(parsed.network->spec).empty()) fail("a network with faults");
  if (parsed && !snn::Plan::make(parsed.network->spec)) fail("a network that cannot be planned");
  for (const config::Diagnostic& d : parsed.diagnostics) {
    if (d.message.empty()) fail("an empty message");
    for (const char c : d.message) {
      if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) fail("a control character in a message");
    }
  }
  return 0;
}
