#pragma once

#include <charconv>
#include <cmath>
#include <string>

namespace neuract::snn {

/// The shortest text that reads back as the same number: "0.1", "250", "1e-07".
inline std::string number_text(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0.0 ? "inf" : "-inf";
  char text[32];
  // Integers that people write out come out so, not as 1e+05.
  const bool plain = value == std::floor(value) && std::abs(value) < 1e15;
  const auto end = plain ? std::to_chars(text, text + sizeof text, static_cast<long long>(value)).ptr
                         : std::to_chars(text, text + sizeof text, value).ptr;
  return std::string(text, end);
}

/// To a few digits: for computed numbers, where more would only distract.
inline std::string short_text(double value, int digits = 4) {
  char text[32];
  const auto end = std::to_chars(text, text + sizeof text, value, std::chars_format::general, digits).ptr;
  return std::string(text, end);
}

}  // namespace neuract::snn
