// Trains the network of network.toml on the training images of Fashion-MNIST, through 4-bit weights, and writes them.
//
//   neuract_train_fashion_mnist --format nvfp4 --out weights_nvfp4.safetensors
//   neuract_train_fashion_mnist --evaluate weights_nvfp4.safetensors     accuracy on the images that were held back
//
// The last 5,000 of the 60,000 training images are never trained on; accuracies printed here are theirs. The test images
// are not opened: `neuract run network.toml` classifies them.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <string>

#include "neuract/memory/tensor.hpp"
#include "neuract/q4/checkpoint/checkpoint.hpp"
#include "neuract/q4/checkpoint/safetensors.hpp"
#include "neuract/q4/checkpoint/safetensors_writer.hpp"
#include "neuract/snn/idx_file.hpp"
#include "trainer.hpp"

namespace fs = std::filesystem;
namespace q4 = neuract::q4;
using neuract::ErrorCode;
using neuract::fail;
using neuract::Result;
using neuract::memory::ConstTensor;
using neuract::memory::Tensor;

namespace fashion_mnist {
namespace {

constexpr std::size_t kHeldBack = 5'000;

struct DataSet {
  std::vector<std::uint8_t> pixels, labels;
  [[nodiscard]] Samples all() const { return {pixels, labels}; }
  [[nodiscard]] Samples training() const { return all().part(0, labels.size() - kHeldBack); }
  [[nodiscard]] Samples held_back() const { return all().part(labels.size() - kHeldBack, kHeldBack); }
};

Result<DataSet> load_data(const fs::path& folder) {
  const fs::path images_file = folder / "train-images-idx3-ubyte.gz",
                 labels_file = folder / "train-labels-idx1-ubyte.gz";
  NEURACT_TRY_ASSIGN(auto images, neuract::snn::read_idx_images(images_file));
  NEURACT_TRY_ASSIGN(auto labels, neuract::snn::read_idx_labels(labels_file));
  if (std::size_t{images.rows} * images.columns != kPixels || images.count != labels.size() ||
      images.count <= kHeldBack)
    return fail(ErrorCode::invalid_argument, images_file.string(), ": ", images.count, " images of ", images.rows,
                " x ", images.columns, " for ", labels.size(), " labels; expected more than ", kHeldBack,
                " images of 28 x 28 and a label for each");
  for (const std::uint8_t label : labels)
    if (label >= kClasses) return fail(ErrorCode::invalid_argument, labels_file.string(), ": there is a label ", label);
  return DataSet{std::move(images.pixels), std::move(labels)};
}

/// Adds a layer, [out, in], as the checkpoint family of its format has it.
Result<void> append(std::vector<q4::NamedTensor>& tensors, const std::string& name, const q4::SteWeight& layer) {
  if (layer.packed() == nullptr) {
    NEURACT_TRY_ASSIGN(const Tensor tensor, Tensor::from(layer.values(), {layer.out_features(), layer.in_features()}));
    tensors.push_back({name, tensor});
    return {};
  }
  const q4::QuantizedWeight& weight = layer.packed()->weight();
  const auto family = weight.format == q4::Format::nf4 ? q4::Family::bitsandbytes : q4::Family::modelopt;
  NEURACT_TRY_ASSIGN(auto stored, q4::store(name, weight, {.family = family}));
  for (q4::NamedTensor& tensor : stored.tensors) tensors.push_back(std::move(tensor));
  return {};
}

Result<void> save(const fs::path& path, const Layers& layers) {
  std::vector<q4::NamedTensor> tensors;
  NEURACT_TRY(append(tensors, "fc1.weight", layers.fc1));
  NEURACT_TRY(append(tensors, "fc2.weight", layers.fc2));
  return q4::write_safetensors(path, tensors, {{"network", "Fashion-MNIST, 784 pixels, LIF, 16 steps of 1 ms"}});
}

/// The weight of a file, in whatever format it has, as f32.
Result<Tensor> read_weight(const q4::SafetensorsFile& file, const std::string& name) {
  NEURACT_TRY_ASSIGN(const q4::StoredWeight stored, q4::detect(file, name));
  if (stored.family == q4::Family::plain) {
    NEURACT_TRY_ASSIGN(const ConstTensor tensor, file.tensor(stored.name));
    NEURACT_TRY_ASSIGN(const auto values, tensor.span<float>());
    return Tensor::from(values, tensor.shape());
  }
  NEURACT_TRY_ASSIGN(const q4::QuantizedWeight weight, q4::load(file, stored));
  return q4::dequantize(weight);
}

Result<Layers> load_layers(const fs::path& path) {
  NEURACT_TRY_ASSIGN(const auto file, q4::SafetensorsFile::open(path));
  NEURACT_TRY_ASSIGN(const Tensor fc1, read_weight(file, "fc1"));
  NEURACT_TRY_ASSIGN(const Tensor fc2, read_weight(file, "fc2"));
  const neuract::memory::Dims first = {fc1.shape()[0], kPixels}, second = {kClasses, fc1.shape()[0]};
  if (fc1.shape() != first || fc2.shape() != second)
    return fail(ErrorCode::invalid_argument, path.string(), ": fc1 of ", neuract::memory::to_string(fc1.shape()),
                " and fc2 of ", neuract::memory::to_string(fc2.shape()), "; expected [hidden, 784] and [10, hidden]");
  NEURACT_TRY_ASSIGN(const auto fc1_values, fc1.span<float>());
  NEURACT_TRY_ASSIGN(const auto fc2_values, fc2.span<float>());
  NEURACT_TRY_ASSIGN(Layers layers, Layers::create(static_cast<std::size_t>(fc1.shape()[0]), std::nullopt));
  NEURACT_TRY(layers.update({{fc1_values.begin(), fc1_values.end()}, {fc2_values.begin(), fc2_values.end()}}));
  return layers;
}

Result<double> percent_right(const Layers& layers, const Samples& samples, unsigned threads) {
  return count_right(layers, samples, threads).transform([&](std::size_t right) {
    return 100.0 * static_cast<double>(right) / static_cast<double>(samples.size());
  });
}

struct Options {
  std::string data = "/usr/share/datasets/fashion-mnist", format = "nvfp4", out, evaluate;
  std::size_t images = 60'000;
  Settings settings;
};

/// A line an epoch; on a terminal it grows while the epoch lasts.
class ProgressLine {
 public:
  ProgressLine(std::size_t epochs, std::size_t images) : epochs_(epochs), images_(images) {}

