/* Runs the model once on an input in flash and prints what came out and what it cost. */
#include <string.h>

#include <zephyr/kernel.h>
#include <zephyr/sys/printk.h>

#include "counter.h"
#include "firmware_config.h"
#include "board_memory.h"
#include "standalone_inputs.h"
#include "tvm_patch_runtime.h"

extern const struct tvm_patch_model TVM_PATCH_MODEL;

/* Rows straight from flash: a rereadable input takes no SRAM at all. */
struct image {
  const uint8_t *data;
  uint32_t row_bytes;
};

static struct image images[ROWS_SOURCES + 1u];
static struct tvm_patch_row_source sources[ROWS_SOURCES + 1u];

static int read_row(void *ctx, uint32_t row, int8_t *dst) {
  const struct image *const image = ctx;
  memcpy(dst, image->data + row * image->row_bytes, image->row_bytes);
  return 0;
}

static void give_inputs(const struct tvm_patch_model *model, uint8_t *arena) {
  for (uint32_t i = 0; i < model->num_inputs; ++i) {
    const struct tvm_patch_tensor *const input = &model->inputs[i];
    if (input->row_source < 0) {
      memcpy(arena + input->arena_offset, standalone_inputs[i], input->bytes);
    } else {
      struct image *const image = &images[input->row_source];
      *image = (struct image){standalone_inputs[i], input->bytes / (uint32_t)input->shape[1]};
      sources[input->row_source] = (struct tvm_patch_row_source){read_row, image};
    }
  }
}

/* A line an output: its name, its type and its bytes. */
static void print_outputs(const struct tvm_patch_model *model, const uint8_t *arena) {
  for (uint32_t i = 0; i < model->num_outputs; ++i) {
    const struct tvm_patch_tensor *const output = &model->outputs[i];
    printk("output %s %s ", output->name, output->dtype);
    for (uint32_t at = 0; at < output->bytes; ++at) {
      printk("%02x", arena[output->arena_offset + at]);
    }
    printk("\n");
  }
}

static void run(void *first, void *second, void *third) {
  ARG_UNUSED(first);
  ARG_UNUSED(second);
  ARG_UNUSED(third);
  const struct tvm_patch_model *const model = &TVM_PATCH_MODEL;
  uint8_t *const arena = memory_arena();
  give_inputs(model, arena);
  memory_paint_stack();
  const uint64_t start = counter_read();
  const int32_t status = model->run(arena, sources);
  const uint64_t cycles = counter_since(start, counter_read());
  const uint32_t stack = memory_stack_used();
  printk("model %s arena %u bytes at %p stack %u bytes\n", model->name, model->arena_bytes, (void *)arena, stack);
  if (status != TVM_PATCH_OK) {
    printk("failed with status %d\n", status);
    return;
  }
  print_outputs(model, arena);
  printk("took %llu cycles at %u Hz\n", (unsigned long long)cycles, counter_hz());
  printk("done\n");
}

K_THREAD_DEFINE(model_thread, CONFIG_TVM_PATCH_STACK_SIZE, run, NULL, NULL, NULL, K_PRIO_PREEMPT(5), 0, 0);
