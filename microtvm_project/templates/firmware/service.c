#include "service.h"

#include <stddef.h>

#include "clock.h"
#include "frame.h"
#include "platform.h"
#include "profile.h"
#include "rows.h"

enum { REMEMBERED = 8, ROW_HEAD_BYTES = 8, RESULT_BYTES = 24 };

static const struct tvm_patch_model *model;
static uint8_t *arena;                       /* NULL before BEGIN */
static uint32_t written[SERVICE_INPUTS + 1]; /* bytes of each input since BEGIN */
static bool has_run;                         /* and the outputs are as the run left them */
static uint8_t result[RESULT_BYTES];

static uint32_t sessions[REMEMBERED]; /* the present one, then those before it; 0 is none */
static struct frame reply;            /* the last answer, kept in case that it is lost */
static uint8_t reply_body[FRAME_BODY_MOST];

static struct {
  uint16_t sequence; /* of the last RUN */
  uint32_t serial;   /* of the last row that was asked for */
  bool ended;        /* the link is closed, or another host says HELLO */
  bool taken;        /* the latter: its frame is still to be answered */
  struct frame hello;
} running;

static rows_fetch fetch;

/* ---- Answers ---- */

static uint8_t *begin_reply(const struct frame *request, uint32_t bytes) {
  reply = (struct frame){.type = (uint8_t)(request->type | SERVICE_ANSWER),
                         .sequence = request->sequence,
                         .session = request->session,
                         .bytes = bytes,
                         .body = reply_body};
  return reply_body;
}

static uint32_t put_text(uint8_t *to, const char *text, uint32_t most) {
  uint32_t i = 0;
  for (; text[i] != '\0' && i < most; ++i) {
    to[i] = (uint8_t)text[i];
  }
  return i;
}

static void refuse(const struct frame *request, enum service_error code, const char *text) {
  uint8_t *const body = begin_reply(request, 0);
  reply.type = SERVICE_ERROR;
  frame_put(body, (uint64_t)code, 4);
  reply.bytes = 4 + put_text(body + 4, text, FRAME_BODY_MOST - 4);
}

/* To frames that are none of the session's: the session's last answer stays as it is. */
static bool turn_away(const struct frame *request, enum service_error code) {
  uint8_t body[4];
  frame_put(body, (uint64_t)code, 4);
  const struct frame answer = {.type = SERVICE_ERROR,
                               .sequence = request->sequence,
                               .session = request->session,
                               .bytes = sizeof body,
                               .body = body};
  return frame_send(&answer);
}

static bool send_event(enum service_type type, const uint8_t *body, uint32_t bytes) {
  const struct frame event = {.type = (uint8_t)type,
                              .sequence = running.sequence,
                              .session = sessions[0],
                              .bytes = bytes,
                              .body = body};
  return frame_send(&event);
}

/* ---- Requests ---- */

static void hello(const struct frame *request) {
  uint8_t *const body = begin_reply(request, 0);
  frame_put(body, FIRMWARE_ARTIFACT, 4);
  frame_put(body + 4, model->arena_bytes, 4);
  frame_put(body + 8, model->num_operators, 4);
  frame_put(body + 12, platform_counter_hz(), 4);
  frame_put(body + 16, FRAME_BODY_MOST, 2);
  body[18] = (uint8_t)platform_counter_unit();
  body[19] = PROFILE_OPERATORS != 0 ? 1 : 0;
  frame_put(body + 20, model->num_inputs, 2);
  frame_put(body + 22, model->num_outputs, 2);
  reply.bytes = 24 + put_text(body + 24, model->name, FRAME_BODY_MOST - 24);
}

static void forget_inputs(void) {
  for (uint32_t i = 0; i <= SERVICE_INPUTS; ++i) {
    written[i] = 0;
  }
}

static void begin(const struct frame *request) {
  (void)begin_reply(request, 0);
  forget_inputs();
  has_run = false;
  arena = platform_arena(model->arena_bytes, model->arena_align, frame_get(request->body, 4));
  if (arena == NULL) {
    refuse(request, SERVICE_ERROR_MEMORY, "no memory for the arena");
  }
}

static bool fits(const struct tvm_patch_tensor *tensor) {
  return tensor->bytes <= model->arena_bytes && tensor->arena_offset <= model->arena_bytes - tensor->bytes;
}

