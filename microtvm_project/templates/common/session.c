#include "session.h"

#include <stddef.h>

#include "platform.h"
#include "rows.h"
#ifdef SESSION_PROFILE
#include "profile.h"
#endif

#define TAG(a, b, c, d) ((uint32_t)(a) | (uint32_t)(b) << 8 | (uint32_t)(c) << 16 | (uint32_t)(d) << 24)

static uint32_t sum_a = 1, sum_b; /* Adler-32 of what was sent */

static bool send(const void *from, uint32_t bytes) {
  const uint8_t *p = from;
  for (uint32_t i = 0; i < bytes; ++i) {
    sum_a += p[i];
    sum_a -= sum_a >= 65521u ? 65521u : 0u;
    sum_b += sum_a;
    sum_b -= sum_b >= 65521u ? 65521u : 0u;
  }
  return platform_write(from, bytes);
}

static bool send_head(uint32_t tag, uint32_t bytes) {
  const uint32_t head[2] = {tag, bytes};
  return send(head, sizeof head);
}

static bool send_record(uint32_t tag, const void *from, uint32_t bytes) {
  return send_head(tag, bytes) && send(from, bytes);
}

static bool finish(void) {
  const uint32_t end[3] = {TAG('E', 'N', 'D', ' '), 4, sum_b << 16 | sum_a};
  return platform_write(end, sizeof end);
}

static int fail(int32_t code, const char *text) {
  uint32_t length = 0;
  while (text[length] != '\0') {
    ++length;
  }
  platform_log(text);
  if (send_head(TAG('F', 'A', 'I', 'L'), 4 + length) && send(&code, 4) && send(text, length)) {
    (void)finish();
  }
  return 1;
}

static bool fits(const struct tvm_patch_model *model, const struct tvm_patch_tensor *tensor) {
  return tensor->bytes <= model->arena_bytes && tensor->arena_offset <= model->arena_bytes - tensor->bytes;
}

/* NULL, or what is wrong with the model's description. */
static const char *check_model(const struct tvm_patch_model *model, uint32_t set_bytes) {
  uint32_t input_bytes = 0;
  for (uint32_t i = 0; i < model->num_inputs; ++i) {
    if (model->inputs[i].row_source < 0 && !fits(model, &model->inputs[i])) {
      return "an input lies outside the arena";
    }
    input_bytes += model->inputs[i].bytes;
  }
  for (uint32_t i = 0; i < model->num_outputs; ++i) {
    if (!fits(model, &model->outputs[i])) {
      return "an output lies outside the arena";
    }
  }
  if (input_bytes != set_bytes) {
    return "the job's sets are not as large as the model's inputs";
  }
  return NULL;
}

/* Returns NULL, or what went wrong. */
static const char *run_set(const struct tvm_patch_model *model, uint32_t set, int32_t *code) {
  uint8_t *arena = platform_arena(model->arena_bytes, model->arena_align, set);
  if (arena == NULL) {
    return "no memory for the arena";
  }
  rows_begin();
  for (uint32_t i = 0; i < model->num_inputs; ++i) {
    const struct tvm_patch_tensor *const input = &model->inputs[i];
    void *const to = input->row_source < 0 ? arena + input->arena_offset : rows_add(input);
    if (to == NULL) {
      return "the harness was built for other fetched inputs";
    }
    if (!platform_read(to, input->bytes)) {
      return "the job ends before its last set";
    }
  }
  const struct tvm_patch_row_source *const sources = model->num_row_sources == 0 ? NULL : rows_sources();
  uint64_t instructions = 0;
#ifdef SESSION_PROFILE
  profile_begin();
#endif
  *code = platform_call(model->run, arena, sources, &instructions);
  if (*code != TVM_PATCH_OK) {
    return "the model's run function returned an error";
  }
  if (!platform_arena_intact()) {
    return "the model wrote outside its arena";
  }
  uint32_t output_bytes = 0;
  for (uint32_t i = 0; i < model->num_outputs; ++i) {
    output_bytes += model->outputs[i].bytes;
  }
  bool sent = send_head(TAG('O', 'U', 'T', 'P'), output_bytes);
  for (uint32_t i = 0; i < model->num_outputs; ++i) {
    sent = sent && send(arena + model->outputs[i].arena_offset, model->outputs[i].bytes);
  }
  if (model->num_row_sources != 0) {
    const uint32_t rows = rows_read();
    sent = sent && send_record(TAG('R', 'O', 'W', 'S'), &rows, sizeof rows);
  }
  if (platform_has_counter()) {
    sent = sent && send_record(TAG('C', 'O', 'U', 'N'), &instructions, sizeof instructions);
  }
#ifdef SESSION_PROFILE
  if (platform_has_counter()) {
    sent = sent && send_record(TAG('O', 'P', 'E', 'R'), profile_counts(), 8u * PROFILE_OPERATORS);
  }
#endif
  return sent ? NULL : "the answer cannot be written";
}

int session_run(const struct tvm_patch_model *model) {
  static const char magic[8] = {'T', 'V', 'M', 'P', 'J', 'O', 'B', '1'};
  static const char answer[8] = {'T', 'V', 'M', 'P', 'R', 'E', 'S', '1'};
  struct {
    char magic[8];
    uint32_t sets, set_bytes;
  } job;
  if (!send(answer, sizeof answer)) {
    return fail(0, "the answer cannot be written");
  }
  if (!platform_read(&job, sizeof job)) {
    return fail(0, "there is no job");
  }
  for (uint32_t i = 0; i < sizeof magic; ++i) {
    if (job.magic[i] != magic[i]) {
      return fail(0, "the job does not start with TVMPJOB1");
    }
  }
  const char *problem = check_model(model, job.set_bytes);
  if (problem != NULL) {
    return fail(0, problem);
  }
  const uint32_t facts[2] = {model->arena_bytes, model->num_operators};
  if (!send_record(TAG('M', 'O', 'D', 'L'), facts, sizeof facts)) {
    return 1;
  }
#ifdef SESSION_PROFILE
  profile_calibrate();
#endif
  for (uint32_t set = 0; set < job.sets; ++set) {
    int32_t code = 0;
    problem = run_set(model, set, &code);
    if (problem != NULL) {
      return fail(code, problem);
    }
  }
  const uint32_t stack = platform_stack_used();
  if (stack != PLATFORM_UNKNOWN && !send_record(TAG('S', 'T', 'A', 'K'), &stack, sizeof stack)) {
    return 1;
  }
  return finish() ? 0 : 1;
}
