/* A child process that is spoken to through its standard input and output. */
#define _POSIX_C_SOURCE 200809L /* posix_memalign, clock_gettime */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "platform.h"

enum { NANOSECONDS = 1000000000 };

static char **arguments;
static void *block;

bool platform_open(int argc, char **argv) {
  (void)argc;
  arguments = argv;
  return true;
}

uint32_t platform_read(void *to, uint32_t most) {
  const ssize_t got = read(STDIN_FILENO, to, most);
  return got < 0 ? 0 : (uint32_t)got;
}

bool platform_write(const void *from, uint32_t bytes) {
  const char *at = from;
  while (bytes != 0) {
    const ssize_t sent = write(STDOUT_FILENO, at, bytes);
    if (sent <= 0) {
      return false;
    }
    at += sent;
    bytes -= (uint32_t)sent;
  }
  return true;
}

void platform_log(const char *text) { fprintf(stderr, "%s\n", text); }

_Noreturn void platform_reset(void) {
  execv("/proc/self/exe", arguments);
  perror("cannot start again");
  exit(1);
}

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

int32_t platform_call(platform_run *run, void *arena, const struct tvm_patch_row_source *sources, uint64_t *cost) {
  const uint64_t start = platform_counter();
  const int32_t status = run(arena, sources);
  *cost = platform_counter() - start;
  return status;
}

uint32_t platform_stack_used(void) { return PLATFORM_UNKNOWN; }

enum platform_unit platform_counter_unit(void) { return PLATFORM_CLOCK; }

uint32_t platform_counter_hz(void) { return NANOSECONDS; }

uint64_t platform_counter(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * NANOSECONDS + (uint64_t)now.tv_nsec;
}

uint64_t platform_counter_since(uint64_t start, uint64_t end) { return end - start; }
