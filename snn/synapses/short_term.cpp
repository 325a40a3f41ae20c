#include "neuract/snn/synapses/short_term.hpp"

#include "neuract/snn/portable_math.hpp"

namespace neuract::snn::synapses {
namespace {

/// What is left of a quantity after `time`; a time constant of 0 leaves nothing.
double left(double time, double tau) noexcept { return tau == 0.0 ? 0.0 : portable::exp(-time / tau); }

double spike_of(const Tsodyks::Parameters& p, Resources& r, double time) noexcept {
  const double active = left(time, p.tau_psc);
  const double inactive = left(time, p.tau_rec);
  const double recovered_from_y = ((inactive - 1.0) * p.tau_rec - (active - 1.0) * p.tau_psc) / (p.tau_psc - p.tau_rec);
  const double z = 1.0 - r.x - r.y;
  const double u = r.u * left(time, p.tau_fac);
  const double x = r.x + (recovered_from_y * r.y + (1.0 - inactive) * z);
  r.y *= active;
  r.u = u + p.U * (1.0 - u);
  const double used = r.u * x;
  r.x = x - used;
  r.y += used;
  return used;
}

/// `time` 0: the first spike finds the resources as they are.
double spike_of(const Tsodyks2::Parameters& p, Resources& r, double time) noexcept {
  if (time > 0.0) {
    r.x = 1.0 + (r.x - r.x * r.u - 1.0) * left(time, p.tau_rec);
    r.u = p.U + r.u * (1.0 - p.U) * left(time, p.tau_fac);
  }
  return r.x * r.u;
}

}  // namespace

ShortTermRule::ShortTermRule(const SynapseSpec& spec, double dt) : dt_(dt) {
  if (spec.model == Tsodyks::name) {
    parameters_ = parameters_of<Tsodyks>(spec);
  } else {
    parameters_ = parameters_of<Tsodyks2>(spec);
  }
}

Resources ShortTermRule::at_start() const noexcept {
  if (const auto* p = std::get_if<Tsodyks::Parameters>(&parameters_)) return {p->x, p->y, p->u};
  const auto* p = std::get_if<Tsodyks2::Parameters>(&parameters_);
  return {p->x, 0.0, p->u};
}

double ShortTermRule::spike(Resources& r, double steps) const noexcept {
  const double time = steps * dt_;
  if (const auto* p = std::get_if<Tsodyks::Parameters>(&parameters_)) return spike_of(*p, r, time);
  return spike_of(*std::get_if<Tsodyks2::Parameters>(&parameters_), r, time);
}

}  // namespace neuract::snn::synapses
