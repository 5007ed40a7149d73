/* Symbols of the linker script that C code reads. */
#ifndef STARTUP_H
#define STARTUP_H

#include <stdint.h>

extern uint32_t model_stack_bottom[], model_stack_top[];
extern uint8_t model_arena_start[], model_arena_end[];

/* Start again as after power-on. */
_Noreturn void system_reset(void);

#endif
