#include "counter.h"

#include <zephyr/kernel.h>

/* On Cortex-M Zephyr derives its cycle counter from SysTick, which runs at the core's clock. */
uint64_t counter_read(void) {
#ifdef CONFIG_TIMER_HAS_64BIT_CYCLE_COUNTER
  return k_cycle_get_64();
#else
  return k_cycle_get_32();
#endif
}

uint64_t counter_since(uint64_t start, uint64_t end) {
#ifdef CONFIG_TIMER_HAS_64BIT_CYCLE_COUNTER
  return end - start;
#else
  return (uint32_t)(end - start);
#endif
}

uint32_t counter_hz(void) { return sys_clock_hw_cycles_per_sec(); }
