/* Row sources for models whose inputs are not in the arena: the host sends the rows.
 *
 * firmware_config.h gives ROWS_SOURCES (how many such inputs) and ROWS_STREAMED (bit i: source i is streamed).
 */
#ifndef ROWS_H
#define ROWS_H

#include <stdbool.h>
#include <stdint.h>

#include "tvm_patch_runtime.h"

/* What a row source returns when it refuses. The host has codes of its own. */
enum {
  ROWS_ERROR_FAILED = 77,  /* the host's source could not give the row */
  ROWS_ERROR_OUTSIDE = 78, /* the tensor has no such row */
  ROWS_ERROR_ORDER = 79,   /* the row of a streamed input is not the one that comes next */
  ROWS_ERROR_LINK = 80     /* the host has gone */
};

/* Has the host send `bytes` bytes from `offset` of a row. Returns 0, or what ends the run. */
typedef int rows_fetch(uint32_t source, uint32_t row, uint32_t offset, uint32_t bytes, int8_t *to);

/* Forget the last run; rows of the next one come through `fetch`. */
void rows_begin(rows_fetch *fetch);

/* Returns false if the build did not provide for this input. */
bool rows_add(const struct tvm_patch_tensor *input);

/* As the model's run function wants them, after every fetched input was added. */
const struct tvm_patch_row_source *rows_sources(void);

/* Rows read since rows_begin(), of all inputs. */
uint32_t rows_read(void);

void rows_copy(int8_t *to, const int8_t *from, uint32_t bytes);

#endif