  /// `held_back` in percent, at the end of an epoch.
  void print(const Progress& progress, std::optional<double> held_back) const {
    if (!terminal_ && !held_back) return;
    const double done =
        static_cast<double>(progress.epoch - 1) + static_cast<double>(progress.done) / static_cast<double>(images_);
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
    std::printf("%sepoch %zu of %zu  loss %.4f  training %5.2f %%", terminal_ ? "\r" : "", progress.epoch, epochs_,
                progress.loss, 100.0 * progress.accuracy);
    if (held_back) std::printf("  held back %5.2f %%", *held_back);
    std::printf("  %.0f s, %.0f s to go%s", seconds, seconds / done * (static_cast<double>(epochs_) - done),
                held_back ? "\n" : "  ");
    std::fflush(stdout);
  }

 private:
  std::size_t epochs_, images_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  bool terminal_ = isatty(STDOUT_FILENO) != 0;
};

Result<void> evaluate(const Options& options) {
  NEURACT_TRY_ASSIGN(const DataSet data, load_data(options.data));
  NEURACT_TRY_ASSIGN(const Layers layers, load_layers(options.evaluate));
  NEURACT_TRY_ASSIGN(const double accuracy, percent_right(layers, data.held_back(), options.settings.threads));
  std::printf("%s: %.2f %% of %zu images that were held back\n", options.evaluate.c_str(), accuracy, kHeldBack);
  return {};
}

Result<void> train_and_save(const Options& options) {
  const Settings& settings = options.settings;
  NEURACT_TRY_ASSIGN(const DataSet data, load_data(options.data));
  const Samples samples = data.training().part(0, std::min(options.images, data.training().size()));
  std::printf("%zu training images, %zu held back; 784-%zu-10 neurons, %zu steps, weights in %s, %u threads\n",
              samples.size(), kHeldBack, settings.hidden, kSteps, options.format.c_str(), settings.threads);
  const ProgressLine line(settings.epochs, samples.size());
  const auto report = [&](const Progress& progress) -> Result<void> {
    std::optional<double> held_back;
    if (progress.epoch_ended) {
      NEURACT_TRY_ASSIGN(held_back, percent_right(progress.layers, data.held_back(), settings.threads));
    }
    line.print(progress, held_back);
    return {};
  };
  NEURACT_TRY_ASSIGN(const Layers layers, train(samples, settings, report));
  NEURACT_TRY(save(options.out, layers));
  std::printf("wrote %s, %ju bytes\n", options.out.c_str(), static_cast<std::uintmax_t>(fs::file_size(options.out)));
  return {};
}

}  // namespace
}  // namespace fashion_mnist

int main(int argc, char** argv) {
  fashion_mnist::Options options;
  CLI::App app("Trains a spiking network on Fashion-MNIST through 4-bit weights.", "neuract_train_fashion_mnist");
  app.option_defaults()->always_capture_default();
  app.add_option("--format", options.format, "of the weights")->check(CLI::IsMember({"nvfp4", "nf4", "f32"}));
  app.add_option("--out", options.out, "where the weights go; weights_FORMAT.safetensors if not said");
  app.add_option("--evaluate", options.evaluate, "instead of training: a file of weights to test");
  app.add_option("--data", options.data, "folder of the data set, Debian's package dataset-fashion-mnist");
  app.add_option("--hidden", options.settings.hidden, "hidden neurons")->check(CLI::Range(16, 65'536));
  app.add_option("--epochs", options.settings.epochs, "times that each image is shown")->check(CLI::Range(1, 10'000));
  app.add_option("--images", options.images, "train on the first so many only")->check(CLI::Range(128, 60'000));
  app.add_option("--seed", options.settings.seed, "of the first weights and of the order of images");
  app.add_option("--threads", options.settings.threads, "up to four are of use")->check(CLI::Range(1, 1'024));
  CLI11_PARSE(app, argc, argv);
  if (options.out.empty()) options.out = "weights_" + options.format + ".safetensors";
  if (options.format == "nf4") options.settings.format = q4::Format::nf4;
  if (options.format == "nvfp4") options.settings.format = q4::Format::nvfp4;

  const auto done =
      options.evaluate.empty() ? fashion_mnist::train_and_save(options) : fashion_mnist::evaluate(options);
  if (!done) std::fprintf(stderr, "error: %s\n", done.error().to_string().c_str());
  return done ? 0 : 1;
}
