#include "rows.h"

#include <stddef.h>

#ifndef ROWS_SOURCES
#define ROWS_SOURCES 0u
#define ROWS_BYTES 0u
#define ROWS_STREAMED 0u
#endif
/* One more than needed: C has no empty tables. The last entry is never used. */
#define TABLE (ROWS_SOURCES + 1u)

struct input {
  const int8_t *data;
  uint32_t rows, row_bytes;
  uint32_t next; /* one past the last row that was read */
  uint32_t read;
  uint32_t streamed;
};

/* Any address will do for it: data and row buffers are not aligned in the same way. */
struct __attribute__((packed, may_alias)) word {
  uint32_t value;
};

static uint32_t memory[ROWS_BYTES / 4u + 1u];
static uint32_t used; /* words of it */
static const uint32_t count = ROWS_SOURCES;
static struct input inputs[TABLE];
static struct tvm_patch_row_source sources[TABLE];

/* Not memcpy(): the harness must not pull library functions in, which would count as the model's. */
static void copy(int8_t *to, const int8_t *from, uint32_t bytes) {
  uint32_t i = 0;
  for (; i + 4u <= bytes; i += 4u) {
    ((struct word *)(void *)(to + i))->value = ((const struct word *)(const void *)(from + i))->value;
  }
  for (; i < bytes; ++i) {
    to[i] = from[i];
  }
}

static int read(void *ctx, uint32_t row, int8_t *dst) {
  struct input *const input = ctx;
#ifdef ROWS_FAIL_AT
  if (row == ROWS_FAIL_AT) {
    return ROWS_ERROR_FAILED;
  }
#endif
  if (row >= input->rows) {
    return ROWS_ERROR_OUTSIDE;
  }
  if (input->streamed && row != input->next) {
    return ROWS_ERROR_ORDER;
  }
  copy(dst, input->data + row * input->row_bytes, input->row_bytes);
  input->next = row + 1u;
  ++input->read;
  return 0;
}

void rows_begin(void) {
  used = 0;
  for (uint32_t i = 0; i < TABLE; ++i) {
    sources[i].read = NULL;
    inputs[i].read = 0;
  }
}

void *rows_add(const struct tvm_patch_tensor *input) {
  const uint32_t index = (uint32_t)input->row_source;
  const uint32_t words = (input->bytes + 3u) / 4u;
  if (index >= count || words > ROWS_BYTES / 4u - used) {
    return NULL;
  }
  uint32_t *const data = memory + used;
  used += words;
  const uint32_t rows = (uint32_t)input->shape[1];
  inputs[index] = (struct input){
      (const int8_t *)data, rows, input->bytes / rows, 0, 0, (uint32_t)ROWS_STREAMED >> index & 1u};
  sources[index] = (struct tvm_patch_row_source){read, &inputs[index]};
  return data;
}

const struct tvm_patch_row_source *rows_sources(void) { return sources; }

uint32_t rows_read(void) {
  uint32_t total = 0;
  for (uint32_t i = 0; i < count; ++i) {
    total += inputs[i].read;
  }
  return total;
}
