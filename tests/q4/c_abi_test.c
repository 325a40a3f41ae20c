/* What a program in C sees of libNVFP4_cpu.so. Prints every expectation that does not hold; their number is its status. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "neuract/kernels/plugin_abi.h"

static int failures = 0;

#define EXPECT(condition)                                                                                     \
  do {                                                                                                        \
    if (!(condition)) {                                                                                       \
      ++failures;                                                                                             \
      fprintf(stderr, "%s:%d: %s; last error: \"%s\"\n", __FILE__, __LINE__, #condition, NVFP4_last_error()); \
    }                                                                                                         \
  } while (0)

/* The call fails with that status, and its message contains the text. */
#define EXPECT_ERROR(call, status, text)                \
  do {                                                  \
    const int given = (call);                           \
    EXPECT(given == (status));                          \
    EXPECT(strstr(NVFP4_last_error(), (text)) != NULL); \
  } while (0)

enum { N = 130, K = 64, M = 5 };

static const DLDataType kF32 = {kDLFloat, 32, 1};
static const DLDataType kU8 = {kDLUInt, 8, 1};
static const DLDataType kE4m3 = {kDLFloat8_e4m3fn, 8, 1};

static DLTensor tensor(void* data, DLDataType dtype, int32_t ndim, int64_t* shape) {
  DLTensor t;
  memset(&t, 0, sizeof t);
  t.data = data;
  t.device.device_type = kDLCPU;
  t.ndim = ndim;
  t.dtype = dtype;
  t.shape = shape;
  return t;
}

static float weights[N * K], x[M * K], bias[N], y[M * N];
static uint8_t codes[N * K / 2], scales[N * K / 16];
static float global;

static int64_t weight_shape[] = {N, K}, codes_shape[] = {N, K / 2}, scales_shape[] = {N, K / 16}, one[] = {1};
static int64_t x_shape[] = {M, K}, bias_shape[] = {N}, y_shape[] = {M, N};

static double e4m3(uint8_t bits) {
  const int exponent = bits >> 3 & 15;
  return exponent == 0 ? ldexp(bits & 7, -9) : ldexp(8 + (bits & 7), exponent - 10);
}

/* The weight at a place, by the words of the header. */
static double weight_at(int o, int i) {
  static const double magnitudes[] = {0, .5, 1, 1.5, 2, 3, 4, 6};
  const int at = o * K + i;
  const int code = codes[at / 2] >> (at % 2 * 4) & 15;
  return (code < 8 ? 1 : -1) * magnitudes[code & 7] * e4m3(scales[at / 16]) * (double)global;
}

/* The bound of kernels/q4_dense.hpp for inputs and weights below 1, generously. */
static void expect_product(const float* from, const float* added) {
  for (int m = 0; m < M; ++m)
    for (int o = 0; o < N; ++o) {
      double sum = added == NULL ? 0.0 : (double)added[o];
      for (int i = 0; i < K; ++i) sum += weight_at(o, i) * (double)from[m * K + i];
      EXPECT(fabs((double)y[m * N + o] - sum) < 2e-3);
    }
}

static void quantises_and_multiplies(void) {
  DLTensor w = tensor(weights, kF32, 2, weight_shape), c = tensor(codes, kU8, 2, codes_shape);
  DLTensor s = tensor(scales, kE4m3, 2, scales_shape), g = tensor(&global, kF32, 1, one);
  EXPECT(NVFP4_quantize(&w, &c, &s, &g, NULL) == NVFP4_OK);
  for (int o = 0; o < N; ++o)
    for (int i = 0; i < K; ++i) EXPECT(fabs(weight_at(o, i) - (double)weights[o * K + i]) < 0.2);

  DLTensor in = tensor(x, kF32, 2, x_shape), out = tensor(y, kF32, 2, y_shape), b = tensor(bias, kF32, 1, bias_shape);
  EXPECT(NVFP4_scaled_mm(&in, &c, &s, &g, NULL, &out, NULL) == NVFP4_OK);
  EXPECT(strcmp(NVFP4_last_error(), "") == 0);
  expect_product(x, NULL);
  EXPECT(NVFP4_scaled_mm(&in, &c, &s, &g, &b, &out, NULL) == NVFP4_OK);
  expect_product(x, bias);

  /* Other numbers in the same place are another weight. */
  for (int i = 0; i < N * K; ++i) weights[i] = -weights[i] * 0.5f;
  EXPECT(NVFP4_quantize(&w, &c, &s, &g, NULL) == NVFP4_OK);
  EXPECT(NVFP4_scaled_mm(&in, &c, &s, &g, &b, &out, NULL) == NVFP4_OK);
  expect_product(x, bias);
  EXPECT(NVFP4_empty_cache() == NVFP4_OK);
  EXPECT(NVFP4_scaled_mm(&in, &c, &s, &g, NULL, &out, NULL) == NVFP4_OK);
  expect_product(x, NULL);
}

