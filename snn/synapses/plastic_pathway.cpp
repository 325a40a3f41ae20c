#include "neuract/snn/synapses/plastic_pathway.hpp"

#include <string>
#include <utility>

#include "neuract/snn/synapses/dopamine_pathway.hpp"
#include "neuract/snn/synapses/pair_pathway.hpp"
#include "neuract/snn/synapses/parameters.hpp"
#include "neuract/snn/synapses/short_term_pathway.hpp"

namespace neuract::snn {
namespace {

Result<std::unique_ptr<Pathway>> build(const Plan& plan, std::uint32_t projection, const CohortRange& cohort,
                                       const BuildProgress& progress) {
  using namespace synapses;
  const std::string& model = plan.spec().projections[projection].synapse.model;
  const bool f64 = plan.spec().precision == Precision::f64;
  if (model == Tsodyks::name || model == Tsodyks2::name)
    return ShortTermPathway::build(plan, projection, cohort, progress);
  if (model == StdpDopamine::name)
    return f64 ? DopaminePathway<double>::build(plan, projection, cohort, progress)
               : DopaminePathway<float>::build(plan, projection, cohort, progress);
  return f64 ? PairPathway<double>::build(plan, projection, cohort, progress)
             : PairPathway<float>::build(plan, projection, cohort, progress);
}

}  // namespace

Result<std::unique_ptr<Pathway>> build_plastic_pathway(const Plan& plan, std::uint32_t projection,
                                                       const CohortRange& cohort, const BuildProgress& progress) {
  return build(plan, projection, cohort, progress).transform_error([&](Error error) {
    return error.with_context("projection \"" + plan.spec().projections[projection].name + "\"");
  });
}

}  // namespace neuract::snn
