/* Row sources over a set's inputs in the harness's memory, for models whose inputs are not in the arena.
 *
 * The build gives ROWS_SOURCES (how many such inputs), ROWS_BYTES (of all of them, each rounded up to whole words),
 * ROWS_STREAMED (bit i: source i is streamed) and, for tests, ROWS_FAIL_AT (a row that cannot be read).
 */
#ifndef ROWS_H
#define ROWS_H

#include <stdint.h>

#include "tvm_patch_runtime.h"

/* What a row source returns when it refuses. */
enum {
  ROWS_ERROR_FAILED = 77,  /* ROWS_FAIL_AT */
  ROWS_ERROR_OUTSIDE = 78, /* the tensor has no such row */
  ROWS_ERROR_ORDER = 79    /* the row of a streamed input is not the one that comes next */
};

/* Forget the last set. */
void rows_begin(void);

/* Returns where the data of a fetched input goes; NULL if the build did not provide for it. */
void *rows_add(const struct tvm_patch_tensor *input);

/* As the model's run function wants them, after every fetched input was added. */
const struct tvm_patch_row_source *rows_sources(void);

/* Rows read since rows_begin(), of all inputs. */
uint32_t rows_read(void);

#endif
