/* What instrumenting options call; a firmware that uses them brings its own. */
#include <stdint.h>

uintptr_t __stack_chk_guard = 0x5a17c0deu;

__attribute__((noreturn)) void __stack_chk_fail(void) {
  for (;;) {
    __asm volatile("udf #0");
  }
}

/* Registers that a call may change are changed, so that code which does not expect a call shows. */
static void change(void) {
  __asm volatile("movs r0, #1\n movs r1, #2\n movs r2, #3\n movs r3, #4\n mov r12, r3" ::: "r0", "r1", "r2", "r3", "r12");
}

void __cyg_profile_func_enter(void *function, void *caller) {
  (void)function;
  (void)caller;
  change();
}

void __cyg_profile_func_exit(void *function, void *caller) {
  (void)function;
  (void)caller;
  change();
}

void __sanitizer_cov_trace_pc(void) { change(); }
