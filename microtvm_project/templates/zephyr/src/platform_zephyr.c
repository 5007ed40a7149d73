#include <stddef.h>

#include <zephyr/kernel.h>
#include <zephyr/sys/reboot.h>

#include "counter.h"
#include "firmware_config.h"
#include "host_link.h"
#include "board_memory.h"
#include "platform.h"

bool platform_open(int argc, char **argv) {
  ARG_UNUSED(argc);
  ARG_UNUSED(argv);
  return link_open();
}

uint32_t platform_read(void *to, uint32_t most) { return link_read(to, most); }

bool platform_write(const void *from, uint32_t bytes) {
  link_write(from, bytes);
  return true;
}

/* The only serial port belongs to the host. */
void platform_log(const char *text) { ARG_UNUSED(text); }

_Noreturn void platform_reset(void) {
  k_sleep(K_MSEC(20)); /* for the last byte to leave */
  sys_reboot(SYS_REBOOT_COLD);
  CODE_UNREACHABLE;
}

uint8_t *platform_arena(uint32_t bytes, uint32_t align, uint32_t salt) {
  if (bytes > FIRMWARE_ARENA_BYTES || align > FIRMWARE_ARENA_ALIGN) {
    return NULL;
  }
  uint8_t *const arena = memory_arena();
  for (uint32_t i = 0; i < bytes; ++i) {
    arena[i] = (uint8_t)(0xA5u + 37u * salt);
  }
  return arena;
}

/* Nothing is known of who owns the memory behind it. */
bool platform_arena_intact(void) { return true; }

static uint32_t stack_used;

int32_t platform_call(platform_run *run, void *arena, const struct tvm_patch_row_source *sources, uint64_t *cost) {
  memory_paint_stack();
  const uint64_t start = counter_read();
  const int32_t status = run(arena, sources);
  *cost = counter_since(start, counter_read());
  stack_used = memory_stack_used();
  return status;
}

uint32_t platform_stack_used(void) { return stack_used; }

enum platform_unit platform_counter_unit(void) { return PLATFORM_CYCLES; }

uint32_t platform_counter_hz(void) { return counter_hz(); }

uint64_t platform_counter(void) { return counter_read(); }

uint64_t platform_counter_since(uint64_t start, uint64_t end) { return counter_since(start, end); }
