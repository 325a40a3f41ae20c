#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// Drives a libFuzzer target without libFuzzer: every file of the given folders once, then random mutations of them for
/// a while.
///   replay --seconds=5 --seed=1 FOLDER…
/// An input that makes the target abort is left in crash-input, for `replay crash-input`.
// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer calls it so
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

namespace fs = std::filesystem;
using Bytes = std::string;

constexpr std::size_t kLargest = 1 << 16;

void try_input(const Bytes& input) {
  // Written first: after an abort there is nobody left to write it.
  std::FILE* file = std::fopen("crash-input", "wb");
  if (file != nullptr) {
    std::fwrite(input.data(), 1, input.size(), file);
    std::fclose(file);
  }
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
}

Bytes read(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

/// Mutates on the level of bytes, numbers, words and lines: text formats need all four to get past the first check.
class Mutator {
 public:
  Mutator(const std::vector<Bytes>& corpus, std::uint64_t seed) : corpus_(corpus), random_(seed) {}

  Bytes next() {
    Bytes text = pick(corpus_);
    for (std::size_t rounds = 1 + below(4); rounds > 0; --rounds) mutate(text);
    if (text.size() > kLargest) text.resize(kLargest);
    return text;
  }

 private:
  std::size_t below(std::size_t n) { return n == 0 ? 0 : random_() % n; }
  const Bytes& pick(const std::vector<Bytes>& from) { return from[below(from.size())]; }

  std::pair<std::size_t, std::size_t> line(const Bytes& text) {
    const std::size_t middle = below(text.size());
    const std::size_t before = middle == 0 ? Bytes::npos : text.rfind('\n', middle - 1);
    const std::size_t begin = before == Bytes::npos ? 0 : before + 1;
    const std::size_t end = std::min(text.find('\n', middle), text.size());
    return {begin, std::max(end, begin) - begin};
  }

  void mutate(Bytes& text) {
    static const std::vector<Bytes> kTokens = {"nan",
                                               "inf",
                                               "-inf",
                                               "1e308",
                                               "-1",
                                               "0",
                                               "1e-320",
                                               "4294967295",
                                               "9223372036854775807",
                                               "-9223372036854775808",
                                               "0.1",
                                               "true",
                                               "\"\"",
                                               "\"= 1 / 0\"",
                                               "\"= n\"",
                                               "\"= dt\"",
                                               "\"= pi ^ pi\"",
                                               "\"= -(\"",
                                               "[]",
                                               "{}",
                                               "[[",
                                               "]]",
                                               "\"\"\"",
                                               "'''",
                                               "#",
                                               "=",
                                               ".",
                                               "uniform",
                                               "normal_clipped",
                                               "lognormal",
                                               "E",
                                               "I",
                                               "[0.0, 1.0]",
                                               "{ uniform = [0, 1] }",
                                               "{ first = 0, count = 3 }",
                                               "1979-05-27",
                                               "\\u0000",
                                               "\xff",
                                               "\xc3\x28",
                                               "0x7fffffffffffffff",
                                               "all_to_all",
                                               "n_source",
                                               "[populations.E]",
                                               "[[projections]]",
                                               "[projection_tables.t]",
                                               "[[stimuli]]",
                                               "[[recorders]]",
                                               "[constants]",
                                               "[models.m]"};
    const std::size_t at = below(text.size() + 1);
    switch (below(8)) {
      case 0:
        if (!text.empty()) text[below(text.size())] = static_cast<char>(random_());
        break;
      case 1: text.insert(at, pick(kTokens)); break;
      case 2: text.erase(at, 1 + below(8)); break;
      case 3: {  // a line goes, or comes twice
        if (text.empty()) break;
        const auto [begin, length] = line(text);
        const Bytes copy = text.substr(begin, length) + "\n";
        below(2) == 0 ? text.erase(begin, length) : text.insert(begin, copy);
        break;
      }
      case 4: {  // a line of another file
        const Bytes& other = pick(corpus_);
        if (other.empty() || text.empty()) break;
        const auto [begin, length] = line(other);
        text.insert(line(text).first, other.substr(begin, length) + "\n");
        break;
      }
      case 5: {  // another value
        const std::size_t equals = text.find('=', at);
        if (equals == Bytes::npos) break;
        const std::size_t end = std::min(text.find('\n', equals), text.size());
        text.replace(equals + 1, end - equals - 1, " " + pick(kTokens));
        break;
      }
      case 6: {  // two files
        const Bytes& other = pick(corpus_);
        text = text.substr(0, at) + other.substr(below(other.size() + 1));
        break;
      }
      default: {  // another number
        const std::size_t digit = text.find_first_of("0123456789", at);
        if (digit == Bytes::npos) break;
        const std::size_t end = std::min(text.find_first_not_of("0123456789.e", digit), text.size());
        text.replace(digit, end - digit, kTokens[below(12)]);
        break;
      }
    }
  }

  const std::vector<Bytes>& corpus_;
  std::mt19937_64 random_;
};

bool option(const char* argument, const char* name, double& value) {
  const std::size_t length = std::strlen(name);
  if (std::strncmp(argument, name, length) != 0) return false;
  value = std::strtod(argument + length, nullptr);
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  double seconds = 0.0, seed = 1.0;
  std::vector<fs::path> files;
  for (int i = 1; i < argc; ++i) {
    if (option(argv[i], "--seconds=", seconds) || option(argv[i], "--seed=", seed)) continue;
    if (!fs::is_directory(argv[i])) {
      files.emplace_back(argv[i]);
      continue;
    }
    for (const auto& entry : fs::recursive_directory_iterator(argv[i])) {
      if (entry.is_regular_file()) files.push_back(entry.path());
    }
  }
  std::sort(files.begin(), files.end());
  std::vector<Bytes> corpus;
  corpus.reserve(files.size());
  for (const fs::path& file : files) corpus.push_back(read(file));
  if (corpus.empty()) {
    std::fprintf(stderr, "usage: %s [--seconds=S] [--seed=N] FILE-OR-FOLDER…\n", argv[0]);
    return 2;
  }
  for (const Bytes& input : corpus) try_input(input);

  Mutator mutator(corpus, static_cast<std::uint64_t>(seed));
  const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  std::size_t inputs = 0;
  while (std::chrono::steady_clock::now() < end) {
    try_input(mutator.next());
    ++inputs;
  }
  std::remove("crash-input");
  std::printf("%zu files and %zu mutations, nothing found\n", corpus.size(), inputs);
  return 0;
}
