/* What the firmware needs from a platform. Each template (host, qemu, zephyr) implements all of it. */
#ifndef PLATFORM_H
#define PLATFORM_H

#include <stdbool.h>
#include <stdint.h>

#include "tvm_patch_runtime.h"

#define PLATFORM_UNKNOWN UINT32_MAX

/* Open the link to the host. Returns false when there is none. */
bool platform_open(int argc, char **argv);

/* Wait for bytes from the host and take as many as have come, at most `most`. Returns how many; 0 when the link is
 * closed for good. */
uint32_t platform_read(void *to, uint32_t most);

/* Send all of them. Returns false when the link is closed for good. */
bool platform_write(const void *from, uint32_t bytes);

/* One line of text for whoever watches; no newline at its end. */
void platform_log(const char *text);

/* Start the firmware again as after power-on. */
_Noreturn void platform_reset(void);

/* The block that an inference runs in, fresh for each: filled with a pattern that depends on `salt`, so that a model
 * that reads what it never wrote gives different results. NULL when memory is short. */
uint8_t *platform_arena(uint32_t bytes, uint32_t align, uint32_t salt);

/* False when something wrote outside the arena. */
bool platform_arena_intact(void);

/* A model's run function. */
typedef int32_t platform_run(void *arena, const struct tvm_patch_row_source *sources);

/* Call run(arena, sources) on the stack that platform_stack_used() measures. *cost gets what it cost, in the counter's
 * unit: where that is instructions, from the first one of `run` to its return, both included. */
int32_t platform_call(platform_run *run, void *arena, const struct tvm_patch_row_source *sources, uint64_t *cost);

/* Bytes of stack that platform_call() used at most since platform_arena(); PLATFORM_UNKNOWN if not measurable. */
uint32_t platform_stack_used(void);

/* A counter with an arbitrary origin and a constant cost per call; differences are modulo its range. */
enum platform_unit { PLATFORM_INSTRUCTIONS = 1, PLATFORM_CYCLES = 2, PLATFORM_CLOCK = 3 };
enum platform_unit platform_counter_unit(void);
uint32_t platform_counter_hz(void); /* 0 if time means nothing here: on emulated boards */
uint64_t platform_counter(void);
uint64_t platform_counter_since(uint64_t start, uint64_t end);

#endif
