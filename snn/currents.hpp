#pragma once

#include <cstdint>
#include <vector>

#include "neuract/memory/host_array.hpp"
#include "neuract/memory/result.hpp"
#include "neuract/snn/plan.hpp"
#include "neuract/snn/spec.hpp"
#include "neuract/snn/spikes.hpp"

namespace neuract::snn {

/// The generators of currents (dc, noise, images) that drive a cohort, in T: float or double.
template <class T>
class Currents {
 public:
  static Result<Currents> build(const Plan& plan, const CohortRange& range);

  /// The last step up to which (exclusive) nothing changes after `from`, `to` at most.
  [[nodiscard]] Step constant_until(Step from, Step to) const noexcept;
  /// The sum of the currents in `step`, one number per neuron, whole blocks; null where there is no generator.
  [[nodiscard]] const T* sum(Step step);

 private:
  struct Generator {
    std::uint32_t stimulus;
    T mean;
    T std;
    Step interval;    // of noise and images; 0 = constant
    Step drawn = -1;  // number of the interval whose values are in `values`
    const ImageSet* images = nullptr;
    memory::HostArray<T> values;  // per neuron; amplitude or current noise, 0 where not driven
    std::vector<bool> driven;     // empty = all
    Step start, stop;
  };

  void draw_noise(Generator& noise, Step interval);
  void show_image(Generator& generator, Step presentation);

  const Plan* plan_ = nullptr;
  CohortRange range_{};
  std::uint32_t padded_ = 0;  // neurons, whole blocks
  std::vector<Generator> generators_;
  memory::HostArray<T> sum_;
  Step begin_ = 0;  // the sum is that of steps [begin_, end_)
  Step end_ = 0;
};

extern template class Currents<float>;
extern template class Currents<double>;

}  // namespace neuract::snn
