/* Filling of rolling row buffers. */
#ifndef TVM_PATCH_ROWS_H
#define TVM_PATCH_ROWS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline void tvmp_copy(int8_t *to, const int8_t *from, int32_t bytes) {
  memcpy(to, from, (size_t)bytes);
}

static inline void tvmp_fill(int8_t *to, int8_t value, int32_t bytes) {
  memset(to, value, (size_t)bytes);
}

#endif
