/* The first serial port of the mps2 machines. */
#ifndef UART_H
#define UART_H

#include <stdint.h>

void uart_open(void);

/* Wait for bytes and take as many as have come, at most `most`. */
uint32_t uart_read(void *to, uint32_t most);

void uart_write(const void *from, uint32_t bytes);

#endif
