#include "neuract/config/hints.hpp"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <vector>

#include "neuract/snn/nearest_name.hpp"

namespace neuract::config {
namespace {

struct Spelling {
  std::string_view theirs;
  std::string_view ours;
  std::string_view whose;  ///< empty: several simulators or nobody in particular
  std::string_view note;   ///< what else differs
};

constexpr std::string_view kNanofarad = "in pF, not nF";
constexpr std::string_view kNanoampere = "in pA, not nA";

// Several lines may share a spelling: the first one whose `ours` exists where it was written counts.
constexpr Spelling kSpellings[] = {
    {"tau_refrac", "t_ref", "PyNN", ""},
    {"refractory", "t_ref", "Brian", ""},
    {"tau_ref", "t_ref", "", ""},
    {"t_refrac", "t_ref", "", ""},
    {"t_refractory", "t_ref", "", ""},
    {"refractory_period", "t_ref", "", ""},
    {"v_thresh", "V_th", "PyNN", ""},
    {"v_spike", "V_th", "PyNN", ""},
    {"threshold", "V_th", "Brian", "a number, not a condition"},
    {"v_threshold", "V_th", "", ""},
    {"reset", "V_reset", "Brian", "a number, not a statement"},
    {"v_rest", "E_L", "PyNN", ""},
    {"El", "E_L", "Brian", ""},
    {"V_rest", "E_L", "", ""},
    {"cm", "C_m", "PyNN", kNanofarad},
    {"Cm", "C_m", "Brian", ""},
    {"C", "C_m", "", ""},
    {"tau", "tau_m", "Brian", ""},
    {"tau_syn_E", "tau_syn_ex", "PyNN", ""},
    {"tau_syn_I", "tau_syn_in", "PyNN", ""},
    {"tau_e", "tau_syn_ex", "Brian", ""},
    {"tau_i", "tau_syn_in", "Brian", ""},
    {"tau_syn", "tau_syn_ex", "", "and tau_syn_in for inhibition"},
    {"i_offset", "I_e", "PyNN", kNanoampere},
    {"I_ext", "I_e", "", "in pA"},
    {"v_init", "V_m", "PyNN", ""},
    {"v", "V_m", "PyNN and Brian", ""},
    {"initial_values", "V_m", "PyNN", "initial values stand beside the parameters"},
    {"u", "U_m", "PyNN and Brian", ""},
    {"isyn_exc", "I_syn_ex", "PyNN", ""},
    {"isyn_inh", "I_syn_in", "PyNN", ""},
    {"N", "n", "Brian and NEST", ""},
    {"size", "n", "PyNN", ""},
    {"neurons", "n", "", ""},
    {"cellclass", "model", "PyNN", ""},
    {"celltype", "model", "PyNN", ""},
    {"neuron_model", "model", "", ""},
    {"type", "model", "", ""},
    {"params", "variables", "", "parameters stand in the table itself, without a table of their own"},
    {"parameters", "variables", "", "parameters stand in the table itself, without a table of their own"},
    {"timestep", "dt", "PyNN", ""},
    {"resolution", "dt", "NEST", ""},
    {"simtime", "duration", "PyNN", ""},
    {"t_sim", "duration", "", ""},
    {"sim_time", "duration", "", ""},
    {"tstop", "duration", "NEURON", ""},
    {"t_presim", "warmup", "", ""},
    {"presim", "warmup", "", ""},
    {"rng_seed", "seed", "NEST", ""},
    {"batch_size", "batch", "PyTorch", ""},
    {"local_num_threads", "threads", "NEST", ""},
    {"num_threads", "threads", "", ""},
    {"pre", "source", "PyNN and Brian", ""},
    {"presynaptic_population", "source", "PyNN", ""},
    {"post", "target", "PyNN and Brian", ""},
    {"postsynaptic_population", "target", "PyNN", ""},
    {"from", "source", "", ""},
    {"to", "target", "", ""},
    {"targets", "target", "", "it takes a name or an array of names"},
    {"sources", "source", "", "it takes a name or an array of names"},
    {"connector", "rule", "PyNN", ""},
    {"conn_spec", "rule", "NEST", ""},
    {"autapses", "allow_autapses", "NEST", ""},
    {"allow_self_connections", "allow_autapses", "PyNN", ""},
    {"multapses", "allow_multapses", "NEST", ""},
    {"w", "weight", "Brian", ""},
    {"weights", "weight", "PyNN", ""},
    {"synapse_delay", "delay", "", ""},
    {"delays", "delay", "PyNN", ""},
    {"dtype", "format", "PyTorch", ""},
    {"synapse_model", "synapse", "NEST", ""},
    {"synapse_type", "synapse", "PyNN", ""},
    {"syn_spec", "synapse", "NEST", "weight and delay stand beside it"},
    {"static_synapse", "static", "NEST", ""},
    {"StaticSynapse", "static", "PyNN", ""},
    {"tsodyks_synapse", "tsodyks", "NEST", ""},
    {"tsodyks2_synapse", "tsodyks2", "NEST", ""},
    {"TsodyksMarkramSynapse", "tsodyks", "PyNN", ""},
    {"stdp_synapse", "stdp_pair", "NEST", ""},
    {"stdp_synapse_hom", "stdp_pair", "NEST", ""},
    {"stdp_nn_symm_synapse", "stdp_pair", "NEST", "with nearest_neighbour = true"},
    {"STDPMechanism", "stdp_pair", "PyNN", ""},
    {"stdp_pl_synapse_hom", "stdp_pl", "NEST", ""},
    {"stdp_triplet_synapse", "stdp_triplet", "NEST", ""},
    {"vogels_sprekeler_synapse", "vogels_sprekeler", "NEST", ""},
    {"stdp_dopamine_synapse", "stdp_dopamine", "NEST", ""},
    {"volume_transmitter", "modulator", "NEST", "the population that would be connected to it"},
    {"vt", "modulator", "NEST", "the population that would be connected to the volume transmitter"},
    {"w_max", "Wmax", "PyNN", ""},
    {"double", "f64", "", ""},
    {"float64", "f64", "", ""},
    {"single", "f32", "", ""},
    {"float", "f32", "", ""},
    {"float32", "f32", "", ""},
    {"indegree", "fixed_indegree", "NEST", ""},
    {"outdegree", "fixed_outdegree", "NEST", ""},
    {"total_number", "fixed_total_number", "NEST", ""},
    {"N", "fixed_total_number", "NEST", ""},
    {"p", "pairwise_bernoulli", "NEST", ""},
    {"p_connect", "pairwise_bernoulli", "PyNN", ""},
    {"probability", "pairwise_bernoulli", "", ""},
    {"FixedProbabilityConnector", "pairwise_bernoulli", "PyNN", ""},
    {"AllToAllConnector", "all_to_all", "PyNN", ""},
    {"OneToOneConnector", "one_to_one", "PyNN", ""},
    {"FixedNumberPreConnector", "fixed_indegree", "PyNN", ""},
    {"FixedNumberPostConnector", "fixed_outdegree", "PyNN", ""},
    {"FixedTotalNumberConnector", "fixed_total_number", "PyNN", ""},
    {"record_from", "variables", "NEST", ""},
    {"record", "variables", "PyNN", ""},
    {"sampling_interval", "interval", "PyNN", ""},
    {"weight_recorder", "weights", "NEST", "it takes projections"},
    {"populations", "population", "", "it takes a name or an array of names"},
    {"target", "population", "", ""},
    {"source", "population", "", ""},
    {"spike_times", "times", "PyNN and NEST", ""},
    {"sigma", "std", "Brian", ""},
    {"edge_wrap", "periodic", "NEST", ""},
    {"periodic_boundaries", "periodic", "PyNN", ""},
    {"centre", "center", "", ""},
    {"mask", "cutoff", "NEST", "a radius"},
    {"gauss", "gaussian", "", ""},
    {"gaussian2D", "gaussian2d", "NEST", ""},
    {"beta", "length", "NEST", ""},
    {"sd", "std", "", ""},
    {"mu", "mean", "", ""},
    {"min", "low", "NEST", ""},
    {"max", "high", "NEST", ""},
    {"poisson_rate", "rate", "", ""},
    {"redraw", "normal_clipped", "NEST", ""},
    {"gaussian", "normal", "", ""},
    {"iaf_cond_beta", "iaf_cond_alpha", "NEST", "with one time constant for rise and decay"},
    {"aeif_psc_alpha", "aeif_psc_exp", "NEST", "without a rise time"},
    {"IF_curr_exp", "iaf_psc_exp", "PyNN", ""},
    {"IF_curr_alpha", "iaf_psc_alpha", "PyNN", ""},
    {"IF_curr_delta", "iaf_psc_delta", "PyNN", ""},
    {"IF_cond_exp", "iaf_cond_exp", "PyNN", ""},
    {"IF_cond_alpha", "iaf_cond_alpha", "PyNN", ""},
    {"EIF_cond_exp_isfa_ista", "aeif_cond_exp", "PyNN", ""},
    {"EIF_cond_alpha_isfa_ista", "aeif_cond_alpha", "PyNN", ""},
    {"LIF", "lif", "NIR", ""},
    {"Leaky", "lif", "snnTorch", ""},
    {"CubaLIF", "cuba_lif", "NIR", ""},
    {"LI", "li", "NIR", ""},
    {"IF", "integrate_and_fire", "NIR", ""},
    {"I", "integrator", "NIR", ""},
    {"Izhikevich", "izhikevich", "PyNN", ""},
};

/// The other simulator's spelling of one of the known names; null when it is none.
const Spelling* find_spelling(std::string_view given, std::span<const std::string_view> known) {
  const auto found = std::find_if(std::begin(kSpellings), std::end(kSpellings), [&](const Spelling& s) {
    return s.theirs == given && std::find(known.begin(), known.end(), s.ours) != known.end();
  });
  return found == std::end(kSpellings) ? nullptr : found;
}

}  // namespace

std::string_view meant_name(std::string_view given, std::span<const std::string_view> known) {
  const Spelling* spelling = find_spelling(given, known);
  return spelling == nullptr ? snn::nearest_name(given, known) : spelling->ours;
}

std::string unknown_key(std::string_view kind, std::string_view given, std::string_view intro,
                        std::span<const std::string_view> known, std::span<const std::string_view> also) {
  std::vector<std::string_view> possible(known.begin(), known.end());
  possible.insert(possible.end(), also.begin(), also.end());
  const Spelling* foreign = find_spelling(given, possible);

  std::string text = "unknown " + std::string(kind) + " " + snn::in_quotes(given);
  if (foreign != nullptr) {
    text += foreign->whose.empty() ? ", here it is " : ", which is " + std::string(foreign->whose) + "'s name for ";
    text += snn::in_quotes(foreign->ours);
    if (!foreign->note.empty()) text += " (" + std::string(foreign->note) + ")";
  }
  text += known.empty() ? "; there are none" : "; " + std::string(intro) + " " + snn::listed(known);
  if (foreign == nullptr) {
    if (const std::string_view nearest = snn::nearest_name(given, possible); !nearest.empty()) {
      text += " (did you mean " + snn::in_quotes(nearest) + "?)";
    }
  }
  return text;
}

std::string hint_for_text(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  text.remove_prefix(first);
  double value = 0.0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  std::string_view rest(end, static_cast<std::size_t>(text.data() + text.size() - end));
  if (error == std::errc{}) {
    const std::string number(text.substr(0, text.size() - rest.size()));
    const std::size_t unit = rest.find_first_not_of(" *\t");
    if (unit == std::string_view::npos) return "; write " + number + " without quotes";
    rest.remove_prefix(unit);
    constexpr std::string_view kUnits[] = {"ms", "s",  "us", "mV", "V",  "pA", "nA", "uA", "A",
                                           "pF", "nF", "uF", "F",  "nS", "uS", "S",  "Hz", "kHz"};
    if (std::find(std::begin(kUnits), std::end(kUnits), rest) != std::end(kUnits)) {
      return "; units are fixed (ms, mV, pA, pF, nS, Hz): write a number without one";
    }
  }
  if (text.find_first_of("+-*/^()") != std::string_view::npos)
    return "; an expression begins with \"=\", as in \"= 2 * J\"";
  return "; to use a constant, write \"= NAME\"";
}

}  // namespace neuract::config
