/* What the program around a peer's kernels needs of a network. */
#ifndef NETWORK_H
#define NETWORK_H

#include <stdint.h>

int8_t *network_input(void);
int8_t *network_output(void);
extern const uint32_t network_input_bytes, network_output_bytes;
extern int network_status; /* 0, or the number of the layer that refused */

void network_run(void);

#endif
