#include "neuract/memory/unified_memory.hpp"

#include <gtest/gtest.h>

#include <cstdlib>

namespace neuract::memory {
namespace {

using enum UnifiedTier;
using enum UnifiedMemoryPolicy;

/// What a device can do, in the order has_device, managed, concurrent_managed, pageable.
struct Row {
  UnifiedCapability capability;
  UnifiedTier tier;
};

const Row kRows[] = {
    {{false, false, false, false}, host_only},
    {{false, true, true, true}, host_only},  // no device: its other words mean nothing
    {{true, false, false, false}, host_only},
    {{true, false, true, false}, host_only},  // concurrent access to what cannot be had
    {{true, true, false, false}, managed_exclusive},
    {{true, true, true, false}, managed_concurrent},
    {{true, false, false, true}, pageable},
    {{true, true, false, true}, pageable},
    {{true, true, true, true}, pageable},
};

TEST(UnifiedMemory, TierIsTheBestThatTheDeviceCanDo) {
  for (const Row& row : kRows) EXPECT_EQ(tier_of(row.capability), row.tier);
}

TEST(UnifiedMemory, DecisionFollowsTheTruthTable) {
  for (const Row& row : kRows) {
    for (const bool disabled : {false, true}) {
      const bool possible = row.tier != host_only && !disabled;

      const auto off = decide_unified_memory(UnifiedMemoryPolicy::disabled, row.capability, disabled);
      EXPECT_EQ(off.value().tier, host_only);

      const auto preferred = decide_unified_memory(prefer_unified, row.capability, disabled);
      EXPECT_EQ(preferred.value().tier, possible ? row.tier : host_only);
      EXPECT_EQ(preferred->unified(), possible);
      EXPECT_FALSE(preferred->reason.empty());

      const auto required = decide_unified_memory(require_unified, row.capability, disabled);
      EXPECT_EQ(required.has_value(), possible);
      if (possible)
        EXPECT_EQ(required->tier, row.tier);
      else
        EXPECT_EQ(required.error().code, ErrorCode::unsupported);
    }
  }
}

TEST(UnifiedMemory, ReasonNamesWhatStandsInTheWay) {
  const auto says = [](const auto& decision, const char* text) {
    return decision.reason.find(text) != std::string::npos;
  };
  EXPECT_TRUE(says(*decide_unified_memory(prefer_unified, {}, false), "no device"));
  EXPECT_TRUE(says(*decide_unified_memory(prefer_unified, {true, true, true, true}, true), "NEURACT_DISABLE_UM"));
  EXPECT_TRUE(
      says(*decide_unified_memory(prefer_unified, {true, false, false, false}, false), "neither managed memory"));
  EXPECT_TRUE(says(*decide_unified_memory(UnifiedMemoryPolicy::disabled, {true, true, true, true}, false), "policy"));
  EXPECT_NE(decide_unified_memory(require_unified, {}, false).error().message.find("no device"), std::string::npos);
}

TEST(UnifiedMemory, TensorsToShareComeFromManagedMemoryOnlyWhereTheDeviceNeedsIt) {
  EXPECT_EQ((UnifiedDecision{host_only, ""}.memory_kind()), MemoryKind::host);
  EXPECT_EQ((UnifiedDecision{managed_exclusive, ""}.memory_kind()), MemoryKind::managed);
  EXPECT_EQ((UnifiedDecision{managed_concurrent, ""}.memory_kind()), MemoryKind::managed);
  EXPECT_EQ((UnifiedDecision{pageable, ""}.memory_kind()), MemoryKind::host);
}

TEST(UnifiedMemory, TheEnvironmentTurnsItOff) {
  setenv("NEURACT_DISABLE_UM", "1", 1);
  EXPECT_NE(decide_unified_memory(prefer_unified)->reason.find("NEURACT_DISABLE_UM"), std::string::npos);
  for (const char* off : {"", "0"}) {
    setenv("NEURACT_DISABLE_UM", off, 1);
    EXPECT_EQ(decide_unified_memory(prefer_unified)->reason.find("NEURACT_DISABLE_UM"), std::string::npos);
  }
  unsetenv("NEURACT_DISABLE_UM");
}

}  // namespace
}  // namespace neuract::memory
