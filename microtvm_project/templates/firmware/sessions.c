#include "sessions.h"

#include "answers.h"

enum { REMEMBERED = 8 };

static uint32_t sessions[REMEMBERED]; /* the present one, then those before it; 0 is none */
static uint16_t last_run;

static bool was_before(uint32_t session) {
  for (uint32_t i = 1; i < REMEMBERED; ++i) {
    if (sessions[i] == session) {
      return true;
    }
  }
  return false;
}

bool session_begins(const struct frame *frame) {
  return frame->version == FRAME_VERSION && frame->type == SERVICE_HELLO && frame->bytes == 0 && frame->session != 0 &&
         frame->session != sessions[0] && !was_before(frame->session);
}

void session_begin(const struct frame *frame) {
  for (uint32_t i = REMEMBERED - 1; i > 0; --i) {
    sessions[i] = sessions[i - 1];
  }
  sessions[0] = frame->session;
}

bool session_owns(const struct frame *frame) {
  return frame->version == FRAME_VERSION && frame->session == sessions[0];
}

enum session_kind session_kind(const struct frame *frame, bool *open) {
  if (frame->version != FRAME_VERSION) {
    *open = answer_stranger(frame, SERVICE_ERROR_VERSION);
    return KIND_STRANGE;
  }
  if (!session_owns(frame) || frame->session == 0) {
    /* A HELLO that comes so late that its session is over asks for nothing any more. */
    if (frame->type != SERVICE_HELLO) {
      *open = answer_stranger(frame, was_before(frame->session) ? SERVICE_ERROR_TAKEN : SERVICE_ERROR_SESSION);
    }
    return KIND_STRANGE;
  }
  if (frame->type == SERVICE_NUDGE) {
    return KIND_NUDGE;
  }
  if (frame->sequence == answer_sequence()) {
    return KIND_AGAIN;
  }
  return frame->sequence == (uint16_t)(answer_sequence() + 1u) ? KIND_NEXT : KIND_OLD;
}

void session_runs(uint16_t sequence) { last_run = sequence; }

bool session_event(enum service_type type, const uint8_t *body, uint32_t bytes) {
  static struct frame event; /* not on the stack: rows are asked for in the middle of a run, whose stack is measured */
  event = (struct frame){
      .type = (uint8_t)type, .sequence = last_run, .session = sessions[0], .bytes = bytes, .body = body};
  return frame_send(&event);
}
