/* What each operator costs, from the hook that a library built with TVM_PATCH_PROFILE calls. */
#ifndef PROFILE_H
#define PROFILE_H

#include <stdbool.h>
#include <stdint.h>

/* Measure what the hook itself costs, so that it can be taken off. Once, before anything else. */
void profile_calibrate(void);

/* Forget all counts. If `on`, start the clock of the first operator; else hooks do nothing. */
void profile_begin(bool on);

/* From now on hooks do nothing. */
void profile_end(void);

/* PROFILE_OPERATORS counts, in the unit of the platform's counter. */
const uint64_t *profile_counts(void);

#endif
