/* Arm's CMSDK UART (Application Note AN500, section 3.5): one byte of buffer each way, polled. */
#include "uart.h"

#define DATA (*(volatile uint32_t *)0x40004000u)
#define STATE (*(volatile uint32_t *)0x40004004u)
#define CTRL (*(volatile uint32_t *)0x40004008u)
#define BAUDDIV (*(volatile uint32_t *)0x40004010u)

enum { TX_FULL = 1, RX_FULL = 2, ENABLE_BOTH = 3, LEAST_DIVIDER = 16 };

void uart_open(void) {
  BAUDDIV = LEAST_DIVIDER;
  CTRL = ENABLE_BOTH;
  (void)DATA; /* QEMU looks for input when it is read, not when the receiver is enabled */
}

uint32_t uart_read(void *to, uint32_t most) {
  uint8_t *const bytes = to;
  uint32_t got = 0;
  while ((STATE & RX_FULL) == 0) {
  }
  while (got < most && (STATE & RX_FULL) != 0) {
    bytes[got++] = (uint8_t)DATA;
  }
  return got;
}

void uart_write(const void *from, uint32_t bytes) {
  const uint8_t *const at = from;
  for (uint32_t i = 0; i < bytes; ++i) {
    while ((STATE & TX_FULL) != 0) {
    }
    DATA = at[i];
  }
}
