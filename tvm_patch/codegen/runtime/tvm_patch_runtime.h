/* What firmware needs to run any model that tvm-patch compiled, without knowing it. The same for all models. */
#ifndef TVM_PATCH_RUNTIME_H
#define TVM_PATCH_RUNTIME_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a run function returns. */
enum {
  TVM_PATCH_OK = 0,
  TVM_PATCH_ERROR_ARENA = -1,     /* the arena is NULL or not aligned to arena_align */
  TVM_PATCH_ERROR_ROW_SOURCE = -2 /* an input's rows are to be fetched, but there is nothing to fetch them with */
};

/* Where the rows of an input come from that is not in the arena. The model asks for one row at a time: each once, from
 * the first one down, if the input is streamed; any row, as often as it likes, if it is rereadable. */
struct tvm_patch_row_source {
  /* Write row `row` to dst: as many bytes as a row of the tensor has. Returns 0, or a code that ends the inference and
   * that run returns; positive codes cannot be mistaken for this library's own. */
  int (*read)(void *ctx, uint32_t row, int8_t *dst);
  void *ctx; /* handed to read, for nothing else */
};

/* An input or output of a model. */
struct tvm_patch_tensor {
  const char *name;
  const char *dtype;     /* "int8", "uint8", "int16", "int32", "int64", "float32" or "bool" */
  uint32_t bytes;        /* size of the data */
  uint32_t arena_offset; /* where the data lies, from the start of the arena; UINT32_MAX if it is not in the arena */
  int32_t row_source;    /* which row source its rows are fetched from; -1 if it is in the arena */
  float scale;           /* real value = scale * (stored value - zero_point); 0 if not quantized */
  int32_t zero_point;
  uint32_t rank;
  const int32_t *shape; /* rank numbers; row-major, the last dimension varies fastest */
};

/* A model. Write the inputs at their offsets, call run, read the outputs at theirs. A run may overwrite its inputs.
 * sources holds num_row_sources row sources, and may be NULL when that is 0. */
struct tvm_patch_model {
  const char *name;
  uint32_t arena_bytes; /* the one block of SRAM that an inference uses */
  uint32_t arena_align; /* a power of two */
  uint32_t num_inputs, num_outputs, num_operators, num_row_sources;
  const struct tvm_patch_tensor *inputs, *outputs;
  /* Returns TVM_PATCH_OK, an error, or what a row source returned; keeps no state between calls. */
  int32_t (*run)(void *arena, const struct tvm_patch_row_source *sources);
};

#ifdef TVM_PATCH_PROFILE
/* Called at the end of every operator (given: its index in metadata.json); the firmware defines it. An operator
 * that runs in pieces calls it after each piece. */
void tvm_patch_profile(uint32_t operator_index);
#endif

#ifdef __cplusplus
}
#endif

#endif
