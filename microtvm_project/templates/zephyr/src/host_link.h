/* The serial port to the host. */
#ifndef HOST_LINK_H
#define HOST_LINK_H

#include <stdbool.h>
#include <stdint.h>

bool link_open(void);

/* Wait for bytes and take as many as have come, at most `most`. */
uint32_t link_read(void *to, uint32_t most);

void link_write(const void *from, uint32_t bytes);

#endif
