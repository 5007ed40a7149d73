#include <stddef.h>

#include "counter.h"
#include "platform.h"
#include "semihosting.h"
#include "startup.h"
#include "uart.h"

enum { GUARD_BYTES = 64 };

static uint8_t guard_value;

/* Files in QEMU's working directory where there are some, which costs no instruction; the serial port otherwise. */
static int32_t to_board = -1, from_board = -1;

bool platform_open(int argc, char **argv) {
  (void)argc;
  (void)argv;
  counter_start();
  to_board = semihosting_open("to_board", SEMIHOSTING_READ);
  if (to_board != -1) {
    from_board = semihosting_open("from_board", SEMIHOSTING_WRITE);
    return from_board != -1;
  }
  uart_open();
  return true;
}

uint32_t platform_read(void *to, uint32_t most) {
  return to_board != -1 ? most - semihosting_read(to_board, to, most) : uart_read(to, most);
}

bool platform_write(const void *from, uint32_t bytes) {
  if (to_board == -1) {
    uart_write(from, bytes);
    return true;
  }
  return semihosting_write(from_board, from, bytes) == 0;
}

void platform_log(const char *text) {
  semihosting_print(text);
  semihosting_print("\n");
}

_Noreturn void platform_reset(void) { system_reset(); }

/* The guard lies behind the arena, outside of what the linker script counts as the board's SRAM. */
uint8_t *platform_arena(uint32_t bytes, uint32_t align, uint32_t salt) {
  if (bytes > (uint32_t)(model_arena_end - model_arena_start) || ((uintptr_t)model_arena_start & (align - 1u)) != 0) {
    return NULL;
  }
  guard_value = (uint8_t)(0xA5u + 37u * salt);
  for (uint32_t i = 0; i < bytes + GUARD_BYTES; ++i) {
    model_arena_start[i] = guard_value;
  }
  for (uint32_t *p = model_stack_bottom; p < model_stack_top; ++p) {
    *p = QEMU_STACK_PAINT;
  }
  return model_arena_start;
}

bool platform_arena_intact(void) {
  for (uint32_t i = 0; i < GUARD_BYTES; ++i) {
    if (model_arena_end[i] != guard_value) {
      return false;
    }
  }
  return true;
}

/* Thread mode on the process stack, which is the model's; handlers and the harness use the main stack. */
__attribute__((naked, noinline)) static int32_t call_on(platform_run *run, void *arena, const struct tvm_patch_row_source *sources,
                                                          void *top) {
  (void)run;
  (void)arena;
  (void)sources;
  (void)top;
  __asm volatile(
      "push {r4, lr}\n"
      "msr psp, r3\n"
      "movs r3, #2\n"
      "msr control, r3\n"
      "isb\n"
      "mov r3, r0\n"
      "mov r0, r1\n"
      "mov r1, r2\n"
      "blx r3\n"
      "movs r1, #0\n"
      "msr control, r1\n"
      "isb\n"
      "pop {r4, pc}\n");
}

/* Not inlined, so that every call costs the same but for what is called. */
__attribute__((noinline)) static uint64_t time_call(platform_run *run, void *arena, const struct tvm_patch_row_source *sources,
                                                    int32_t *status) {
  const uint64_t start = counter_read();
  *status = call_on(run, arena, sources, model_stack_top);
  return counter_since(start, counter_read());
}

/* One instruction. */
__attribute__((naked)) static int32_t nothing(void *arena, const struct tvm_patch_row_source *sources) {
  (void)arena;
  (void)sources;
  __asm volatile("bx lr");
}

int32_t platform_call(platform_run *run, void *arena, const struct tvm_patch_row_source *sources, uint64_t *cost) {
  int32_t status;
  const uint64_t around = time_call(nothing, NULL, NULL, &status) - 1u;
  *cost = time_call(run, arena, sources, &status) - around;
  return status;
}

uint32_t platform_stack_used(void) {
  const uint32_t *p = model_stack_bottom;
  while (p < model_stack_top && *p == QEMU_STACK_PAINT) {
    ++p;
  }
  return (uint32_t)((uintptr_t)model_stack_top - (uintptr_t)p);
}

enum platform_unit platform_counter_unit(void) { return PLATFORM_INSTRUCTIONS; }

uint32_t platform_counter_hz(void) { return 0; }

uint64_t platform_counter(void) { return counter_read(); }

uint64_t platform_counter_since(uint64_t start, uint64_t end) { return counter_since(start, end); }
