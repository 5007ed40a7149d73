/* Rows that the host sends while a run waits for them. */
#ifndef HOST_ROWS_H
#define HOST_ROWS_H

#include <stdbool.h>

#include "frame.h"
#include "rows.h"

/* Begin a run. */
void host_rows_begin(void);

/* Asks the host for a piece of a row and waits for it; the time that this takes does not count. */
rows_fetch host_rows_fetch;

/* Whether the host has gone since the run began: the link is closed, or another host says HELLO. */
bool host_rows_ended(void);

/* The HELLO with which another host ended the run, to be answered after it; NULL if none did, and from the next call. */
const struct frame *host_rows_hello(void);

#endif
