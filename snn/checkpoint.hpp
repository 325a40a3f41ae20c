#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "neuract/memory/result.hpp"
#include "neuract/snn/checkpoint_file.hpp"
#include "neuract/snn/plan.hpp"
#include "neuract/snn/spikes.hpp"
#include "neuract/snn/state_io.hpp"

/// A network at rest in a file: all that a continued run needs beside the network's specification, for any number of
/// threads and any cohorts.
///
/// Every shard writes down its cohorts (Shard::save); together with an "about" and the network's text that is a
/// checkpoint. Values of neurons are kept by cohort, in the order of the population, and read for other cohorts by
/// cutting and joining. The input rings are not kept, but the spikes of the last steps, from which they follow.
namespace neuract::snn {

/// What a checkpoint says of itself.
struct CheckpointAbout {
  std::string version;     ///< of the program that wrote it
  std::string network;     ///< its name
  Step step = 0;           ///< steps [0, step) are done
  double time_ms = 0.0;    ///< biological time at that step
  std::string recordings;  ///< folder of what has been recorded so far, from the checkpoint's; empty where nothing is
};

CheckpointSection about_section(const CheckpointAbout& about);
CheckpointSection network_section(const NetworkSpec& spec);

/// Longest time that a spike may still be on its way, in steps.
Step longest_delay(const Plan& plan) noexcept;

class Checkpoint {
 public:
  /// Errors: those of CheckpointFile::read; parse.
  static Result<std::shared_ptr<const Checkpoint>> open(const std::filesystem::path& path);
  static Result<std::shared_ptr<const Checkpoint>> make(CheckpointFile file);

  [[nodiscard]] const CheckpointAbout& about() const noexcept { return about_; }
  [[nodiscard]] Step step() const noexcept { return about_.step; }
  /// The file's, for messages.
  [[nodiscard]] const std::string& name() const noexcept { return file_.name(); }

  /// Whether this program can continue this network from here. Error: invalid_argument, with what differs.
  [[nodiscard]] Result<void> check(const Plan& plan) const;

  /// All sections of a kind, in the order of their keys.
  [[nodiscard]] std::span<const CheckpointFile::Section> sections(SectionKind kind) const noexcept;
  /// Of one section. Error: parse, where it is missing.
  [[nodiscard]] Result<StateReader> reader(const SectionKey& key) const;
  /// The cohorts of the run that wrote it, by population, then sample.
  [[nodiscard]] std::vector<CohortRange> cohorts() const;
  /// "FILE: WHAT is not what this network needs": for sections that cannot be read although they are whole.
  [[nodiscard]] Unexpected<Error> misfit(const std::string& what) const;

 private:
  CheckpointFile file_;
  CheckpointAbout about_;
};
using CheckpointPtr = std::shared_ptr<const Checkpoint>;

/// Synaptic events of a shard by projection, and their sum over all shards. Error: parse.
CheckpointSection events_section(std::uint32_t shard, std::span<const std::uint64_t> events);
Result<std::vector<std::uint64_t>> events_so_far(const Checkpoint& checkpoint, std::size_t projections);

/// Sums over the neurons of one cohort.
struct CohortCounters {
  struct Classifier {
    std::uint64_t answers = 0;
    std::uint64_t correct = 0;
  };
  std::uint64_t all_spikes = 0;  ///< warm-up included
  std::uint64_t spikes = 0;
  std::uint64_t spike_hash = 0;
  std::vector<Classifier> classifiers;
};
CheckpointSection counters_section(const CohortRange& range, const CohortCounters& counters);
/// The counts of all old cohorts whose first neuron is in the range: over a partition of the population these add up.
/// Error: parse.
Result<CohortCounters> counters_of(const Checkpoint& checkpoint, const CohortRange& range, std::size_t classifiers);

/// What the run guard counts: a shard's spikes by population at the last end of a guard window, and the sum over all
/// shards; where the guard was another one, the spikes until the checkpoint.
CheckpointSection guard_section(const Plan& plan, std::uint32_t shard, std::span<const std::uint64_t> spikes);
std::vector<std::uint64_t> guarded_spikes(const Checkpoint& checkpoint, const Plan& plan);

/// The cohorts of the run that wrote the checkpoint, dealt out to at most `shards` shards, where the network's state
/// cannot be cut elsewhere; nothing where any cohorts will do.
std::optional<std::vector<std::vector<CohortRange>>> kept_placement(const Checkpoint& checkpoint, const Plan& plan,
                                                                    std::uint32_t shards);

/// Reads values of neurons for a cohort, whatever the cohorts of the run that wrote them: in the order of writing.
class NeuronReader {
 public:
  NeuronReader(const Checkpoint& checkpoint, const CohortRange& range);

  /// One element for each neuron of the cohort, as some StateWriter wrote it with array().
  template <class T>
  void column(std::span<T> out) {
    std::size_t filled = 0;
    for (Part& part : parts_) {
      const std::vector<T> values = part.reader.template array<T>();
      if (values.size() != part.count || !part.reader.ok()) {
        ok_ = false;
        return;
      }
      std::copy_n(values.begin() + part.skip, part.take, out.begin() + filled);
      filled += part.take;
    }
  }

  /// The sections hold all neurons of the cohort, with all columns that were asked for and, at the end, no more.
  [[nodiscard]] bool complete() const noexcept;

 private:
  struct Part {
    StateReader reader;
    std::uint32_t count;  ///< neurons in the section
    std::uint32_t skip;
    std::uint32_t take;
  };
  std::vector<Part> parts_;
  bool ok_ = true;
};

/// The recent spikes of all cohorts of a placement, one output per shard, for steps [step - n, step): what shards would
/// have received of each other. Error: parse.
Result<std::vector<ShardOutputPtr>> recent_outputs(const Checkpoint& checkpoint,
                                                   std::span<const std::vector<CohortRange>> placement);

/// The spikes of a cohort in the last `steps` steps before `now`, from its outputs, oldest first; `batch` says which of
/// an output's batches are its.
CheckpointSection spikes_section(const CohortRange& range, std::size_t batch, std::span<const ShardOutputPtr> outputs,
                                 Step now, Step steps);

}  // namespace neuract::snn
