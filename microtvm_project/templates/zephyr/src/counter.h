/* The core's cycle counter. */
#ifndef COUNTER_H
#define COUNTER_H

#include <stdint.h>

uint64_t counter_read(void);
uint64_t counter_since(uint64_t start, uint64_t end);
uint32_t counter_hz(void);

#endif
