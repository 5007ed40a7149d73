/* Waits for a host; see service.h. */
#include <zephyr/kernel.h>

#include "firmware_config.h"
#include "platform.h"
#include "service.h"

extern const struct tvm_patch_model TVM_PATCH_MODEL;

static void serve(void *first, void *second, void *third) {
  ARG_UNUSED(first);
  ARG_UNUSED(second);
  ARG_UNUSED(third);
  if (platform_open(0, NULL)) {
    service_run(&TVM_PATCH_MODEL);
  }
}

K_THREAD_DEFINE(service_thread, CONFIG_TVM_PATCH_STACK_SIZE, serve, NULL, NULL, NULL, K_PRIO_PREEMPT(5), 0, 0);