static void refuses_what_is_wrong(void) {
  DLTensor w = tensor(weights, kF32, 2, weight_shape), c = tensor(codes, kU8, 2, codes_shape);
  DLTensor s = tensor(scales, kE4m3, 2, scales_shape), g = tensor(&global, kF32, 1, one);
  DLTensor in = tensor(x, kF32, 2, x_shape), out = tensor(y, kF32, 2, y_shape);
  const int bad = NVFP4_INVALID_ARGUMENT;

  EXPECT_ERROR(NVFP4_quantize(NULL, &c, &s, &g, NULL), bad, "x is null");
  EXPECT_ERROR(NVFP4_quantize(&w, &c, &s, NULL, NULL), bad, "global is null");
  EXPECT_ERROR(NVFP4_scaled_mm(&in, NULL, &s, &g, NULL, &out, NULL), bad, "codes is null");
  EXPECT_ERROR(NVFP4_scaled_mm(&in, &c, &s, &g, NULL, NULL, NULL), bad, "y is null");

  DLTensor wrong = tensor(codes, kU8, 2, scales_shape);
  EXPECT_ERROR(NVFP4_quantize(&w, &wrong, &s, &g, NULL), bad, "codes is u8[130, 4]; expected u8[130, 32]");
  wrong = tensor(scales, kU8, 2, scales_shape);
  EXPECT_ERROR(NVFP4_scaled_mm(&in, &c, &wrong, &g, NULL, &out, NULL), bad,
               "scales is u8[130, 4]; expected f8_e4m3[130, 4]");
  wrong = tensor(codes, kU8, 1, one);
  EXPECT_ERROR(NVFP4_scaled_mm(&in, &wrong, &s, &g, NULL, &out, NULL), bad, "codes are of rank 1");
  wrong = tensor(x, kF32, 2, y_shape);
  EXPECT_ERROR(NVFP4_scaled_mm(&wrong, &c, &s, &g, NULL, &out, NULL), bad, "x has shape [5, 130]; expected 64");
  wrong = tensor(x, kU8, 2, x_shape);
  EXPECT_ERROR(NVFP4_scaled_mm(&wrong, &c, &s, &g, NULL, &out, NULL), bad,
               "x is of type u8; expected f32, f16 or bf16");
  EXPECT_ERROR(NVFP4_scaled_mm(&in, &c, &s, &g, NULL, &in, NULL), bad, "y has shape [5, 64]");
  int64_t own_shape[] = {M, K - 1};
  wrong = tensor(weights, kF32, 2, own_shape);
  EXPECT_ERROR(NVFP4_quantize(&wrong, &c, &s, &g, NULL), bad, "63 inputs are no multiple of 16");
  wrong = tensor(NULL, kF32, 2, x_shape);
  EXPECT_ERROR(NVFP4_scaled_mm(&wrong, &c, &s, &g, NULL, &out, NULL), bad, "x: ");
  wrong = in;
  wrong.device.device_type = kDLCUDA;
  EXPECT_ERROR(NVFP4_scaled_mm(&wrong, &c, &s, &g, NULL, &out, NULL), bad, "x is in device memory of cuda:0");
  wrong = in;
  wrong.ndim = -1;
  EXPECT_ERROR(NVFP4_scaled_mm(&wrong, &c, &s, &g, NULL, &out, NULL), bad, "x: ");
  scales[7] = 0x7f;
  EXPECT_ERROR(NVFP4_scaled_mm(&in, &c, &s, &g, NULL, &out, NULL), bad, "output 1, block 3 is NaN");
  weights[3] = (float)NAN;
  EXPECT_ERROR(NVFP4_quantize(&w, &c, &s, &g, NULL), bad, "element 3 is nan");
  weights[3] = 0.0f;
  EXPECT(NVFP4_quantize(&w, &c, &s, &g, NULL) == NVFP4_OK);
}

