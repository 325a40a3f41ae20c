#include "neuract/snn/idx_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/iostreams/filter/gzip.hpp>
#include <boost/iostreams/filtering_stream.hpp>
#include <fstream>
#include <iterator>
#include <numeric>
#include <set>
#include <string>

#include "neuract/memory/system.hpp"

namespace neuract::snn {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

std::string big_endian(std::uint32_t value) {
  std::string bytes;
  for (const int shift : {24, 16, 8, 0}) bytes += static_cast<char>(value >> shift & 0xff);
  return bytes;
}

/// The header of `count` images of 2 x 3 and pixels 0, 1, 2, … for `stored` of them.
std::string images(std::uint32_t count, std::uint32_t stored) {
  std::string file = big_endian(0x803) + big_endian(count) + big_endian(2) + big_endian(3);
  for (std::uint32_t i = 0; i < 6 * stored; ++i) file += static_cast<char>(i);
  return file;
}
std::string labels(const std::string& values) {
  return big_endian(0x801) + big_endian(static_cast<std::uint32_t>(values.size())) + values;
}

std::string gzip(const std::string& bytes) {
  std::string packed;
  boost::iostreams::filtering_ostream out;
  out.push(boost::iostreams::gzip_compressor());
  out.push(std::back_inserter(packed));
  out << bytes;
  out.reset();
  return packed;
}

class IdxFile : public testing::Test {
 protected:
  IdxFile()
      : folder_(fs::path(testing::TempDir()) /
                ("idx_" + std::string(testing::UnitTest::GetInstance()->current_test_info()->name()))) {
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  ~IdxFile() override { fs::remove_all(folder_); }

  fs::path file(const std::string& bytes) {
    fs::path path = folder_ / "data";
    std::ofstream(path, std::ios::binary) << bytes;
    return path;
  }
  /// The error of reading these bytes, without the name of the file, which it must begin with.
  std::string image_error(const std::string& bytes) { return without_name(read_idx_images(file(bytes)).error()); }
  std::string label_error(const std::string& bytes) { return without_name(read_idx_labels(file(bytes)).error()); }

  std::string without_name(const Error& error) const {
    const std::string text = error.to_string(), name = (folder_ / "data").string() + ": ";
    EXPECT_TRUE(text.starts_with(name)) << text;
    return text.substr(std::min(name.size(), text.size()));
  }

  fs::path folder_;
};

TEST_F(IdxFile, GivesImagesPlainAndCompressed) {
  for (const std::string& bytes : {images(2, 2), gzip(images(2, 2))}) {
    const IdxImages read = read_idx_images(file(bytes)).value();
    EXPECT_EQ(read.count, 2u);
    EXPECT_EQ(read.rows, 2u);
    EXPECT_EQ(read.columns, 3u);
    EXPECT_THAT(read.pixels, ElementsAre(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11));
  }
}

TEST_F(IdxFile, GivesLabelsPlainAndCompressed) {
  const std::string values("\x07\x00\xff", 3);
  EXPECT_THAT(read_idx_labels(file(labels(values))).value(), ElementsAre(7, 0, 255));
  EXPECT_THAT(read_idx_labels(file(gzip(labels(values)))).value(), ElementsAre(7, 0, 255));
}

TEST_F(IdxFile, MayHoldNothing) {
  EXPECT_TRUE(read_idx_images(file(images(0, 0))).value().pixels.empty());
  EXPECT_TRUE(read_idx_labels(file(labels(""))).value().empty());
}

TEST_F(IdxFile, ReadsPiecesLargerThanItsBuffer) {
  const std::uint32_t count = 500'000;
  const IdxImages read = read_idx_images(file(gzip(images(count, count)))).value();
  ASSERT_EQ(read.pixels.size(), 6u * count);
  for (std::size_t i = 0; i < read.pixels.size(); ++i) ASSERT_EQ(read.pixels[i], i % 256) << i;
}

TEST_F(IdxFile, OfAnotherKindIsNamed) {
  EXPECT_EQ(image_error(labels("abc")), "begins with 0x00000801; an IDX file of images begins with 0x00000803");
  EXPECT_EQ(label_error(gzip(images(1, 1))), "begins with 0x00000803; an IDX file of labels begins with 0x00000801");
  EXPECT_EQ(label_error("\x89PNG\r\n"), "begins with 0x89504e47; an IDX file of labels begins with 0x00000801");
}

TEST_F(IdxFile, ThatEndsEarlySaysWhere) {
  EXPECT_EQ(image_error(""), "ends after 0 bytes; the header of an IDX file of images has 16");
  EXPECT_EQ(image_error(images(1, 1).substr(0, 15)), "ends after 15 bytes; the header of an IDX file of images has 16");
  EXPECT_EQ(image_error(images(3, 2)), "ends after 12 of the 3 x 2 x 3 bytes of images that its header promises");
  EXPECT_EQ(image_error(gzip(images(3, 2))), "ends after 12 of the 3 x 2 x 3 bytes of images that its header promises");
  EXPECT_EQ(label_error(labels("abc").substr(0, 9)), "ends after 1 of the 3 bytes of labels that its header promises");
}

TEST_F(IdxFile, WithTrailingBytesIsRefused) {
  EXPECT_EQ(image_error(images(2, 3)), "goes on after the 2 x 2 x 3 bytes of images that its header promises");
  EXPECT_EQ(label_error(gzip(labels("abc") + "d")), "goes on after the 3 bytes of labels that its header promises");
}

TEST_F(IdxFile, WithAHugeCountTakesNoMemoryForIt) {
  const std::uint64_t before = memory::peak_rss_bytes();
  EXPECT_EQ(image_error(images(1'000'000'000, 1)),
            "ends after 6 of the 1000000000 x 2 x 3 bytes of images that its header promises");
  EXPECT_EQ(image_error(big_endian(0x803) + std::string(12, '\xff')),
            "its header promises 4294967295 x 4294967295 x 4294967295 bytes of images; at most 8589934592 are read");
  // 2^32 · 2^32 · 0 would wrap, and holds nothing.
  EXPECT_TRUE(read_idx_images(file(big_endian(0x803) + std::string(8, '\xff') + big_endian(0))).has_value());
  EXPECT_LT(memory::peak_rss_bytes(), before + (64u << 20));
}

TEST_F(IdxFile, WithBrokenCompressionIsRefusedOrUnharmed) {
  const std::string packed = gzip(images(100, 100));
  const std::string pixels = images(100, 100).substr(16);
  for (std::size_t size = 2; size < packed.size(); size += 7)
    EXPECT_FALSE(read_idx_images(file(packed.substr(0, size)))) << size;
  EXPECT_FALSE(read_idx_images(file(packed.substr(0, packed.size() - 1))));
  // Past the gzip header, whose name and time mean nothing; padding bits and the size at the end mean nothing either.
  for (std::size_t i = 10; i < packed.size(); i += 3) {
    std::string broken = packed;
    broken[i] = static_cast<char>(broken[i] ^ 0x10);
    const auto read = read_idx_images(file(broken));
    EXPECT_TRUE(!read || std::string(read->pixels.begin(), read->pixels.end()) == pixels) << i;
  }
  EXPECT_THAT(image_error(packed.substr(0, packed.size() - 20)), HasSubstr("gzip"));
}

TEST_F(IdxFile, ThatIsNoneIsNamed) {
  const auto missing = read_idx_images(folder_ / "data");
  EXPECT_EQ(missing.error().code, ErrorCode::not_found);
  EXPECT_EQ(without_name(missing.error()), "there is no such file");
  fs::create_directory(folder_ / "data");
  EXPECT_EQ(without_name(read_idx_labels(folder_ / "data").error()), "this is a directory; expected an IDX file");
}

TEST(FashionMnist, HasTenThousandTestImagesOfTenClasses) {
  const fs::path folder = "/usr/share/datasets/fashion-mnist";
  if (!fs::exists(folder)) GTEST_SKIP() << "Debian's package dataset-fashion-mnist is not installed";
  const IdxImages read = read_idx_images(folder / "t10k-images-idx3-ubyte.gz").value();
  EXPECT_EQ(read.count, 10'000u);
  EXPECT_EQ(read.rows, 28u);
  EXPECT_EQ(read.columns, 28u);
  EXPECT_EQ(read.pixels.size(), 7'840'000u);
  const auto classes = read_idx_labels(folder / "t10k-labels-idx1-ubyte.gz").value();
  EXPECT_EQ(classes.size(), 10'000u);
  EXPECT_EQ(std::set(classes.begin(), classes.end()).size(), 10u);
}

}  // namespace
}  // namespace neuract::snn
