/* From reset to main, and what happens on a fault. */
#include "startup.h"

#include "semihosting.h"

extern uint32_t harness_stack_top[];
extern uint32_t harness_bss_start[], harness_bss_end[];
extern uint32_t data_load[], data_start[], data_end[], bss_start[], bss_end[];

int main(int argc, char **argv);

#define AIRCR (*(volatile uint32_t *)0xE000ED0Cu)
#define CPACR (*(volatile uint32_t *)0xE000ED88u)
#define CFSR (*(volatile uint32_t *)0xE000ED28u)
#define MMFAR (*(volatile uint32_t *)0xE000ED34u)
#define BFAR (*(volatile uint32_t *)0xE000ED38u)
#define MPU_CTRL (*(volatile uint32_t *)0xE000ED94u)
#define MPU_RNR (*(volatile uint32_t *)0xE000ED98u)
#define MPU_RBAR (*(volatile uint32_t *)0xE000ED9Cu)
#define MPU_RASR (*(volatile uint32_t *)0xE000EDA0u)

enum { NO_ACCESS = 0x10000000, READ_ONLY = 0x06000000, READ_WRITE = 0x13000000 }; /* AP and XN bits of RASR */

static void mpu_region(uint32_t number, uint32_t base, uint32_t log2_bytes, uint32_t access) {
  MPU_RNR = number;
  MPU_RBAR = base;
  MPU_RASR = access | (log2_bytes - 1u) << 1 | 1u;
}

/* QEMU's machines answer 0 where a real chip faults, and let constants be written. Whatever is not listed here faults,
 * in particular all below SRAM, where a stack that overflows goes. */
static void protect_memory(void) {
  mpu_region(0, 0x00000000u, 22, READ_ONLY);      /* harness code */
  mpu_region(1, 0x00000000u, 10, NO_ACCESS);      /* vectors, which the core reads nevertheless: NULL pointers */
  mpu_region(2, QEMU_FLASH_ORIGIN, 23, READ_ONLY); /* stands for the board's flash */
  mpu_region(3, QEMU_HARNESS_ORIGIN, 23, READ_WRITE);
  mpu_region(4, 0x20000000u, 22, READ_WRITE); /* stands for the board's SRAM */
  mpu_region(5, 0x40000000u, 29, READ_WRITE); /* peripherals */
  MPU_CTRL = 1;
  __asm volatile("dsb\n isb" ::: "memory");
}

__attribute__((noreturn)) void reset_handler(void) {
  CPACR |= 0xFu << 20; /* the FPU, before any code that may use it; without one the bits stay 0 */
  __asm volatile("dsb\n isb" ::: "memory");
  const uint32_t *from = data_load;
  for (uint32_t *to = data_start; to < data_end;) {
    *to++ = *from++;
  }
  for (uint32_t *to = bss_start; to < bss_end;) {
    *to++ = 0;
  }
  for (uint32_t *to = harness_bss_start; to < harness_bss_end;) {
    *to++ = 0;
  }
  protect_memory();
  semihosting_exit((uint32_t)main(0, 0));
}

void system_reset(void) {
  AIRCR = 0x05FA0004u; /* key, SYSRESETREQ */
  __asm volatile("dsb" ::: "memory");
  for (;;) {
  }
}

static char *append(char *to, const char *text) {
  while (*text != '\0') {
    *to++ = *text++;
  }
  return to;
}

static char *append_hex(char *to, const char *name, uint32_t value) {
  to = append(to, name);
  for (int shift = 28; shift >= 0; shift -= 4) {
    *to++ = "0123456789abcdef"[value >> shift & 15u];
  }
  return to;
}

/* `frame` is what the core pushed: r0-r3, r12, lr, pc, xPSR. Not to be trusted when the stack overflowed. */
__attribute__((used, noreturn)) static void report_fault(const uint32_t *frame, uint32_t exception) {
  static char line[160];
  char *to = append(line, "fault:");
  const uint32_t status = CFSR;
  const uintptr_t bottom = (uintptr_t)model_stack_bottom;
  if ((uintptr_t)frame < bottom && (uintptr_t)frame + 0x01000000u > bottom) {
    to = append_hex(to, " stack overflow, sp 0x", (uint32_t)(uintptr_t)frame);
  } else {
    to = append_hex(to, " pc 0x", frame[6]);
    to = append_hex(to, " lr 0x", frame[5]);
  }
  to = append_hex(to, " exception 0x", exception);
  to = append_hex(to, " cfsr 0x", status);
  if ((status & 0x80u) != 0) {
    to = append_hex(to, " address 0x", MMFAR);
  } else if ((status & 0x8000u) != 0) {
    to = append_hex(to, " address 0x", BFAR);
  }
  to = append(to, "\n");
  *to = '\0';
  semihosting_print(line);
  semihosting_exit(3);
}

/* Every exception ends here; nothing in this firmware uses interrupts. Handlers run on the harness's own stack. */
__attribute__((naked)) static void fault_handler(void) {
  __asm volatile(
      "tst lr, #4\n"
      "ite eq\n"
      "mrseq r0, msp\n"
      "mrsne r0, psp\n"
      "mrs r1, ipsr\n"
      "b report_fault\n");
}

typedef void (*vector)(void);

__attribute__((section(".vectors"), used)) static const struct {
  void *stack;
  vector handlers[63];
} vectors = {harness_stack_top,
             {(vector)reset_handler, fault_handler, fault_handler, fault_handler, fault_handler, fault_handler,
              fault_handler, fault_handler, fault_handler, fault_handler, fault_handler, fault_handler,
              fault_handler, fault_handler, fault_handler}};
