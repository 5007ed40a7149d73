#include "clock.h"

#include "platform.h"

static uint64_t paused, paused_at, pause_cost;

void clock_begin(void) { paused = 0; }

__attribute__((noinline)) void clock_pause(void) { paused_at = platform_counter(); }

__attribute__((noinline)) void clock_resume(void) {
  paused += platform_counter_since(paused_at, platform_counter()) + pause_cost;
}

uint64_t clock_paused(void) { return paused; }

/* A pause costs a little more than lies between its two readings: the calls before the first and after the second. */
static int32_t nothing(void *arena, const struct tvm_patch_row_source *sources) {
  (void)arena;
  (void)sources;
  return 0;
}

static int32_t only_a_pause(void *arena, const struct tvm_patch_row_source *sources) {
  (void)arena;
  (void)sources;
  clock_pause();
  clock_resume();
  return 0;
}

void clock_calibrate(void) {
  uint64_t without, with;
  pause_cost = 0;
  clock_begin();
  (void)platform_call(nothing, 0, 0, &without);
  (void)platform_call(only_a_pause, 0, 0, &with);
  /* On boards whose counts vary the difference may come out negative. */
  const uint64_t cost = with - without, seen = clock_paused();
  pause_cost = with > without && cost > seen ? cost - seen : 0;
  clock_begin();
}
