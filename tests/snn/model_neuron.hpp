#pragma once

#include <array>
#include <cstddef>
#include <iterator>
#include <stdexcept>
#include <string>

#include "neuract/snn/models/declaration.hpp"

/// One neuron of a model, run by the model's own step: what kernels and engine must reproduce.
namespace neuract::snn::testing {

template <class Model, class T>
class Neuron {
 public:
  using Parameters = typename Model::Parameters;
  using State = typename Model::template State<T>;
  using Coefficients = typename Model::template Coefficients<T>;

  explicit Neuron(const Parameters& parameters, double dt_ms = 0.1) : parameters_(parameters) {
    const auto prepared = to_array<Model::template Coefficients, double>(Model::prepare(parameters, dt_ms));
    std::array<T, kFields<Model::template Coefficients>> coefficients;
    for (std::size_t i = 0; i < prepared.size(); ++i) coefficients[i] = static_cast<T>(prepared[i]);
    coefficients_ = std::bit_cast<Coefficients>(coefficients);
    for (std::size_t i = 0; i < std::size(Model::states); ++i) {
      const auto& row = Model::states[i];
      set(row.name, row.default_parameter ? parameters_.*row.default_parameter : row.default_value);
    }
  }

  bool step(double in0, double in1 = 0.0, double current = 0.0) {
    return whole_step<Model>(state_, coefficients_, static_cast<T>(in0), static_cast<T>(in1), static_cast<T>(current));
  }

  double get(const std::string& name) const {
    const std::size_t i = index_of(name);
    return static_cast<double>(fields()[i]) + origin(i);
  }
  void set(const std::string& name, double value) {
    const std::size_t i = index_of(name);
    auto all = fields();
    all[i] = static_cast<T>(value - origin(i));
    state_ = std::bit_cast<State>(all);
  }

 private:
  using Fields = std::array<T, kFields<Model::template State>>;

  Fields fields() const { return std::bit_cast<Fields>(state_); }
  double origin(std::size_t i) const { return Model::states[i].origin ? parameters_.*Model::states[i].origin : 0.0; }
  static std::size_t index_of(const std::string& name) {
    for (std::size_t i = 0; i < std::size(Model::states); ++i) {
      if (name == Model::states[i].name) return i;
    }
    throw std::invalid_argument(std::string(Model::name) + " has no state " + name);
  }

  Parameters parameters_;
  Coefficients coefficients_{};
  State state_{};
};

}  // namespace neuract::snn::testing
