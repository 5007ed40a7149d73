/* The platform's counter, without what the firmware does while the model waits for it. */
#ifndef CLOCK_H
#define CLOCK_H

#include <stdint.h>

/* Measure what a pause itself costs. Once, before anything else. */
void clock_calibrate(void);

/* Forget all pauses. */
void clock_begin(void);

/* What lies between the two is not counted. */
void clock_pause(void);
void clock_resume(void);

/* The length of all pauses since clock_begin(). */
uint64_t clock_paused(void);

#endif
