#include "neuract/memory/dtype.hpp"

#include <gtest/gtest.h>

namespace neuract::memory {
namespace {

TEST(DType, IsFoundByItsName) {
  for (const DTypeTraits& row : kDTypes) EXPECT_EQ(dtype_from_name(row.name).value(), row.dtype);
}

TEST(DType, UnknownNameIsAnsweredWithTheKnownOnes) {
  const auto result = dtype_from_name("float");
  EXPECT_EQ(result.error().code, ErrorCode::not_found);
  EXPECT_NE(result.error().message.find("\"float\"; there are f64, f32, f16"), std::string::npos) << result.error();
}

TEST(DType, HasTheSizeOfItsCppType) {
  EXPECT_EQ(bytes_of(dtype_of<double>), sizeof(double));
  EXPECT_EQ(bytes_of(dtype_of<float>), sizeof(float));
  EXPECT_EQ(bytes_of(dtype_of<Float16>), sizeof(Float16));
  EXPECT_EQ(bytes_of(dtype_of<BFloat16>), sizeof(BFloat16));
  EXPECT_EQ(bytes_of(dtype_of<Float8E4M3>), sizeof(Float8E4M3));
  EXPECT_EQ(bytes_of(dtype_of<long>), sizeof(long));
  EXPECT_EQ(bytes_of(dtype_of<long long>), sizeof(long long));
  EXPECT_EQ(bytes_of(dtype_of<std::int32_t>), 4U);
  EXPECT_EQ(bytes_of(dtype_of<std::uint16_t>), 2U);
  EXPECT_EQ(bytes_of(dtype_of<bool>), 1U);
}

TEST(DType, FourBitElementsShareBytesAndTheLastMayBeHalfEmpty) {
  EXPECT_TRUE(is_packed(DType::u4));
  EXPECT_EQ(packed_bytes(DType::u4, 0), 0U);
  EXPECT_EQ(packed_bytes(DType::u4, 1), 1U);
  EXPECT_EQ(packed_bytes(DType::u4, 2), 1U);
  EXPECT_EQ(packed_bytes(DType::u4, 3), 2U);
  EXPECT_EQ(packed_bytes(DType::f64, 3), 24U);
}

TEST(DType, SizesBeyondAnyAddressSpaceAreRefused) {
  for (const DTypeTraits& row : kDTypes) {
    EXPECT_FALSE(packed_bytes(row.dtype, ~std::uint64_t{0})) << row.name;
    EXPECT_TRUE(packed_bytes(row.dtype, std::uint64_t{1} << 55)) << row.name;
  }
  EXPECT_FALSE(packed_bytes(DType::f64, std::uint64_t{1} << 61)) << "2^64 bytes, which would wrap around to none";
}

}  // namespace
}  // namespace neuract::memory
