#include "neuract/snn/representation.hpp"

#include <variant>

#include "neuract/snn/bit_planes.hpp"
#include "neuract/snn/procedural.hpp"

namespace neuract::snn {

Result<Kept> choose_representation(const Plan& plan, std::uint32_t projection) {
  const ProjectionSpec& spec = plan.spec().projections[projection];
  const auto refuse = [&](const char* wanted, const std::string& why) {
    return fail(ErrorCode::invalid_argument, "projection \"", spec.name, "\" cannot have ", wanted, ": ", why);
  };
  if (spec.weight_format == WeightFormat::four_bits &&
      (spec.format || !spec.synapse.is_static() || spec.connections || spec.weight_profile ||
       !std::holds_alternative<Distribution>(spec.weight)))
    return refuse("weight_format = \"4bit\"",
                  "sixteen levels stand for a distribution that static weights are drawn from");
  std::string why;
  switch (spec.representation) {
    case Representation::procedural:
      if (!procedural_possible(plan, projection, &why)) return refuse("representation = \"procedural\"", why);
      return Kept::procedural;
    case Representation::bit_planes:
      if (!bit_planes_possible(plan, projection, &why)) return refuse("representation = \"bit_planes\"", why);
      return Kept::bit_planes;
    case Representation::sparse:
      if (spec.format) return refuse("representation = \"sparse\"", "its format keeps a weight for every pair");
      break;
    case Representation::automatic: break;
  }
  if (spec.format) return Kept::dense;
  if (!spec.synapse.is_static()) return Kept::dynamic;
  if (spec.representation == Representation::automatic && bit_planes_worthwhile(plan, projection))
    return Kept::bit_planes;
  return Kept::lists;
}

const char* name_of(Kept kept) noexcept {
  switch (kept) {
    case Kept::lists: return "lists";
    case Kept::dense: return "dense";
    case Kept::bit_planes: return "bit planes";
    case Kept::procedural: return "procedural";
    case Kept::dynamic: return "with a state";
  }
  return "";
}

double representation_bytes(const Plan& plan, std::uint32_t projection) {
  constexpr double kDynamic = 8.0;  // a synapse: target, weight and what the model adds
  constexpr double kDense = 0.5625;
  const ProjectionPlan& p = plan.projections()[projection];
  switch (p.kept) {
    case Kept::dense:
      return p.expected_synapses * (*plan.spec().projections[projection].format == DenseFormat::f32 ? 4.0 : kDense);
    case Kept::dynamic: return p.expected_synapses * kDynamic;
    case Kept::bit_planes: return bit_planes_bytes(plan, projection);
    case Kept::procedural:
    case Kept::lists: break;
  }
  return 0.0;
}

}  // namespace neuract::snn
