#ifndef NEURACT_KERNELS_PLUGIN_ABI_H_
#define NEURACT_KERNELS_PLUGIN_ABI_H_
/* The C interface of libNVFP4: 4-bit layers for any language, over DLPack tensors, and the table by which Neuract
 * drives a device through such a library. Two libraries have it: libNVFP4_cpu.so computes on the CPU, with tensors in
 * memory that it can reach; libNVFP4.so, the device plugin, on a device.
 *
 * Every function but the three that say what they return gives a status: 0 when it did what it says, else one of the
 * codes below, and then NVFP4_last_error() has the sentence. Nothing is thrown. Tensors are lent for the call: none is
 * kept or freed. Functions may be called by several threads at once.
 *
 * NVFP4 weights, [N, K] with K a multiple of 16: w = e2m1 * scale * global. codes u8[N, K/2], element 2i in the low
 * half of byte i; scales f8_e4m3[N, K/16]; global f32 of one element. y = x * W^T + bias.
 *
 * A stream orders the work of a device; null is its default stream. Libraries that compute on the CPU ignore it: their
 * functions return when the work is done. */

#include <stddef.h>
#include <stdint.h>

#include "neuract/memory/dlpack.h"

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define NVFP4_API __attribute__((visibility("default")))
#else
#define NVFP4_API
#endif

/* Changes when an older caller could no longer call: with signatures, meanings, or the order of the table. Entries that
 * are added at the table's end show in its struct_size. */
#define NVFP4_ABI_VERSION 1u

/* In the order of neuract::ErrorCode. */
enum {
  NVFP4_OK = 0,
  NVFP4_INVALID_ARGUMENT = 1,
  NVFP4_OUT_OF_MEMORY = 2,
  NVFP4_NOT_FOUND = 3,
  NVFP4_ALREADY_EXISTS = 4,
  NVFP4_BUSY = 5,
  NVFP4_STALE = 6,
  NVFP4_EXHAUSTED = 7,
  NVFP4_UNSUPPORTED = 8,
  NVFP4_IO = 9,
  NVFP4_PARSE = 10,
  NVFP4_CANCELLED = 11,
  NVFP4_DEVICE = 12,
  NVFP4_INTERNAL = 13
};

#define NVFP4_CPU (-1) /* devices count from 0 */

typedef struct NVFP4_StreamImpl* NVFP4_Stream;
typedef struct NVFP4_EventImpl* NVFP4_Event;
typedef struct NVFP4_LayerImpl* NVFP4_Layer;

/* NVFP4_ABI_VERSION of the library. Call it first, and nothing else when it is not the one above. */
NVFP4_API uint32_t NVFP4_abi_version(void);

/* Why the calling thread's last call failed; "" when it did not. Good until the thread's next call. */
NVFP4_API const char* NVFP4_last_error(void);

/* x f32, f16 or bf16 [N, K], contiguous, to codes, scales and global, which the caller has allocated. */
NVFP4_API int NVFP4_quantize(const DLTensor* x, const DLTensor* codes, const DLTensor* scales, const DLTensor* global,
                             NVFP4_Stream stream);

/* y [M, N] from x [M, K], f32, f16 or bf16 each; bias [N] or null. Rows of x and y are contiguous, any distance apart,
 * and do not overlap. On the CPU weights are brought into the kernels' order at their first use and recognised by their
 * bytes later, which takes about as long as reading them; layer_create in the table avoids that. */
NVFP4_API int NVFP4_scaled_mm(const DLTensor* x, const DLTensor* codes, const DLTensor* scales, const DLTensor* global,
                              const DLTensor* bias, const DLTensor* y, NVFP4_Stream stream);

/* Forgets weights that NVFP4_scaled_mm has kept, and frees buffers that are not in use. */
NVFP4_API int NVFP4_empty_cache(void);

/* Whether a device (0, 1, ...) offers memory that it shares with the CPU; *answer becomes 0 or 1. */
NVFP4_API int NVFP4_can_use_managed(int32_t device, int32_t* answer);
/* Whether a tensor lies in such memory. */
NVFP4_API int NVFP4_is_managed_tensor(const DLTensor* tensor, int32_t* answer);
/* A copy in such memory, contiguous; the caller calls its deleter. */
NVFP4_API int NVFP4_to_managed(const DLTensor* tensor, int32_t device, NVFP4_Stream stream,
                               DLManagedTensorVersioned** managed);
/* Moves a tensor's pages to a device, or to the CPU (NVFP4_CPU), before they are used there. */
NVFP4_API int NVFP4_managed_prefetch(const DLTensor* tensor, int32_t device, NVFP4_Stream stream);

/* ---- Everything else: plain pointers and extents -------------------------------------------------------------- */

enum { NVFP4_MEMORY_HOST = 0, NVFP4_MEMORY_PINNED = 1, NVFP4_MEMORY_DEVICE = 2, NVFP4_MEMORY_MANAGED = 3 };
enum { NVFP4_FORMAT_NF4 = 0, NVFP4_FORMAT_NVFP4 = 1 };
enum { NVFP4_F32 = 0, NVFP4_F16 = 1, NVFP4_BF16 = 2 };

