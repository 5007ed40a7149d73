#include "board_memory.h"

#include <zephyr/devicetree.h>
#include <zephyr/kernel.h>
#include <zephyr/linker/section_tags.h>

#include "firmware_config.h"

#define DTCM_BYTES COND_CODE_1(DT_HAS_CHOSEN(zephyr_dtcm), (DT_REG_SIZE(DT_CHOSEN(zephyr_dtcm))), (0))

/* Zephyr packs the variables of this memory to words, whatever alignment they ask for: the block is larger by what it
 * takes to align the arena in it. */
#define BLOCK_BYTES (FIRMWARE_ARENA_BYTES + FIRMWARE_ARENA_ALIGN)

/* Without the chosen node the section does not exist, and the linker would put the arena into flash. */
#if defined(CONFIG_TVM_PATCH_ARENA_IN_DTCM) && BLOCK_BYTES <= DTCM_BYTES
#define PLACE __dtcm_noinit_section
#else
#define PLACE __noinit
#endif

static uint8_t PLACE block[BLOCK_BYTES];

uint8_t *memory_arena(void) {
  return (uint8_t *)(((uintptr_t)block + FIRMWARE_ARENA_ALIGN - 1u) & ~(uintptr_t)(FIRMWARE_ARENA_ALIGN - 1u));
}

enum { STACK_PAINT = 0xC5, MARGIN = 64 };

static uint8_t *painted_up_to;

static uint8_t *stack_start(void) { return (uint8_t *)k_current_get()->stack_info.start; }

__attribute__((noinline)) void memory_paint_stack(void) {
  painted_up_to = (uint8_t *)__builtin_frame_address(0) - MARGIN;
  for (uint8_t *at = stack_start(); at < painted_up_to; ++at) {
    *at = STACK_PAINT;
  }
}

uint32_t memory_stack_used(void) {
  const uint8_t *at = stack_start();
  while (at < painted_up_to && *at == STACK_PAINT) {
    ++at;
  }
  return (uint32_t)(painted_up_to - at) + MARGIN;
}
