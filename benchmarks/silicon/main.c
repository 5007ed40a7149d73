/* Runs a network of a peer's kernels once and prints its output: QEMU's harness around `network_run`. */
#include <stdint.h>

#include "network.h"
#include "semihosting.h"
#include "startup.h"

/* On the process stack, which lies in what stands for the board's SRAM. */
__attribute__((naked, noinline)) static void call_on(void (*run)(void), void *top) {
  (void)run;
  (void)top;
  __asm volatile(
      "push {r4, lr}\n"
      "msr psp, r1\n"
      "movs r1, #2\n"
      "msr control, r1\n"
      "isb\n"
      "blx r0\n"
      "movs r1, #0\n"
      "msr control, r1\n"
      "isb\n"
      "pop {r4, pc}\n");
}

static void print_number(int32_t value) {
  char text[8];
  char *at = text + sizeof text - 1;
  uint32_t left = value < 0 ? (uint32_t)-value : (uint32_t)value;
  *at = '\0';
  *--at = ' ';
  do {
    *--at = (char)('0' + left % 10u);
    left /= 10u;
  } while (left != 0);
  if (value < 0) {
    *--at = '-';
  }
  semihosting_print(at);
}

int main(void) {
  int8_t *const input = network_input();
  for (uint32_t i = 0; i < network_input_bytes; ++i) {
    input[i] = 1;
  }
  call_on(network_run, model_stack_top);
  const int8_t *const output = network_output();
  for (uint32_t i = 0; i < network_output_bytes; ++i) {
    print_number(output[i]);
  }
  semihosting_print("\n");
  return network_status;
}