static void tells_that_it_has_no_managed_memory(void) {
  DLTensor in = tensor(x, kF32, 2, x_shape);
  int32_t answer = 7;
  EXPECT(NVFP4_can_use_managed(0, &answer) == NVFP4_OK && answer == 0);
  EXPECT(NVFP4_is_managed_tensor(&in, &answer) == NVFP4_OK && answer == 0);
  in.device.device_type = kDLCUDAManaged;
  EXPECT(NVFP4_is_managed_tensor(&in, &answer) == NVFP4_OK && answer == 1);
  DLManagedTensorVersioned* managed = NULL;
  EXPECT_ERROR(NVFP4_to_managed(&in, 0, NULL, &managed), NVFP4_UNSUPPORTED, "no managed memory");
  EXPECT(managed == NULL);
  EXPECT_ERROR(NVFP4_managed_prefetch(&in, 0, NULL), NVFP4_UNSUPPORTED, "no managed memory");
  EXPECT_ERROR(NVFP4_can_use_managed(0, NULL), NVFP4_INVALID_ARGUMENT, "answer is null");
  EXPECT_ERROR(NVFP4_is_managed_tensor(NULL, &answer), NVFP4_INVALID_ARGUMENT, "tensor is null");
  EXPECT_ERROR(NVFP4_to_managed(&in, 0, NULL, NULL), NVFP4_INVALID_ARGUMENT, "managed is null");
  EXPECT_ERROR(NVFP4_managed_prefetch(NULL, 0, NULL), NVFP4_INVALID_ARGUMENT, "tensor is null");
}

static NVFP4_Matrix matrix(void* data, int32_t dtype, int64_t rows, int64_t columns) {
  NVFP4_Matrix m;
  m.data = data;
  m.dtype = dtype;
  m.rows = rows;
  m.columns = columns;
  m.stride = columns;
  return m;
}

static void has_a_table_of_layers(void) {
  const NVFP4_Table* table = NVFP4_table();
  EXPECT(table->struct_size == sizeof *table && table->abi_version == NVFP4_ABI_VERSION);
  EXPECT(table->device_count == NULL && table->allocate == NULL && table->stream_create == NULL);

  const NVFP4_Matrix in = matrix(x, NVFP4_F32, M, K), out = matrix(y, NVFP4_F32, M, N);
  const NVFP4_Matrix added = matrix(bias, NVFP4_F32, 1, N);
  NVFP4_Matrix w = matrix(weights, NVFP4_F32, N, K);
  EXPECT(table->quantize(NVFP4_CPU, NVFP4_FORMAT_NVFP4, &w, 0, codes, scales, &global, NULL) == NVFP4_OK);
  NVFP4_Weight weight = {NVFP4_FORMAT_NVFP4, N, K, 16, codes, scales, global};
  NVFP4_Layer layer = NULL;
  EXPECT(table->layer_create(NVFP4_CPU, &weight, &added, NULL, &layer) == NVFP4_OK);
  EXPECT(layer != NULL);
  uint64_t bytes = 0;
  EXPECT(table->layer_bytes(layer, &bytes) == NVFP4_OK && bytes >= N * K / 2);
  EXPECT(table->layer_forward(layer, &in, &out, NULL) == NVFP4_OK);
  expect_product(x, bias);

  static float ones[M * K];
  uint64_t words[M] = {1, 0, 0xffffffffffffffffu, 0x8000000000000001u, 0x123456789abcdefu};
  for (int m = 0; m < M; ++m)
    for (int i = 0; i < K; ++i) ones[m * K + i] = (float)(words[m] >> i & 1);
  const NVFP4_Spikes spikes = {words, M, 1};
  EXPECT(table->layer_forward_spikes(layer, &spikes, &out, NULL) == NVFP4_OK);
  expect_product(ones, bias);

  EXPECT_ERROR(table->layer_forward(layer, NULL, &out, NULL), NVFP4_INVALID_ARGUMENT, "x is null");
  EXPECT_ERROR(table->layer_forward(NULL, &in, &out, NULL), NVFP4_INVALID_ARGUMENT, "layer is null");
  EXPECT_ERROR(table->layer_forward(layer, &in, &in, NULL), NVFP4_INVALID_ARGUMENT, "y has shape [5, 64]");
  EXPECT_ERROR(table->layer_forward_spikes(layer, NULL, &out, NULL), NVFP4_INVALID_ARGUMENT, "x is null");
  NVFP4_Matrix odd = in;
  odd.dtype = 9;
  EXPECT_ERROR(table->layer_forward(layer, &odd, &out, NULL), NVFP4_INVALID_ARGUMENT, "x is of type 9");
  odd = in;
  odd.stride = 3;
  EXPECT_ERROR(table->layer_forward(layer, &odd, &out, NULL), NVFP4_INVALID_ARGUMENT, "contiguous and do not overlap");
  EXPECT(table->layer_destroy(layer) == NVFP4_OK);
  EXPECT(table->layer_destroy(NULL) == NVFP4_OK);

  EXPECT_ERROR(table->layer_create(0, &weight, NULL, NULL, &layer), NVFP4_NOT_FOUND, "there is no device 0");
  EXPECT_ERROR(table->layer_create(NVFP4_CPU, NULL, NULL, NULL, &layer), NVFP4_INVALID_ARGUMENT, "weight is null");
  EXPECT_ERROR(table->layer_create(NVFP4_CPU, &weight, NULL, NULL, NULL), NVFP4_INVALID_ARGUMENT, "layer is null");
  weight.codes = NULL;
  EXPECT(table->layer_create(NVFP4_CPU, &weight, NULL, NULL, &layer) == NVFP4_INVALID_ARGUMENT);
  weight.codes = codes;
  weight.block = 0;
  EXPECT_ERROR(table->layer_create(NVFP4_CPU, &weight, NULL, NULL, &layer), NVFP4_INVALID_ARGUMENT, "blocks of 0");
  weight.block = 32;
  EXPECT_ERROR(table->layer_create(NVFP4_CPU, &weight, NULL, NULL, &layer), NVFP4_INVALID_ARGUMENT, "have 16 elements");
  weight.format = 2;
  EXPECT_ERROR(table->layer_create(NVFP4_CPU, &weight, NULL, NULL, &layer), NVFP4_INVALID_ARGUMENT, "no format 2");
  EXPECT(layer == NULL);
}

