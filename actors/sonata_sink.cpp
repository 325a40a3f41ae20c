#include "neuract/actors/record_sink.hpp"

#include <optional>

#include "neuract/snn/earlier_recording.hpp"
#include "neuract/snn/sonata_writer.hpp"

namespace neuract::actors {

namespace {

class SonataSink final : public RecordSink {
 public:
  SonataSink(std::filesystem::path directory, snn::CheckpointPtr resume)
      : directory_(std::move(directory)), resume_(std::move(resume)) {}

  Result<void> begin(const snn::Plan& plan, std::span<const std::vector<snn::CohortRange>> placement) override {
    NEURACT_TRY(snn::prepare_output_directory(directory_));
    std::optional<snn::EarlierRecording> earlier;
    if (resume_) {
      NEURACT_TRY_ASSIGN(earlier, snn::EarlierRecording::read(plan, *resume_));
      NEURACT_TRY(earlier->set_aside(directory_));
      resume_ = nullptr;
    } else {
      NEURACT_TRY(snn::EarlierRecording::discard(directory_));
    }
    NEURACT_TRY_ASSIGN(writer_, snn::SonataWriter::create(plan.spec(), directory_, placement));
    if (earlier) NEURACT_TRY(earlier->copy_to(*writer_, plan, placement));
    return {};
  }
  Result<void> write(const snn::ShardOutput& output) override { return writer_->write(output); }
  Result<void> flush() override { return writer_->flush(); }
  Result<void> finish() override { return writer_->finish(); }

 private:
  std::filesystem::path directory_;
  snn::CheckpointPtr resume_;
  std::unique_ptr<snn::SonataWriter> writer_;
};

}  // namespace

RecordSinkPtr make_sonata_sink(std::filesystem::path directory, snn::CheckpointPtr resume) {
  return std::make_shared<SonataSink>(std::move(directory), std::move(resume));
}

}  // namespace neuract::actors
