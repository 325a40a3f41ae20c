#pragma once

#include <cstdint>
#include <exception>
#include <new>
#include <string_view>

#include "neuract/kernels/plugin_abi.h"
#include "neuract/memory/result.hpp"
#include "neuract/q4/session.hpp"

/// What the two files of libNVFP4_cpu.so share: c_api.cpp has its functions over DLPack tensors, c_table.cpp its table.

namespace neuract::q4::c_api {

/// Keeps the message for NVFP4_last_error() on this thread and returns the status.
int remember(ErrorCode code, std::string_view message) noexcept;
void forget_error() noexcept;

/// What every function of the interface goes through: no error and no exception leaves it but as a status.
template <class F>
int guarded(F&& body) noexcept {
  try {
    forget_error();
    const Result<void> result = body();
    return result ? NVFP4_OK : remember(result.error().code, result.error().to_string());
  } catch (const std::bad_alloc&) {
    return remember(ErrorCode::out_of_memory, "there is not enough memory");
  } catch (const std::exception& error) {
    return remember(ErrorCode::internal, error.what());
  } catch (...) {
    return remember(ErrorCode::internal, "an unknown exception");
  }
}

[[nodiscard]] Result<void> required(const void* argument, std::string_view name);

/// That of all layers that come through the interface; never ends.
[[nodiscard]] Q4Session& session();

extern const NVFP4_Table kTable;

}  // namespace neuract::q4::c_api
