/* An exact instruction counter for QEMU's mps2 machines under -icount shift=0. */
#ifndef COUNTER_H
#define COUNTER_H

#include <stdint.h>

void counter_start(void);
uint64_t counter_read(void);

/* The timer wraps after 1.7e11 instructions; a difference of less than that is right nevertheless. */
uint64_t counter_since(uint64_t start, uint64_t end);

#endif
