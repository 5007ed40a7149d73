#include <stddef.h>

#include "counter.h"
#include "platform.h"
#include "semihosting.h"
#include "startup.h"

enum { GUARD_BYTES = 64 };

static int32_t job = -1, answer = -1;
static uint8_t guard_value;

bool platform_open(int argc, char **argv) {
  (void)argc;
  (void)argv;
  counter_start();
  job = semihosting_open("job.bin", SEMIHOSTING_READ);
  answer = semihosting_open("answer.bin", SEMIHOSTING_WRITE);
  return job != -1 && answer != -1;
}

bool platform_read(void *to, uint32_t bytes) { return semihosting_read(job, to, bytes) == 0; }

bool platform_write(const void *from, uint32_t bytes) { return semihosting_write(answer, from, bytes) == 0; }

void platform_log(const char *text) {
  semihosting_print(text);
  semihosting_print("\n");
}

/* The guard lies behind the arena, outside of what the linker script counts as the board's SRAM. */
uint8_t *platform_arena(uint32_t bytes, uint32_t align, uint32_t salt) {
  if (bytes > (uint32_t)(model_arena_end - model_arena_start) || ((uintptr_t)model_arena_start & (align - 1u)) != 0) {
    return NULL;
  }
  guard_value = (uint8_t)(0xA5u + 37u * salt);
  for (uint32_t i = 0; i < bytes + GUARD_BYTES; ++i) {
    model_arena_start[i] = guard_value;
  }
  counter_start();
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
  return counter_read() - start;
}

/* One instruction. */
__attribute__((naked)) static int32_t nothing(void *arena, const struct tvm_patch_row_source *sources) {
  (void)arena;
  (void)sources;
  __asm volatile("bx lr");
}

int32_t platform_call(platform_run *run, void *arena, const struct tvm_patch_row_source *sources,
                      uint64_t *instructions) {
  int32_t status;
  const uint64_t cost = time_call(nothing, NULL, NULL, &status) - 1u;
  *instructions = time_call(run, arena, sources, &status) - cost;
  return status;
}

uint32_t platform_stack_used(void) {
  const uint32_t *p = model_stack_bottom;
  while (p < model_stack_top && *p == QEMU_STACK_PAINT) {
    ++p;
  }
  return (uint32_t)((uintptr_t)model_stack_top - (uintptr_t)p);
}

bool platform_has_counter(void) { return true; }

uint64_t platform_counter(void) { return counter_read(); }
