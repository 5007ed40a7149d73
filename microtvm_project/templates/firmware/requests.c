#include "requests.h"

#include <stddef.h>

#include "answers.h"
#include "clock.h"
#include "host_rows.h"
#include "platform.h"
#include "profile.h"
#include "rows.h"
#include "sessions.h"

enum { RESULT_BYTES = 24 };

static const struct tvm_patch_model *model;
static uint8_t *arena;                       /* NULL before BEGIN */
static uint32_t written[SERVICE_INPUTS + 1]; /* bytes of each input since BEGIN */
static bool has_run;                         /* and the outputs are as the run left them */
static uint8_t result[RESULT_BYTES];

static void hello(const struct frame *request) {
  uint8_t *const body = answer_begin(request, 24);
  frame_put(body, FIRMWARE_ARTIFACT, 4);
  frame_put(body + 4, model->arena_bytes, 4);
  frame_put(body + 8, model->num_operators, 4);
  frame_put(body + 12, platform_counter_hz(), 4);
  frame_put(body + 16, FRAME_BODY_MOST, 2);
  body[18] = (uint8_t)platform_counter_unit();
  body[19] = PROFILE_OPERATORS != 0 ? 1 : 0;
  frame_put(body + 20, model->num_inputs, 2);
  frame_put(body + 22, model->num_outputs, 2);
  answer_text(model->name);
}

static void forget_inputs(void) {
  for (uint32_t i = 0; i <= SERVICE_INPUTS; ++i) {
    written[i] = 0;
  }
}

static void begin(const struct frame *request) {
  (void)answer_begin(request, 0);
  forget_inputs();
  has_run = false;
  arena = platform_arena(model->arena_bytes, model->arena_align, frame_get(request->body, 4));
  if (arena == NULL) {
    answer_refuse(request, SERVICE_ERROR_MEMORY, "no memory for the arena");
  }
}

static bool fits(const struct tvm_patch_tensor *tensor) {
  return tensor->bytes <= model->arena_bytes && tensor->arena_offset <= model->arena_bytes - tensor->bytes;
}

static void write(const struct frame *request) {
  (void)answer_begin(request, 0);
  const uint32_t index = frame_get(request->body, 4), offset = frame_get(request->body + 4, 4);
  const uint32_t bytes = request->bytes - 8;
  if (arena == NULL) {
    answer_refuse(request, SERVICE_ERROR_INPUTS, "BEGIN comes before WRITE");
    return;
  }
  if (index >= model->num_inputs || index >= SERVICE_INPUTS) {
    answer_refuse(request, SERVICE_ERROR_RANGE, "no such input");
    return;
  }
  const struct tvm_patch_tensor *const input = &model->inputs[index];
  if (input->row_source >= 0 || !fits(input)) {
    answer_refuse(request, SERVICE_ERROR_RANGE, "this input is not in the arena");
    return;
  }
  if ((offset != 0 && offset != written[index]) || offset > input->bytes || bytes > input->bytes - offset) {
    answer_refuse(request, SERVICE_ERROR_RANGE, "these bytes do not follow those before, or lie outside the input");
    return;
  }
  has_run = false; /* inputs may lie where outputs lay */
  uint8_t *const to = arena + input->arena_offset + offset;
  for (uint32_t i = 0; i < bytes; ++i) {
    to[i] = request->body[8 + i];
  }
  written[index] = offset + bytes;
}

/* NULL, or why a run cannot begin. */
static const char *why_not(enum service_error *code) {
  *code = SERVICE_ERROR_INPUTS;
  if (arena == NULL) {
    return "BEGIN comes before RUN";
  }
  rows_begin(host_rows_fetch);
  for (uint32_t i = 0; i < model->num_inputs; ++i) {
    const struct tvm_patch_tensor *const input = &model->inputs[i];
    if (input->row_source >= 0) {
      if (!rows_add(input)) {
        *code = SERVICE_ERROR_ROWS;
        return "the firmware was built for other fetched inputs";
      }
    } else if (i >= SERVICE_INPUTS || written[i] != input->bytes) {
      return "an input has not been written whole since the last run";
    }
  }
  return NULL;
}

bool requests_finished(void) { return !has_run || session_event(SERVICE_FINISHED, result, sizeof result); }

