#pragma once

#include <string>

#include "neuract/memory/result.hpp"
#include "neuract/snn/plan.hpp"

namespace neuract::snn {

/// In what form a projection of the plan, which has all but this, is kept: as the network asks for, or chosen from the
/// projection's statistics. Errors: invalid_argument when the network asks for what cannot be, with the reason.
Result<Kept> choose_representation(const Plan& plan, std::uint32_t projection);

/// As people read it: "lists", "bit planes", …
const char* name_of(Kept kept) noexcept;

/// Bytes of all synapses of a projection that is not kept as lists, estimated.
double representation_bytes(const Plan& plan, std::uint32_t projection);

}  // namespace neuract::snn
