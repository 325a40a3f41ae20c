#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

/// How the parts of a shard write down what a continued run needs, and read it back: numbers and arrays, one after
/// another, in the byte order of the machine. Checkpoints (snn/checkpoint.hpp) put versions and checksums around it.
namespace neuract::snn {

class StateWriter {
 public:
  template <class T>
  void value(const T& x) {
    static_assert(std::is_trivially_copyable_v<T>);
    const auto* const bytes = reinterpret_cast<const std::byte*>(&x);
    bytes_.insert(bytes_.end(), bytes, bytes + sizeof(T));
  }
  /// Its length goes with it.
  template <class T>
  void array(std::span<const T> values) {
    static_assert(std::is_trivially_copyable_v<T>);
    value<std::uint64_t>(values.size());
    const auto bytes = std::as_bytes(values);
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
  }

  [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return bytes_; }
  [[nodiscard]] std::vector<std::byte> take() noexcept { return std::move(bytes_); }

 private:
  std::vector<std::byte> bytes_;
};

/// Reads in the order of writing. What does not fit leaves zeros and makes ok() false.
class StateReader {
 public:
  explicit StateReader(std::span<const std::byte> bytes) noexcept : left_(bytes) {}

  template <class T>
  [[nodiscard]] T value() {
    static_assert(std::is_trivially_copyable_v<T>);
    T x{};
    copy(&x, sizeof(T));
    return x;
  }
  /// An array of exactly this length.
  template <class T>
  void array(std::span<T> out) {
    static_assert(std::is_trivially_copyable_v<T>);
    if (value<std::uint64_t>() != out.size()) ok_ = false;
    copy(out.data(), out.size_bytes());
  }
  /// An array of any length.
  template <class T>
  [[nodiscard]] std::vector<T> array() {
    const auto size = value<std::uint64_t>();
    if (size > left_.size() / sizeof(T)) ok_ = false;
    std::vector<T> out(ok_ ? static_cast<std::size_t>(size) : 0);
    copy(out.data(), out.size() * sizeof(T));
    return out;
  }

  /// Everything was there and had the length that was asked for.
  [[nodiscard]] bool ok() const noexcept { return ok_; }
  [[nodiscard]] bool at_end() const noexcept { return left_.empty(); }

 private:
  void copy(void* out, std::size_t size) {
    if (size > left_.size()) ok_ = false;
    if (!ok_ || size == 0) return;
    std::memcpy(out, left_.data(), size);
    left_ = left_.subspan(size);
  }

  std::span<const std::byte> left_;
  bool ok_ = true;
};

}  // namespace neuract::snn
