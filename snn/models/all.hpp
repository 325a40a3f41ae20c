#pragma once

#include "neuract/snn/models/aeif_cond_exp.hpp"
#include "neuract/snn/models/hh_psc_alpha.hpp"
#include "neuract/snn/models/iaf_cond_exp.hpp"
#include "neuract/snn/models/iaf_psc_alpha.hpp"
#include "neuract/snn/models/iaf_psc_delta.hpp"
#include "neuract/snn/models/iaf_psc_exp.hpp"
#include "neuract/snn/models/izhikevich.hpp"

/// Calls X(Model) for every neuron model: the only list of them. Catalogue, kernels, command line and docs derive from
/// it.
#define NEURACT_FOR_EACH_MODEL(X) \
  X(IafPscDelta)                  \
  X(IafPscExp)                    \
  X(IafPscAlpha)                  \
  X(IafCondExp)                   \
  X(AeifCondExp)                  \
  X(HhPscAlpha)                   \
  X(Izhikevich)
