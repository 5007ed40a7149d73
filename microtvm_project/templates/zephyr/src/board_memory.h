/* Where the arena lies. */
#ifndef BOARD_MEMORY_H
#define BOARD_MEMORY_H

#include <stdint.h>

/* The model's arena, aligned as it wants. */
uint8_t *memory_arena(void);

/* Fill the part of the running thread's stack that is not in use. */
void memory_paint_stack(void);

/* The most that was used of it since, from where memory_paint_stack() was called. */
uint32_t memory_stack_used(void);

#endif
