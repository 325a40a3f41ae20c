#pragma once

#include <span>
#include <string>
#include <string_view>

namespace neuract::config {

/// As snn::unknown_name, and when `given` is what PyNN, Brian or NEST call one of the known names, it says so.
/// `also`: further names that may have been meant, but are not worth listing.
std::string unknown_key(std::string_view kind, std::string_view given, std::string_view intro,
                        std::span<const std::string_view> known, std::span<const std::string_view> also = {});

/// The known name that `given` probably stands for: another simulator's word for it, or a slip of the pen. Empty when
/// there is none.
std::string_view meant_name(std::string_view given, std::span<const std::string_view> known);

/// For a text where a number belongs: `; units are fixed, write 10 (ms)` when it reads like a number with a unit, or
/// how to write an expression when it reads like one; empty otherwise.
std::string hint_for_text(std::string_view text);

}  // namespace neuract::config
