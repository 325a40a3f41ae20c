#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <thread>

#include "neuract/snn/builder.hpp"

namespace neuract::actors::testing {

/// Ends the test program when a test hangs: an actor system that waits for a message that never comes would wait for
/// ever.
class Watchdog {
 public:
  explicit Watchdog(std::chrono::seconds limit = std::chrono::seconds(60))
      : thread_([this, limit] {
          std::unique_lock lock(mutex_);
          if (!done_.wait_for(lock, limit, [this] { return over_; })) {
            std::fprintf(stderr, "the test hangs: no end after %lld s\n", static_cast<long long>(limit.count()));
            std::abort();
          }
        }) {}
  ~Watchdog() {
    {
      const std::lock_guard lock(mutex_);
      over_ = true;
    }
    done_.notify_one();
    thread_.join();
  }

 private:
  std::mutex mutex_;
  std::condition_variable done_;
  bool over_ = false;
  std::thread thread_;
};

/// Excitatory and inhibitory neurons that keep each other balanced, about 30 Hz: spikes in every shard, every
/// millisecond.
inline snn::NetworkBuilder balanced(double duration_ms = 200.0, std::uint32_t n = 500) {
  snn::NetworkBuilder net("balanced");
  net.settings().duration = duration_ms;
  net.settings().seed = 5;
  const std::initializer_list<snn::Setting> lif = {{"tau_m", 20.0}, {"E_L", 0.0},
                                                   {"V_th", 20.0},  {"V_reset", 10.0},
                                                   {"t_ref", 2.0},  {"V_m", snn::Distribution{.a = 0, .b = 20}}};
  const auto e = net.population("E", n * 4 / 5, "iaf_psc_delta", lif);
  const auto i = net.population("I", n / 5, "iaf_psc_delta", lif);
  for (const auto target : {e, i}) {
    net.connect(e, target, snn::rules::fixed_indegree(40), {.weight = 0.5, .delay = 1.5});
    net.connect(i, target, snn::rules::fixed_indegree(10), {.weight = -2.5, .delay = 1.5});
    net.stimulate(target, snn::PoissonGenerator{4000.0}, {.weight = 0.5});
    net.record_spikes(target);
  }
  return net;
}

/// Two populations without feedback: all that "source" does reaches "sink".
inline snn::NetworkBuilder feed_forward(std::uint32_t sources, std::uint32_t sinks, double duration_ms) {
  snn::NetworkBuilder net("feed-forward");
  net.settings().duration = duration_ms;
  const auto source = net.population("source", sources, "iaf_psc_delta", {{"I_e", 400.0}});
  const auto sink = net.population("sink", sinks, "iaf_psc_delta");
  net.connect(source, sink, snn::rules::fixed_indegree(4), {.weight = 2.0, .delay = 1.0});
  net.stimulate(sink, snn::NoiseGenerator{.mean = 300.0, .std = 100.0, .dt = 0.1});
  return net;
}

}  // namespace neuract::actors::testing