typedef struct {
  uint32_t struct_size; /* set by the caller, so that a newer library writes no further */
  int32_t multiprocessors;
  uint64_t total_bytes;
  uint64_t available_bytes;
  uint32_t managed;            /* 0 or 1, as the next two: it allocates managed memory, */
  uint32_t concurrent_managed; /* which CPU and device may use at the same time; */
  uint32_t pageable;           /* it reaches ordinary host memory */
  char name[128];
  char architecture[32]; /* "sm_90" */
} NVFP4_DeviceInfo;

/* Row-major, columns contiguous; `stride` elements from one row to the next. */
typedef struct {
  void* data;
  int32_t dtype; /* NVFP4_F32, NVFP4_F16 or NVFP4_BF16 */
  int64_t rows;
  int64_t columns;
  int64_t stride;
} NVFP4_Matrix;

/* A weight [outputs, inputs] as checkpoints have it; n = outputs * inputs. */
typedef struct {
  int32_t format;
  int64_t outputs;
  int64_t inputs;
  uint32_t block;     /* elements that share a scale; NVFP4: 16 */
  const void* codes;  /* u8[ceil(n/2)]: NF4 has element 2i in the high half of byte i, NVFP4 in the low half */
  const void* scales; /* NF4: f32[ceil(n/block)], blocks over the flattened weight; NVFP4: f8_e4m3[n/16] */
  float global;       /* NVFP4 */
} NVFP4_Weight;

/* Bit i % 64 of word i / 64 of a row: input i spikes. Bits past the last input are zero. */
typedef struct {
  const uint64_t* words;
  uint32_t rows;
  uint32_t stride; /* words from one row to the next */
} NVFP4_Spikes;

/* An entry is null where the library does not offer it: a library for the CPU has no devices, memory, streams and
 * events, and takes NVFP4_CPU where an entry asks for a device. */
typedef struct {
  uint32_t struct_size; /* of the library's table: entries at or past it do not exist */
  uint32_t abi_version;

  int (*device_count)(int32_t* count);
  int (*device_describe)(int32_t device, NVFP4_DeviceInfo* info);

  int (*allocate)(int32_t device, int32_t memory, size_t bytes, void** data);
  int (*deallocate)(int32_t device, int32_t memory, void* data, size_t bytes);
  /* Between any two places that the device reaches; returns at once when the stream is not null. */
  int (*copy)(int32_t device, void* to, const void* from, size_t bytes, NVFP4_Stream stream);

  int (*stream_create)(int32_t device, NVFP4_Stream* stream);
  int (*stream_destroy)(NVFP4_Stream stream);
  int (*stream_synchronize)(NVFP4_Stream stream);
  int (*event_create)(int32_t device, NVFP4_Event* event);
  int (*event_destroy)(NVFP4_Event event);
  int (*event_record)(NVFP4_Event event, NVFP4_Stream stream);
  int (*event_wait)(NVFP4_Event event, NVFP4_Stream stream); /* the stream waits, not the caller */
  int (*event_synchronize)(NVFP4_Event event);
  int (*event_elapsed_ms)(NVFP4_Event from, NVFP4_Event to, float* ms);

  /* Codes, scales and, for NVFP4, *global of x [outputs, inputs]. `block` 0 is the format's own. */
  int (*quantize)(int32_t device, int32_t format, const NVFP4_Matrix* x, uint32_t block, void* codes, void* scales,
                  float* global, NVFP4_Stream stream);
  int (*dequantize)(int32_t device, const NVFP4_Weight* weight, const NVFP4_Matrix* x, NVFP4_Stream stream);

  /* Brings a weight into the form that multiplies fastest. Weight and bias (one row, or null) may go afterwards. */
  int (*layer_create)(int32_t device, const NVFP4_Weight* weight, const NVFP4_Matrix* bias, NVFP4_Stream stream,
                      NVFP4_Layer* layer);
  int (*layer_destroy)(NVFP4_Layer layer); /* null is nothing to do */
  int (*layer_bytes)(NVFP4_Layer layer, uint64_t* bytes);
  /* y = x * W^T + bias; several threads may use a layer at once, with streams of their own. */
  int (*layer_forward)(NVFP4_Layer layer, const NVFP4_Matrix* x, const NVFP4_Matrix* y, NVFP4_Stream stream);
  int (*layer_forward_spikes)(NVFP4_Layer layer, const NVFP4_Spikes* x, const NVFP4_Matrix* y, NVFP4_Stream stream);
} NVFP4_Table;

/* Null never; lives as long as the library. */
NVFP4_API const NVFP4_Table* NVFP4_table(void);

#ifdef __cplusplus
}
#endif

#endif /* NEURACT_KERNELS_PLUGIN_ABI_H_ */