static void write(const struct frame *request) {
  (void)begin_reply(request, 0);
  const uint32_t index = frame_get(request->body, 4), offset = frame_get(request->body + 4, 4);
  const uint32_t bytes = request->bytes - 8;
  if (arena == NULL) {
    refuse(request, SERVICE_ERROR_INPUTS, "BEGIN comes before WRITE");
    return;
  }
  if (index >= model->num_inputs || index >= SERVICE_INPUTS) {
    refuse(request, SERVICE_ERROR_RANGE, "no such input");
    return;
  }
  const struct tvm_patch_tensor *const input = &model->inputs[index];
  if (input->row_source >= 0 || !fits(input)) {
    refuse(request, SERVICE_ERROR_RANGE, "this input is not in the arena");
    return;
  }
  if ((offset != 0 && offset != written[index]) || offset > input->bytes || bytes > input->bytes - offset) {
    refuse(request, SERVICE_ERROR_RANGE, "these bytes do not follow those before, or lie outside the input");
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
  rows_begin(fetch);
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

static bool run(const struct frame *request) {
  const bool profile = frame_get(request->body, 4) != 0;
  enum service_error code;
  const char *const problem = why_not(&code);
  if (problem != NULL) {
    refuse(request, code, problem);
    return frame_send(&reply);
  }
  (void)begin_reply(request, 0);
  if (!frame_send(&reply)) {
    return false;
  }
  running.sequence = request->sequence;
  running.ended = running.taken = false;
  uint64_t cost = 0;
  clock_begin();
  profile_begin(profile);
  const int32_t status = platform_call(model->run, arena, model->num_row_sources == 0 ? NULL : rows_sources(), &cost);
  profile_end();
  forget_inputs(); /* a run may overwrite them */
  has_run = true;
  frame_put(result, (uint32_t)status, 4);
  frame_put(result + 4, platform_arena_intact() ? 1 : 0, 4);
  frame_put(result + 8, cost - clock_paused(), 8);
  frame_put(result + 16, rows_read(), 4);
  frame_put(result + 20, platform_stack_used(), 4);
  return running.ended || send_event(SERVICE_FINISHED, result, sizeof result);
}

static void read(const struct frame *request) {
  const uint32_t index = frame_get(request->body, 4), offset = frame_get(request->body + 4, 4);
  const uint32_t bytes = frame_get(request->body + 8, 4);
  if (!has_run) {
    refuse(request, SERVICE_ERROR_NO_RUN, "nothing has been run");
    return;
  }
  if (index >= model->num_outputs || bytes > FRAME_BODY_MOST || !fits(&model->outputs[index]) ||
      offset > model->outputs[index].bytes || bytes > model->outputs[index].bytes - offset) {
    refuse(request, SERVICE_ERROR_RANGE, "no such output, or not so many bytes of it");
    return;
  }
  uint8_t *const body = begin_reply(request, bytes);
  const uint8_t *const from = arena + model->outputs[index].arena_offset + offset;
  for (uint32_t i = 0; i < bytes; ++i) {
    body[i] = from[i];
  }
}

static void give_profile(const struct frame *request) {
  const uint32_t first = frame_get(request->body, 4), count = frame_get(request->body + 4, 4);
  if (!has_run) {
    refuse(request, SERVICE_ERROR_NO_RUN, "nothing has been run");
    return;
  }
  if (first > PROFILE_OPERATORS || count > PROFILE_OPERATORS - first || count > FRAME_BODY_MOST / 8u) {
    refuse(request, SERVICE_ERROR_RANGE, "no such operators");
    return;
  }
  uint8_t *const body = begin_reply(request, 8 * count);
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

/* Returns false when the link is closed. */
static bool execute(const struct frame *request) {
  if (!well_formed(request)) {
    refuse(request, SERVICE_ERROR_REQUEST, "no such request, or a body of the wrong length");
    return frame_send(&reply);
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
      (void)begin_reply(request, 0);
      (void)frame_send(&reply);
      platform_reset();
    default:
      hello(request);
      break;
  }
  return frame_send(&reply);
}

/* ---- Sessions ---- */

static bool was_before(uint32_t session) {
  for (uint32_t i = 1; i < REMEMBERED; ++i) {
    if (sessions[i] == session) {
      return true;
    }
  }
  return false;
}

static bool begins_session(const struct frame *frame) {
  return frame->type == SERVICE_HELLO && frame->bytes == 0 && frame->session != 0 && frame->session != sessions[0] &&
         !was_before(frame->session);
}

static bool answer_hello(const struct frame *frame) {
  for (uint32_t i = REMEMBERED - 1; i > 0; --i) {
    sessions[i] = sessions[i - 1];
  }
  sessions[0] = frame->session;
  forget_inputs();
  has_run = false;
  hello(frame);
  return frame_send(&reply);
}

/* What a frame is to the session. */
enum kind { KIND_STRANGE, KIND_OLD, KIND_AGAIN, KIND_NEXT, KIND_NUDGE };

/* Strange frames are turned away here; *open becomes false when the link is closed. */
static enum kind kind_of(const struct frame *frame, bool *open) {
  if (frame->version != FRAME_VERSION) {
    *open = turn_away(frame, SERVICE_ERROR_VERSION);
    return KIND_STRANGE;
  }
  if (frame->session != sessions[0] || frame->session == 0) {
    /* A HELLO that comes so late that its session is over asks for nothing any more. */
    if (frame->type != SERVICE_HELLO) {
      *open = turn_away(frame, was_before(frame->session) ? SERVICE_ERROR_TAKEN : SERVICE_ERROR_SESSION);
    }
    return KIND_STRANGE;
  }
  if (frame->type == SERVICE_NUDGE) {
    return KIND_NUDGE;
  }
  if (frame->sequence == reply.sequence) {
    return KIND_AGAIN;
  }
  return frame->sequence == (uint16_t)(reply.sequence + 1u) ? KIND_NEXT : KIND_OLD;
}

/* ---- Rows ---- */

static bool send_wanted(const uint8_t *wanted) { return send_event(SERVICE_WANTED, wanted, 20); }

/* Returns the row's frame, or NULL if it will not come. */
static const struct frame *wait_for_row(const uint8_t *wanted, uint32_t bytes) {
  static struct frame frame;
  bool open = send_wanted(wanted);
  while (open) {
    open = frame_receive(&frame);
    if (!open) {
      break;
    }
    if (frame.version == FRAME_VERSION && begins_session(&frame)) {
      running.hello = frame;
      running.ended = running.taken = true;
      return NULL;
    }
    if (frame.version == FRAME_VERSION && frame.type == SERVICE_ROW && frame.session == sessions[0]) {
      if (frame.bytes >= ROW_HEAD_BYTES && frame_get(frame.body, 4) == running.serial) {
        const bool refused = frame_get(frame.body + 4, 4) != 0;
        if (refused || frame.bytes == ROW_HEAD_BYTES + bytes) {
          return &frame;
        }
        open = send_wanted(wanted);
      }
      continue;
    }
    const enum kind kind = kind_of(&frame, &open);
    if (open && kind != KIND_STRANGE && kind != KIND_OLD) {
      open = send_wanted(wanted);
    }
  }
  running.ended = true;
  return NULL;
}

static int fetch(uint32_t source, uint32_t row, uint32_t offset, uint32_t bytes, int8_t *to) {
  clock_pause();
  if (running.ended) {
    return ROWS_ERROR_LINK;
  }
  uint8_t wanted[20];
  const uint32_t values[5] = {++running.serial, source, row, offset, bytes};
  for (uint32_t i = 0; i < 5; ++i) {
    frame_put(wanted + 4 * i, values[i], 4);
  }
  const struct frame *const frame = wait_for_row(wanted, bytes);
  if (frame == NULL) {
    return ROWS_ERROR_LINK;
  }
  const int32_t status = (int32_t)frame_get(frame->body + 4, 4);
  if (status != 0) {
    return status;
  }
  clock_resume();
  rows_copy(to, (const int8_t *)frame->body + ROW_HEAD_BYTES, bytes);
  return 0;
}

void service_run(const struct tvm_patch_model *served) {
  struct frame frame;
  model = served;
  clock_calibrate();
  profile_calibrate();
  bool open = send_event(SERVICE_READY, NULL, 0);
  while (open && frame_receive(&frame)) {
    if (frame.version == FRAME_VERSION && begins_session(&frame)) {
      open = answer_hello(&frame);
      continue;
    }
    /* A row that is no longer wanted. */
    if (frame.version == FRAME_VERSION && frame.type == SERVICE_ROW) {
      continue;
    }
    switch (kind_of(&frame, &open)) {
      case KIND_AGAIN:
        open = frame_send(&reply);
        break;
      case KIND_NUDGE:
        open = !has_run || send_event(SERVICE_FINISHED, result, sizeof result);
        break;
      case KIND_NEXT:
        open = execute(&frame);
        if (running.taken) {
          running.taken = false;
          open = answer_hello(&running.hello);
        }
        break;
      default:
        break;
    }
  }
}
