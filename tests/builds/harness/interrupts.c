/* Interrupts while the model runs.  SysTick fires after odd, changing numbers of instructions; its handler leaves
 * nothing in any register that the core does not restore.  With -DTHREADS=1 it also has PendSV switch to another
 * thread, with a stack of its own, as an RTOS does.  Linked with --wrap=platform_call. */
#include <stdint.h>

#include "platform.h"

#define SYST_CSR (*(volatile uint32_t *)0xE000E010u)
#define SYST_RVR (*(volatile uint32_t *)0xE000E014u)
#define SYST_CVR (*(volatile uint32_t *)0xE000E018u)
#define ICSR (*(volatile uint32_t *)0xE000ED04u)
#define VTOR (*(volatile uint32_t *)0xE000ED08u)
#define MPU_CTRL (*(volatile uint32_t *)0xE000ED94u)
#define SHPR3 (*(volatile uint32_t *)0xE000ED20u)

enum { VECTORS = 64, PENDSV = 14, SYSTICK = 15, LEAST = 20, UNUSUAL = -77 };

#ifndef THREADS
#define THREADS 0
#endif

int32_t __real_platform_call(platform_run *run, void *arena, const struct tvm_patch_row_source *sources, uint64_t *cost);
int32_t __wrap_platform_call(platform_run *run, void *arena, const struct tvm_patch_row_source *sources, uint64_t *cost);

static uint32_t vectors[VECTORS] __attribute__((aligned(256)));
static volatile uint32_t fired, switched;
static uint32_t noise = 1;

/* The next interrupt: its distance, and how long this one takes, so that every instruction is met some time. */
__attribute__((used)) static void tick(void) {
  noise = noise * 1664525u + 1013904223u;
  SYST_RVR = 2u + (noise >> 26);
  for (volatile uint32_t turns = noise >> 8 & 31u; turns != 0; --turns) {
  }
  fired = fired + 1;
  if (THREADS) {
    ICSR = 1u << 28; /* PendSV */
  }
}

/* Whatever a handler may change: what the core does not restore is restored here, as any handler must. */
#define SPOIL                                                                                                    \
  "add r0, r0, #85\n add r1, r1, #85\n add r2, r2, #85\n add r3, r3, #85\n add r4, r4, #85\n add r5, r5, #85\n add r6, r6, #85\n add r7, r7, #85\n"      \
  "add r8, r8, #85\n add r9, r9, #85\n add r10, r10, #85\n add r11, r11, #85\n add r12, r12, #85\n"                                       \
  "vmov s0, r0\n vmov s1, r1\n vmov s15, r2\n vmov s16, r3\n vmov s31, r4\n"                                     \
  "usub8 r0, r1, r2\n adds r0, r0, r0\n"

__attribute__((naked)) static void systick_handler(void) {
  __asm volatile("push {r4-r11, lr}\n sub sp, #4\n vpush {s16-s31}\n" SPOIL
                 "bl tick\n" SPOIL "vpop {s16-s31}\n add sp, #4\n pop {r4-r11, pc}\n");
}

__attribute__((used)) static uint32_t waiting; /* stack pointer of the thread that does not run */
static uint64_t other_stack[128];

__attribute__((naked)) static void other_thread(void) {
  __asm volatile("1:\n" SPOIL "push {r0-r12, lr}\n pop {r0-r12, lr}\n b 1b\n");
}

__attribute__((naked)) static void pendsv_handler(void) {
  __asm volatile(
      "tst lr, #4\n"
      "it eq\n"
      "bxeq lr\n" /* the harness's own stack: not the model's time */
      "mrs r0, psp\n"
      "tst lr, #16\n"
      "it eq\n"
      "vstmdbeq r0!, {s16-s31}\n"
      "stmdb r0!, {r4-r11, lr}\n"
      "ldr r1, =waiting\n"
      "ldr r2, [r1]\n"
      "str r0, [r1]\n"
      "ldr r1, =switched\n"
      "ldr r3, [r1]\n"
      "adds r3, #1\n"
      "str r3, [r1]\n"
      "ldmia r2!, {r4-r11, lr}\n"
      "tst lr, #16\n"
      "it eq\n"
      "vldmiaeq r2!, {s16-s31}\n"
      "msr psp, r2\n"
      "bx lr\n"
      ".ltorg\n");
}

static void prepare_other_thread(void) {
  /* r4-r11 and EXC_RETURN, then what the core pops: r0-r3, r12, lr, pc, xPSR. */
  uint32_t *const frame = (uint32_t *)(void *)(other_stack + 128) - 17;
  for (int i = 0; i < 17; ++i) {
    frame[i] = 0xBAD00000u + (uint32_t)i;
  }
  frame[8] = 0xFFFFFFFDu;
  frame[15] = (uint32_t)(uintptr_t)other_thread;
  frame[16] = 0x01000000u;
  waiting = (uint32_t)(uintptr_t)frame;
}

int32_t __wrap_platform_call(platform_run *run, void *arena, const struct tvm_patch_row_source *sources, uint64_t *cost) {
  MPU_CTRL = 0; /* it hides the vectors */
  for (uint32_t i = 0; i < VECTORS; ++i) {
    /* By hand: what lies at address 0 is no object for a compiler. */
    __asm volatile("ldr %0, [%1]" : "=r"(vectors[i]) : "r"(4u * i) : "memory");
  }
  MPU_CTRL = 1;
  vectors[SYSTICK] = (uint32_t)(uintptr_t)systick_handler;
  vectors[PENDSV] = (uint32_t)(uintptr_t)pendsv_handler;
  VTOR = (uint32_t)(uintptr_t)vectors;
  SHPR3 = 0x00FF0000u; /* PendSV after everything else */
  prepare_other_thread();
  fired = switched = 0;
  SYST_RVR = 7;
  SYST_CVR = 0;
  SYST_CSR = 7;
  const int32_t status = __real_platform_call(run, arena, sources, cost);
  SYST_CSR = 0;
  VTOR = 0;
  if (fired < LEAST || (THREADS && switched < LEAST)) {
    return UNUSUAL;
  }
  return status;
}
