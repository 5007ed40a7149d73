/* Instructions per operator, from the hook that a library built with TVM_PATCH_PROFILE calls. */
#ifndef PROFILE_H
#define PROFILE_H

#include <stdint.h>

/* Measure what the hook itself costs, so that it can be taken off. Once, before anything else. */
void profile_calibrate(void);

/* Forget all counts and start the clock of the first operator. */
void profile_begin(void);

/* PROFILE_OPERATORS counts. */
const uint64_t *profile_counts(void);

#endif
