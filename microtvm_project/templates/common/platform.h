/* What the model loop needs from a platform. Each template (host, qemu, ...) implements all of it. */
#ifndef PLATFORM_H
#define PLATFORM_H

#include <stdbool.h>
#include <stdint.h>

#include "tvm_patch_runtime.h"

#define PLATFORM_UNKNOWN UINT32_MAX

/* Open the transport. Returns false when there is none. */
bool platform_open(int argc, char **argv);

/* Receive or send exactly `bytes` bytes; false when the transport is at its end or broken. */
bool platform_read(void *to, uint32_t bytes);
bool platform_write(const void *from, uint32_t bytes);

/* One line of text for whoever watches; no newline at its end. */
void platform_log(const char *text);

/* The block that an inference runs in, fresh for each set: filled with a pattern that depends on `salt`, so that a
 * model that reads what it never wrote gives different results. NULL when memory is short. */
uint8_t *platform_arena(uint32_t bytes, uint32_t align, uint32_t salt);

/* False when something wrote outside the arena. */
bool platform_arena_intact(void);

/* A model's run function. */
typedef int32_t platform_run(void *arena, const struct tvm_patch_row_source *sources);

/* Call run(arena, sources) on the stack that platform_stack_used() measures. *instructions gets what it cost, from the
 * first instruction of `run` to its return, both included, and the row sources' own; 0 without a counter. */
int32_t platform_call(platform_run *run, void *arena, const struct tvm_patch_row_source *sources,
                      uint64_t *instructions);

/* Bytes of stack that platform_call() used at most since the program started; PLATFORM_UNKNOWN if not measurable. */
uint32_t platform_stack_used(void);

/* Instructions executed, from an arbitrary origin; constant cost per call. Without a counter, always 0. */
bool platform_has_counter(void);
uint64_t platform_counter(void);

#endif
