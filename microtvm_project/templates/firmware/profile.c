#define TVM_PATCH_PROFILE
#include "profile.h"

#include "clock.h"
#include "firmware_config.h"
#include "platform.h"
#include "tvm_patch_runtime.h"

/* A model has at least one operator; the table is never empty. */
static uint64_t counts[PROFILE_OPERATORS < 2 ? 2 : PROFILE_OPERATORS];
static uint64_t last, last_paused;
static uint64_t first_cost; /* from profile_begin() to the first hook, with nothing in between */
static uint64_t hook_cost;  /* from one hook to the next, with nothing in between */
static uint64_t pending_cost;
static bool active;

/* Called in calibration as the model calls it. */
__attribute__((noinline)) void tvm_patch_profile(uint32_t operator_index) {
  if (!active) {
    return;
  }
  const uint64_t now = platform_counter(), paused = clock_paused();
  if (operator_index < sizeof counts / sizeof counts[0]) {
    const uint64_t spent = platform_counter_since(last, now) - (paused - last_paused);
    counts[operator_index] += spent > pending_cost ? spent - pending_cost : 0;
  }
  pending_cost = hook_cost;
  last_paused = paused;
  last = platform_counter(); /* what this function did in between belongs to nobody */
}

static int32_t no_model(void *arena, const struct tvm_patch_row_source *sources) {
  (void)arena;
  (void)sources;
  tvm_patch_profile(0);
  tvm_patch_profile(1);
  return 0;
}

/* Called in calibration as the service calls it. */
__attribute__((noinline)) void profile_begin(bool on) {
  for (uint32_t i = 0; i < sizeof counts / sizeof counts[0]; ++i) {
    counts[i] = 0;
  }
  active = on;
  pending_cost = first_cost;
  last_paused = clock_paused();
  last = platform_counter();
}

void profile_end(void) { active = false; }

void profile_calibrate(void) {
  uint64_t cost;
  first_cost = hook_cost = 0;
  profile_begin(true);
  (void)platform_call(no_model, 0, 0, &cost);
  first_cost = counts[0];
  hook_cost = counts[1];
  profile_end();
}

const uint64_t *profile_counts(void) { return counts; }
