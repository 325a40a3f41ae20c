#pragma once

#include <string>

#include "neuract/config/plot.hpp"

namespace neuract::config {

struct TerminalRasterOptions {
  int columns = 80;
  bool colour = false;
  bool unicode = true;  ///< braille; otherwise ASCII
};

/// Width from the terminal on stdout (80 when there is none), colours unless NO_COLOR, braille when the locale is
/// UTF-8.
TerminalRasterOptions detect_raster_options();

/// A compact spike raster: one band of rows per population, labels and rates at the sides, a time axis below. Ends with
/// a line end.
std::string terminal_raster(const PlotData& data, const TerminalRasterOptions& options);

}  // namespace neuract::config
