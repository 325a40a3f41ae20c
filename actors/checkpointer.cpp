#include "neuract/actors/checkpointer.hpp"

#include <map>
#include <optional>
#include <system_error>
#include <utility>

#include "neuract/actors/failure.hpp"
#include "neuract/snn/checkpoint.hpp"

namespace neuract::actors {

namespace {

namespace fs = std::filesystem;

/// From the folder of the checkpoint, so that both can move together; where there is no such way, the whole path.
std::string seen_from(const fs::path& checkpoint, const fs::path& folder) {
  if (folder.empty()) return "";
  std::error_code error;
  const fs::path from = fs::absolute(checkpoint, error).parent_path();
  const fs::path to = fs::absolute(folder, error);
  const fs::path relative = to.lexically_normal().lexically_relative(from.lexically_normal());
  return (relative.empty() ? to : relative).string();
}

class Checkpointer {
 public:
  using Handle = CheckpointerActor;
  static inline const char* name = "neuract.checkpointer";

  Checkpointer(Handle::pointer self, CheckpointerConfig config) : self_(self), config_(std::move(config)) {
    report_failures(self_, config_.supervisor, "checkpointer");
  }

  Handle::behavior_type make_behavior() {
    return {
        [this](ConnectCheckpointer& peers) {
          populations_ = std::move(peers.populations);
          recorder_ = std::move(peers.recorder);
        },
        [this](Expect& expected) { paths_[expected.request] = std::move(expected.path); },
        [this](WrittenDown& part) { take(part); },
        [this](Settled settled) {
          if (auto done = settling_.extract(settled.ticket)) write(std::move(done.mapped()));
        },
    };
  }

 private:
  /// One checkpoint, from its first part on.
  struct Open {
    std::uint64_t request = 0;
    Step step = 0;
    std::size_t parts = 0;
    bool skipped = false;
    std::optional<Error> error;
    std::vector<snn::CheckpointSection> sections;
  };

  void take(WrittenDown& part) {
    const std::pair key(part.request, part.step);
    Open& open = open_[key];
    open.request = part.request;
    open.step = part.step;
    open.skipped = open.skipped || part.skipped;
    if (part.error && !open.error) open.error = std::move(part.error);
    std::move(part.sections.begin(), part.sections.end(), std::back_inserter(open.sections));
    if (++open.parts < populations_.size()) return;
    Open whole = std::move(open);
    open_.erase(key);
    if (whole.skipped || whole.error) return done(whole, "", whole.error);
    // Nothing is recorded of the warm-up.
    if (!recorder_ || whole.step <= config_.plan->warmup_steps()) return write(std::move(whole));
    const std::uint64_t ticket = ++ticket_;
    mail(self_, Settle{self_, ticket, whole.step}).send(recorder_);
    settling_.emplace(ticket, std::move(whole));
  }

  void write(Open checkpoint) {
    const std::string asked = paths_[checkpoint.request];
    const fs::path path = asked.empty() ? config_.folder.path(checkpoint.step) : fs::path(asked);
    const Result<void> written = [&]() -> Result<void> {
      if (asked.empty() && path == last_) return {};  // the schedule has been here
      if (asked.empty()) NEURACT_TRY(config_.folder.prepare());
      const snn::NetworkSpec& spec = config_.plan->spec();
      checkpoint.sections.push_back(snn::network_section(spec));
      checkpoint.sections.push_back(
          snn::about_section({NEURACT_VERSION, spec.name, checkpoint.step,
                              static_cast<double>(checkpoint.step) * spec.dt, seen_from(path, config_.recordings)}));
      NEURACT_TRY(snn::write_checkpoint_file(path, std::move(checkpoint.sections)));
      if (asked.empty()) {
        last_ = path;
        config_.folder.written(path);
      }
      return {};
    }();
    done(checkpoint, path.string(), written ? std::nullopt : std::optional<Error>(written.error()));
  }

  void done(const Open& checkpoint, const std::string& path, const std::optional<Error>& error) {
    if (checkpoint.request != 0) {
      paths_.erase(checkpoint.request);
      mail(self_, CheckpointDone{checkpoint.request, error, path}).send(config_.supervisor);
      return;
    }
    for (const auto& population : populations_) mail(self_, PutAway{checkpoint.step}).send(population);
    if (error) mail(self_, Failed{Error(*error).with_context("checkpoint")}).send(config_.supervisor);
  }

  Handle::pointer self_;
  CheckpointerConfig config_;
  std::vector<PopulationActor> populations_;
  RecorderActor recorder_;
  std::map<std::pair<std::uint64_t, Step>, Open> open_;  ///< parts are missing
  std::map<std::uint64_t, Open> settling_;               ///< recorded files are behind
  std::map<std::uint64_t, std::string> paths_;           ///< by request
  std::uint64_t ticket_ = 0;
  fs::path last_;
};

}  // namespace

CheckpointerActor spawn_checkpointer(caf::actor_system& system, CheckpointerConfig config) {
  return spawn_detached<Checkpointer>(system, std::move(config));
}

}  // namespace neuract::actors
