/* The input that the standalone application runs on, in flash. */
#ifndef STANDALONE_INPUTS_H
#define STANDALONE_INPUTS_H

#include <stdint.h>

/* In the model's order. */
extern const void *const standalone_inputs[];

#endif
