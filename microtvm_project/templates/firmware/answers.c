#include "answers.h"

static struct frame answer;
static uint8_t answer_body[FRAME_BODY_MOST];

uint8_t *answer_begin(const struct frame *request, uint32_t bytes) {
  answer = (struct frame){.type = (uint8_t)(request->type | SERVICE_ANSWER),
                          .sequence = request->sequence,
                          .session = request->session,
                          .bytes = bytes,
                          .body = answer_body};
  return answer_body;
}

void answer_text(const char *text) {
  for (uint32_t i = 0; text[i] != '\0' && answer.bytes < FRAME_BODY_MOST; ++i) {
    answer_body[answer.bytes++] = (uint8_t)text[i];
  }
}

void answer_refuse(const struct frame *request, enum service_error code, const char *text) {
  uint8_t *const body = answer_begin(request, 4);
  answer.type = SERVICE_ERROR;
  frame_put(body, (uint64_t)code, 4);
  answer_text(text);
}

bool answer_send(void) { return frame_send(&answer); }

uint16_t answer_sequence(void) { return answer.sequence; }

bool answer_stranger(const struct frame *request, enum service_error code) {
  uint8_t body[4];
  frame_put(body, (uint64_t)code, 4);
  const struct frame error = {.type = SERVICE_ERROR,
                              .sequence = request->sequence,
                              .session = request->session,
                              .bytes = sizeof body,
                              .body = body};
  return frame_send(&error);
}
