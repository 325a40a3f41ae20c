#pragma once

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "neuract/snn/spec.hpp"

/// The words of a network file for the choices of the specification. Private to config/.
namespace neuract::config {

template <class T>
using Word = std::pair<std::string_view, T>;

inline constexpr auto kRepresentations = std::to_array<Word<snn::Representation>>({
    {"automatic", snn::Representation::automatic},
    {"sparse", snn::Representation::sparse},
    {"bit_planes", snn::Representation::bit_planes},
    {"procedural", snn::Representation::procedural},
});
inline constexpr auto kWeightFormats = std::to_array<Word<snn::WeightFormat>>({
    {"automatic", snn::WeightFormat::automatic},
    {"4bit", snn::WeightFormat::four_bits},
    {"16bit", snn::WeightFormat::sixteen_bits},
    {"32bit", snn::WeightFormat::thirty_two_bits},
});
inline constexpr auto kPrecisions = std::to_array<Word<snn::Precision>>({
    {"f32", snn::Precision::f32},
    {"f64", snn::Precision::f64},
});

template <class T>
std::string_view word_for(T choice, std::span<const Word<T>> words) {
  const auto found = std::find_if(words.begin(), words.end(), [&](const auto& word) { return word.second == choice; });
  return found == words.end() ? "?" : found->first;
}
inline std::string_view name_of(snn::Representation x) { return word_for<snn::Representation>(x, kRepresentations); }
inline std::string_view name_of(snn::WeightFormat x) { return word_for<snn::WeightFormat>(x, kWeightFormats); }
inline std::string_view name_of(snn::Precision x) { return word_for<snn::Precision>(x, kPrecisions); }

}  // namespace neuract::config
