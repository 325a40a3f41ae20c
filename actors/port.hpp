#pragma once

#include <cstdint>
#include <variant>
#include <vector>

#include "neuract/actors/messages.hpp"
#include "neuract/actors/report.hpp"
#include "neuract/actors/state_snapshot.hpp"

namespace neuract::actors {

struct BuildReport {
  double build_s = 0.0;
};

/// The text is the path of a checkpoint.
using Answer =
    std::variant<std::monostate, BuildReport, RunReport, StateSnapshot, std::vector<ShardStatistics>, std::string>;

/// How the supervisor talks to the world outside of the actors. Called on the supervisor's thread.
class Port {
 public:
  virtual ~Port() = default;
  virtual void answer(std::uint64_t request, Result<Answer> answer) = 0;
  virtual bool wants_progress() const = 0;
  virtual void progress(const Progress& progress) = 0;  ///< may throw: that ends the run
  virtual bool stop_requested() const = 0;              ///< asked at least every 50 ms while something goes on
};

}  // namespace neuract::actors
