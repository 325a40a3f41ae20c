#include "neuract/actors/weight_summary.hpp"

#include <algorithm>
#include <cmath>
#include <tuple>

namespace neuract::actors {

void append_moments(const snn::WeightBlock& block, std::vector<WeightMoments>& out) {
  const std::size_t n = block.weights.size();
  for (std::size_t begin = 0, end = 0; begin < n; begin = end) {
    WeightMoments moments{block.recorder, block.targets[begin]};
    for (end = begin; end < n && block.targets[end] == moments.target; ++end) {
      moments.sum += block.weights[end];
      moments.smallest = std::min(moments.smallest, block.weights[end]);
      moments.largest = std::max(moments.largest, block.weights[end]);
    }
    moments.count = end - begin;
    const double mean = moments.sum / static_cast<double>(moments.count);
    for (std::size_t i = begin; i < end; ++i) {
      const double difference = block.weights[i] - mean;
      moments.squares += difference * difference;
    }
    out.push_back(moments);
  }
}

std::vector<WeightResult> summarise_weights(const snn::Plan& plan, std::vector<WeightMoments> moments) {
  std::sort(moments.begin(), moments.end(), [](const WeightMoments& a, const WeightMoments& b) {
    return std::tie(a.recorder, a.target) < std::tie(b.recorder, b.target);
  });
  std::vector<WeightResult> results;
  auto next = moments.begin();
  for (const snn::WeightRecorderSpec& recorder : plan.spec().weight_recorders) {
    WeightResult result;
    result.projection = plan.spec().projections[recorder.projection].name;
    WeightMoments all;
    for (; next != moments.end() && next->recorder == results.size(); ++next) {
      // Chan, Golub and LeVeque 1979: what two parts differ in their means adds to the squares.
      if (all.count > 0) {
        const auto a = static_cast<double>(all.count), b = static_cast<double>(next->count);
        const double difference = next->sum / b - all.sum / a;
        all.squares += difference * difference * (a * b / (a + b));
      }
      all.squares += next->squares;
      all.sum += next->sum;
      all.count += next->count;
      all.smallest = std::min(all.smallest, next->smallest);
      all.largest = std::max(all.largest, next->largest);
    }
    result.synapses = all.count;
    if (all.count > 0) {
      const auto n = static_cast<double>(all.count);
      result.mean = all.sum / n;
      result.sd = std::sqrt(all.squares / n);
      result.min = all.smallest;
      result.max = all.largest;
    }
    results.push_back(std::move(result));
  }
  return results;
}

}  // namespace neuract::actors
