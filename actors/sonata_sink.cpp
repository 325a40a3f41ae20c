#include "neuract/actors/record_sink.hpp"
#include "neuract/snn/sonata_writer.hpp"

namespace neuract::actors {

namespace {

class SonataSink final : public RecordSink {
 public:
  explicit SonataSink(std::filesystem::path directory) : directory_(std::move(directory)) {}

  Result<void> begin(const snn::Plan& plan, std::span<const std::vector<snn::CohortRange>> placement) override {
    NEURACT_TRY(snn::prepare_output_directory(directory_));
    NEURACT_TRY_ASSIGN(writer_, snn::SonataWriter::create(plan.spec(), directory_, placement));
    return {};
  }
  Result<void> write(const snn::ShardOutput& output) override { return writer_->write(output); }
  Result<void> flush() override { return writer_->flush(); }
  Result<void> finish() override { return writer_->finish(); }

 private:
  std::filesystem::path directory_;
  std::unique_ptr<snn::SonataWriter> writer_;
};

}  // namespace

RecordSinkPtr make_sonata_sink(std::filesystem::path directory) {
  return std::make_shared<SonataSink>(std::move(directory));
}

}  // namespace neuract::actors
