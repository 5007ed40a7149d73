/* A child process: the job comes from the file argv[1], the answer goes to argv[2]. */
#define _POSIX_C_SOURCE 200809L /* posix_memalign */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "platform.h"

static FILE *job, *answer;
static void *block;

bool platform_open(int argc, char **argv) {
  if (argc != 3) {
    return false;
  }
  job = fopen(argv[1], "rb");
  answer = fopen(argv[2], "wb");
  return job != NULL && answer != NULL;
}

bool platform_read(void *to, uint32_t bytes) { return fread(to, 1, bytes, job) == bytes; }

/* Flushed at once, so that what was sent survives a crash. */
bool platform_write(const void *from, uint32_t bytes) {
  return fwrite(from, 1, bytes, answer) == bytes && fflush(answer) == 0;
}

void platform_log(const char *text) { fprintf(stderr, "%s\n", text); }

/* A block of its own, of exactly the size asked for, so that a sanitizer sees what goes past its end. */
uint8_t *platform_arena(uint32_t bytes, uint32_t align, uint32_t salt) {
  free(block);
  const size_t least = align < sizeof(void *) ? sizeof(void *) : align;
  block = NULL;
  if (posix_memalign(&block, least, bytes) != 0) {
    return NULL;
  }
  memset(block, (int)(uint8_t)(0xA5u + 37u * salt), bytes);
  return block;
}

bool platform_arena_intact(void) { return true; /* the sanitizers know better */ }

int32_t platform_call(platform_run *run, void *arena, const struct tvm_patch_row_source *sources,
                      uint64_t *instructions) {
  *instructions = 0;
  return run(arena, sources);
}

uint32_t platform_stack_used(void) { return PLATFORM_UNKNOWN; }

bool platform_has_counter(void) { return false; }

uint64_t platform_counter(void) { return 0; }
