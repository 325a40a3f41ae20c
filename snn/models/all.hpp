#pragma once

#include "neuract/snn/models/aeif_cond_alpha.hpp"
#include "neuract/snn/models/aeif_cond_exp.hpp"
#include "neuract/snn/models/aeif_psc_exp.hpp"
#include "neuract/snn/models/alif.hpp"
#include "neuract/snn/models/cuba_lif.hpp"
#include "neuract/snn/models/hh_psc_alpha.hpp"
#include "neuract/snn/models/iaf_cond_alpha.hpp"
#include "neuract/snn/models/iaf_cond_exp.hpp"
#include "neuract/snn/models/iaf_psc_alpha.hpp"
#include "neuract/snn/models/iaf_psc_delta.hpp"
#include "neuract/snn/models/iaf_psc_exp.hpp"
#include "neuract/snn/models/integrate_and_fire.hpp"
#include "neuract/snn/models/integrator.hpp"
#include "neuract/snn/models/izhikevich.hpp"
#include "neuract/snn/models/li.hpp"
#include "neuract/snn/models/lif.hpp"
#include "neuract/snn/models/mat2_psc_exp.hpp"
#include "neuract/snn/models/parrot_neuron.hpp"

/// Calls X(Model) for every neuron model: the only list of them. Catalogue, kernels, command line and docs derive from
/// it.
#define NEURACT_FOR_EACH_MODEL(X) \
  X(IafPscDelta)                  \
  X(IafPscExp)                    \
  X(IafPscAlpha)                  \
  X(IafCondExp)                   \
  X(IafCondAlpha)                 \
  X(AeifPscExp)                   \
  X(AeifCondExp)                  \
  X(AeifCondAlpha)                \
  X(Mat2PscExp)                   \
  X(HhPscAlpha)                   \
  X(Izhikevich)                   \
  X(Lif)                          \
  X(CubaLif)                      \
  X(Alif)                         \
  X(IntegrateAndFire)             \
  X(Li)                           \
  X(Integrator)                   \
  X(ParrotNeuron)
