#include "rows.h"

#include <stddef.h>

#include "frame.h"

/* One more than needed: C has no empty tables. The last entry is never used. */
#define TABLE (ROWS_SOURCES + 1u)

enum { PIECE_MOST = FRAME_BODY_MOST - 8 }; /* a ROW's head takes 8 bytes */

struct input {
  uint32_t index, rows, row_bytes;
  uint32_t next; /* one past the last row that was read */
  uint32_t read;
  uint32_t streamed;
};

/* Any address will do for it: frames and row buffers are not aligned in the same way. */
struct __attribute__((packed, may_alias)) word {
  uint32_t value;
};

static const uint32_t count = ROWS_SOURCES;
static rows_fetch *fetch_piece;
static struct input inputs[TABLE];
static struct tvm_patch_row_source sources[TABLE];

/* Not memcpy(): the firmware must not pull library functions in, which would count as the model's. */
void rows_copy(int8_t *to, const int8_t *from, uint32_t bytes) {
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
  if (row >= input->rows) {
    return ROWS_ERROR_OUTSIDE;
  }
  if (input->streamed && row != input->next) {
    return ROWS_ERROR_ORDER;
  }
  for (uint32_t at = 0; at < input->row_bytes; at += PIECE_MOST) {
    const uint32_t left = input->row_bytes - at;
    const int status = fetch_piece(input->index, row, at, left < PIECE_MOST ? left : PIECE_MOST, dst + at);
    if (status != 0) {
      return status;
    }
  }
  input->next = row + 1u;
  ++input->read;
  return 0;
}

void rows_begin(rows_fetch *fetch) {
  fetch_piece = fetch;
  for (uint32_t i = 0; i < TABLE; ++i) {
    sources[i].read = NULL;
    inputs[i].read = 0;
  }
}

bool rows_add(const struct tvm_patch_tensor *input) {
  const uint32_t index = (uint32_t)input->row_source;
  if (index >= count) {
    return false;
  }
  const uint32_t rows = (uint32_t)input->shape[1];
  inputs[index] = (struct input){index, rows, input->bytes / rows, 0, 0, (uint32_t)ROWS_STREAMED >> index & 1u};
  sources[index] = (struct tvm_patch_row_source){read, &inputs[index]};
  return true;
}

const struct tvm_patch_row_source *rows_sources(void) { return sources; }

uint32_t rows_read(void) {
  uint32_t total = 0;
  for (uint32_t i = 0; i < count; ++i) {
    total += inputs[i].read;
  }
  return total;
}