static bool run(const struct frame *request) {
  const bool profile = frame_get(request->body, 4) != 0;
  enum service_error code;
  const char *const problem = why_not(&code);
  if (problem != NULL) {
    answer_refuse(request, code, problem);
    return answer_send();
  }
  (void)answer_begin(request, 0);
  if (!answer_send()) {
    return false;
  }
  session_runs(request->sequence);
  host_rows_begin();
  /* Known before the profile begins: what stands between belongs to the first operator. */
  const struct tvm_patch_row_source *const sources = model->num_row_sources == 0 ? NULL : rows_sources();
  uint64_t cost = 0;
  clock_begin();
  profile_begin(profile);
  const int32_t status = platform_call(model->run, arena, sources, &cost);
  profile_end();
  forget_inputs(); /* a run may overwrite them */
  has_run = true;
  frame_put(result, (uint32_t)status, 4);
  frame_put(result + 4, platform_arena_intact() ? 1 : 0, 4);
  frame_put(result + 8, cost - clock_paused(), 8);
  frame_put(result + 16, rows_read(), 4);
  frame_put(result + 20, platform_stack_used(), 4);
  return host_rows_ended() || requests_finished();
}

static void read(const struct frame *request) {
  const uint32_t index = frame_get(request->body, 4), offset = frame_get(request->body + 4, 4);
  const uint32_t bytes = frame_get(request->body + 8, 4);
  if (!has_run) {
    answer_refuse(request, SERVICE_ERROR_NO_RUN, "nothing has been run");
    return;
  }
  if (index >= model->num_outputs || bytes > FRAME_BODY_MOST || !fits(&model->outputs[index]) ||
      offset > model->outputs[index].bytes || bytes > model->outputs[index].bytes - offset) {
    answer_refuse(request, SERVICE_ERROR_RANGE, "no such output, or not so many bytes of it");
    return;
  }
  uint8_t *const body = answer_begin(request, bytes);
  const uint8_t *const from = arena + model->outputs[index].arena_offset + offset;
  for (uint32_t i = 0; i < bytes; ++i) {
    body[i] = from[i];
  }
}

static void give_profile(const struct frame *request) {
  const uint32_t first = frame_get(request->body, 4), count = frame_get(request->body + 4, 4);
  if (!has_run) {
    answer_refuse(request, SERVICE_ERROR_NO_RUN, "nothing has been run");
    return;
  }
  if (first > PROFILE_OPERATORS || count > PROFILE_OPERATORS - first || count > FRAME_BODY_MOST / 8u) {
    answer_refuse(request, SERVICE_ERROR_RANGE, "no such operators");
    return;
  }
  uint8_t *const body = answer_begin(request, 8 * count);
  for (uint32_t i = 0; i < count; ++i) {
    frame_put(body + 8 * i, profile_counts()[first + i], 8);
  }
}

/* Bodies have these lengths; WRITE's is at least that. */
static bool well_formed(const struct frame *request) {
  switch (request->type) {
    case SERVICE_HELLO:
    case SERVICE_RESET:
      return request->bytes == 0;
    case SERVICE_BEGIN:
    case SERVICE_RUN:
      return request->bytes == 4;
    case SERVICE_PROFILE:
      return request->bytes == 8;
    case SERVICE_READ:
      return request->bytes == 12;
    case SERVICE_WRITE:
      return request->bytes >= 8;
    default:
      return false;
  }
}

bool requests_execute(const struct frame *request) {
  if (!well_formed(request)) {
    answer_refuse(request, SERVICE_ERROR_REQUEST, "no such request, or a body of the wrong length");
    return answer_send();
  }
  switch (request->type) {
    case SERVICE_RUN:
      return run(request);
    case SERVICE_BEGIN:
      begin(request);
      break;
    case SERVICE_WRITE:
      write(request);
      break;
    case SERVICE_READ:
      read(request);
      break;
    case SERVICE_PROFILE:
      give_profile(request);
      break;
    case SERVICE_RESET:
      (void)answer_begin(request, 0);
      (void)answer_send();
      platform_reset();
    default:
      hello(request);
      break;
  }
  return answer_send();
}

void requests_serve(const struct tvm_patch_model *served) { model = served; }

bool requests_greet(const struct frame *request) {
  forget_inputs();
  has_run = false;
  hello(request);
  return answer_send();
}
