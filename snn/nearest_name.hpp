#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// What an error says about a name that does not exist: which ones do, and which of them was probably meant.
namespace neuract::snn {

/// `text` fit for one line of a terminal: control characters and those of `escaped` written so that they can be seen.
inline std::string printable(std::string_view text, std::string_view escaped = "") {
  std::string out;
  for (const char c : text) {
    if (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f) {
      if (escaped.find(c) != std::string_view::npos) out += '\\';
      out += c;
    } else {
      char code[8];
      std::snprintf(code, sizeof code, "\\x%02x", static_cast<unsigned>(static_cast<unsigned char>(c)));
      out += code;
    }
  }
  return out;
}

/// `text` in double quotes, printable, cut when it is long.
inline std::string in_quotes(std::string_view text) {
  constexpr std::size_t kLongest = 60;
  return "\"" + printable(text.substr(0, kLongest), "\"\\") + (text.size() > kLongest ? "…\"" : "\"");
}

/// Damerau-Levenshtein distance without regard to case: insertions, deletions, substitutions and swaps of neighbours.
/// Time and memory a.size() * b.size().
inline std::size_t edit_distance(std::string_view a, std::string_view b) {
  const auto folded = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  std::vector<std::vector<std::size_t>> d(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) d[i][0] = i;
  for (std::size_t j = 0; j <= b.size(); ++j) d[0][j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const bool same = folded(a[i - 1]) == folded(b[j - 1]);
      d[i][j] = std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + (same ? 0 : 1)});
      if (i > 1 && j > 1 && folded(a[i - 1]) == folded(b[j - 2]) && folded(a[i - 2]) == folded(b[j - 1])) {
        d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
      }
    }
  }
  return d[a.size()][b.size()];
}

/// The known name that `given` was probably meant to be: at most a third of its letters differ, one of two, none (but
/// for case) of one. Empty when none is.
inline std::string_view nearest_name(std::string_view given, std::span<const std::string_view> known) {
  std::size_t best = given.size() < 2 ? 1 : std::max<std::size_t>(1, given.size() / 3) + 1;
  std::string_view nearest;
  for (const std::string_view name : known) {
    const std::size_t difference = name.size() > given.size() ? name.size() - given.size() : given.size() - name.size();
    if (difference >= best) continue;  // also keeps absurdly long names cheap
    if (const std::size_t distance = edit_distance(given, name); distance < best) {
      best = distance;
      nearest = name;
    }
  }
  return nearest;
}

/// "1 value", "2 values".
inline std::string counted(std::size_t number, std::string_view noun) {
  return std::to_string(number) + " " + std::string(noun) + (number == 1 ? "" : "s");
}

/// "a, b, c", cut after a screenful.
inline std::string listed(std::span<const std::string_view> names) {
  constexpr std::size_t kMost = 24;
  std::string text;
  for (std::size_t i = 0; i < names.size() && i < kMost; ++i)
    text.append(i == 0 ? "" : ", ").append(printable(names[i]));
  return names.size() > kMost ? text + ", …" : text;
}

/// `unknown parameter "tau_n"; iaf_psc_exp has tau_m, C_m (did you mean "tau_m"?)`, where `intro` is "iaf_psc_exp has".
inline std::string unknown_name(std::string_view kind, std::string_view given, std::string_view intro,
                                std::span<const std::string_view> known) {
  std::string text = "unknown " + std::string(kind) + " " + in_quotes(given) + "; ";
  text += known.empty() ? "there are none" : std::string(intro) + " " + listed(known);
  if (const std::string_view nearest = nearest_name(given, known); !nearest.empty()) {
    text += " (did you mean \"" + std::string(nearest) + "\"?)";
  }
  return text;
}

}  // namespace neuract::snn
