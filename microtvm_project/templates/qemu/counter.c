/* With -icount shift=0 one instruction takes one virtual nanosecond, so the 25 MHz APB timer of the mps2 boards ticks
 * every 40 instructions. A single reading is floor(x / 40). Reading it 40 times at intervals of 3 instructions gives
 *
 *     sum over i = 0..39 of floor((x + 3 i) / 40) = x + 39,
 *
 * because 3 and 40 have no common divisor, so the remainders run through 0..39 once. So the sum of 40 readings is the
 * time to the single instruction. The origin does not matter: only differences are used. */
#include "counter.h"

#define TIMER_CTRL (*(volatile uint32_t *)0x40000000u)
#define TIMER_VALUE (*(volatile uint32_t *)0x40000004u)
#define TIMER_RELOAD (*(volatile uint32_t *)0x40000008u)

/* The timer counts down over 32 bits: 1.7e11 instructions until it wraps. */
void counter_start(void) {
  TIMER_CTRL = 0;
  TIMER_RELOAD = UINT32_MAX;
  TIMER_VALUE = UINT32_MAX;
  TIMER_CTRL = 1;
}

__attribute__((noinline)) uint64_t counter_read(void) {
  uint32_t first, value, sum;
  __asm volatile(
      "ldr %[first], [%[timer]]\n"
      "movs %[sum], #0\n"
      ".rept 40\n"
      "ldr %[value], [%[timer]]\n"
      "subs %[value], %[first], %[value]\n"
      "adds %[sum], %[sum], %[value]\n"
      ".endr\n"
      : [first] "=&l"(first), [value] "=&l"(value), [sum] "=&l"(sum)
      : [timer] "l"(&TIMER_VALUE)
      : "cc", "memory");
  return (uint64_t)(UINT32_MAX - first) * 40u + sum;
}

uint64_t counter_since(uint64_t start, uint64_t end) {
  const uint64_t range = (uint64_t)40 << 32;
  return end >= start ? end - start : end + range - start;
}
