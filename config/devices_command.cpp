#include <cstdio>
#include <string>

#include "neuract/config/subcommands.hpp"
#include "neuract/config/text_table.hpp"
#include "neuract/memory/device.hpp"
#include "neuract/memory/system.hpp"
#include "neuract/memory/unified_memory.hpp"
#include "neuract/snn/shard.hpp"

namespace neuract::config {

void add_devices_command(CLI::App& app, Action& action) {
  CLI::App* command = app.add_subcommand("devices", "Show what can compute here, and with how much memory.");
  command->footer("Example:\n  NEURACT_ISA=avx2 neuract devices");
  command->callback([&action] {
    action = [] {
      const OutputStyle style = detect_output_style();
      const auto& manager = memory::DeviceManager::instance();
      TextTable devices({{"device"},
                         {"cores", TextTable::Align::right},
                         {"memory", TextTable::Align::right},
                         {"available", TextTable::Align::right},
                         {"name"}});
      for (const memory::DeviceInfo& device : manager.devices()) {
        devices.add({memory::to_string(device.id), std::to_string(device.cores),
                     memory::format_bytes(device.total_bytes), memory::format_bytes(device.available_bytes),
                     device.name});
      }
      std::fputs(devices.text(style.width, style.colour).c_str(), stdout);

      TextTable facts({{""}, {""}});
      const memory::DeviceInfo cpu = memory::describe_cpu();
      facts.add({"instruction set in use:",
                 std::string(snn::active_isa()) + " (NEURACT_ISA=base|avx2|avx512 chooses a lower one)"});
      facts.add({"the CPU has:", cpu.isa});
      if (const auto unified = memory::decide_unified_memory(memory::UnifiedMemoryPolicy::prefer_unified)) {
        facts.add({"unified memory:", std::string(memory::name_of(unified->tier)) +
                                          (unified->reason.empty() ? "" : "; " + unified->reason)});
      }
      std::printf("\n%s", facts.text(style.width, style.colour).c_str());
      return Exit::done;
    };
  });
}

}  // namespace neuract::config
