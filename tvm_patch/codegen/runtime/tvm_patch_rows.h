/* Filling of rolling row buffers, from the arena or through a row source. */
#ifndef TVM_PATCH_ROWS_H
#define TVM_PATCH_ROWS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "tvm_patch_runtime.h"

static inline void tvmp_copy(int8_t *to, const int8_t *from, int32_t bytes) {
  memcpy(to, from, (size_t)bytes);
}

static inline void tvmp_fill(int8_t *to, int8_t value, int32_t bytes) {
  memset(to, value, (size_t)bytes);
}

/* A fetched input during one inference. */
struct tvmp_rows {
  const struct tvm_patch_row_source *source;
  int32_t *status; /* of the inference: shared by all its inputs, so that none is asked after one has failed */
};

/* After a failure the rows in the buffer are stale; the inference goes on with them to the end of its step. */
static inline void tvmp_fetch_row(struct tvmp_rows *rows, int32_t row, int8_t *to) {
  if (*rows->status == 0) {
    *rows->status = rows->source->read(rows->source->ctx, (uint32_t)row, to);
  }
}

#endif
