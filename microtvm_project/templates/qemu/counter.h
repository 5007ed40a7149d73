/* An exact instruction counter for QEMU's mps2 machines under -icount shift=0. */
#ifndef COUNTER_H
#define COUNTER_H

#include <stdint.h>

void counter_start(void);
uint64_t counter_read(void);

#endif