static void has_nf4_too(void) {
  const NVFP4_Table* table = NVFP4_table();
  static uint8_t nf4_codes[N * K / 2];
  static float absmax[N * K / 64], back[N * (K + 3)];
  NVFP4_Matrix w = matrix(weights, NVFP4_F32, N, K);
  EXPECT(table->quantize(NVFP4_CPU, NVFP4_FORMAT_NF4, &w, 64, nf4_codes, absmax, NULL, NULL) == NVFP4_OK);
  NVFP4_Weight weight = {NVFP4_FORMAT_NF4, N, K, 64, nf4_codes, absmax, 1.0f};
  NVFP4_Matrix to = matrix(back, NVFP4_F32, N, K);
  to.stride = K + 3;
  back[K] = 7.0f;
  EXPECT(table->dequantize(NVFP4_CPU, &weight, &to, NULL) == NVFP4_OK);
  EXPECT(back[K] == 7.0f);
  for (int o = 0; o < N; ++o)
    for (int i = 0; i < K; ++i) EXPECT(fabsf(back[o * (K + 3) + i] - weights[o * K + i]) <= 0.16f * absmax[o]);
  to.columns = K - 1;
  EXPECT_ERROR(table->dequantize(NVFP4_CPU, &weight, &to, NULL), NVFP4_INVALID_ARGUMENT, "expected [130, 64]");
  EXPECT_ERROR(table->quantize(NVFP4_CPU, NVFP4_FORMAT_NVFP4, &w, 0, nf4_codes, absmax, NULL, NULL),
               NVFP4_INVALID_ARGUMENT, "global is null");
  EXPECT_ERROR(table->quantize(NVFP4_CPU, NVFP4_FORMAT_NF4, &w, 3, nf4_codes, absmax, NULL, NULL),
               NVFP4_INVALID_ARGUMENT, "an nf4 block of 3");
}

int main(void) {
  uint32_t state = 1;
  for (int i = 0; i < N * K + M * K + N; ++i) {
    state = state * 1664525u + 1013904223u;
    const float value = (float)(state >> 8) * 0x1p-23f - 1.0f;
    if (i < N * K)
      weights[i] = value;
    else if (i < N * K + M * K)
      x[i - N * K] = value;
    else
      bias[i - N * K - M * K] = value;
  }
  EXPECT(NVFP4_abi_version() == NVFP4_ABI_VERSION);
  quantises_and_multiplies();
  refuses_what_is_wrong();
  tells_that_it_has_no_managed_memory();
  has_a_table_of_layers();
  has_nf4_too();
  if (failures == 0) puts("all expectations hold");
  return failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
