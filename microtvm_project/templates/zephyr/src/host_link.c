#include "host_link.h"

#include <zephyr/device.h>
#include <zephyr/drivers/uart.h>
#include <zephyr/kernel.h>
#include <zephyr/sys/ring_buffer.h>

enum { BUFFER_BYTES = 1024 };

static const struct device *const uart = DEVICE_DT_GET(DT_CHOSEN(zephyr_console));

RING_BUF_DECLARE(received, BUFFER_BYTES);
static K_SEM_DEFINE(has_received, 0, 1);

/* What does not fit is lost; the host sends it again. */
static void take(const struct device *device, void *unused) {
  ARG_UNUSED(unused);
  while (uart_irq_update(device) && uart_irq_rx_ready(device)) {
    uint8_t bytes[16];
    const int got = uart_fifo_read(device, bytes, sizeof bytes);
    if (got <= 0) {
      break;
    }
    (void)ring_buf_put(&received, bytes, (uint32_t)got);
    k_sem_give(&has_received);
  }
}

bool link_open(void) {
  if (!device_is_ready(uart)) {
    return false;
  }
  uart_irq_callback_user_data_set(uart, take, NULL);
  uart_irq_rx_enable(uart);
  /* A byte that came before raises no interrupt, and while it is there no other one comes. */
  uint8_t early;
  while (uart_poll_in(uart, &early) == 0) {
  }
  return true;
}

uint32_t link_read(void *to, uint32_t most) {
  for (;;) {
    const uint32_t got = ring_buf_get(&received, to, most);
    if (got != 0) {
      return got;
    }
    (void)k_sem_take(&has_received, K_FOREVER);
  }
}

void link_write(const void *from, uint32_t bytes) {
  const uint8_t *const at = from;
  for (uint32_t i = 0; i < bytes; ++i) {
    uart_poll_out(uart, at[i]);
  }
}
