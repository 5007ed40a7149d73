#include "host_rows.h"

#include <stddef.h>

#include "clock.h"
#include "service.h"
#include "sessions.h"

enum { HEAD_BYTES = 8, WANTED_BYTES = 20 };

static uint32_t serial; /* of the last row that was asked for */
static bool ended;      /* the link is closed, or another host says HELLO */
static bool taken;      /* the latter: its frame is still to be answered */
static struct frame hello;

void host_rows_begin(void) { ended = taken = false; }

bool host_rows_ended(void) { return ended; }

const struct frame *host_rows_hello(void) {
  const bool was_taken = taken;
  taken = false;
  return was_taken ? &hello : NULL;
}

static bool send_wanted(const uint8_t *wanted) { return session_event(SERVICE_WANTED, wanted, WANTED_BYTES); }

/* Returns the row's frame, or NULL if it will not come. */
static const struct frame *wait_for_row(const uint8_t *wanted, uint32_t bytes) {
  static struct frame frame;
  bool open = send_wanted(wanted);
  while (open) {
    open = frame_receive(&frame);
    if (!open) {
      break;
    }
    if (session_begins(&frame)) {
      hello = frame;
      ended = taken = true;
      return NULL;
    }
    if (frame.type == SERVICE_ROW && session_owns(&frame)) {
      if (frame.bytes >= HEAD_BYTES && frame_get(frame.body, 4) == serial) {
        const bool refused = frame_get(frame.body + 4, 4) != 0;
        if (refused || frame.bytes == HEAD_BYTES + bytes) {
          return &frame;
        }
        open = send_wanted(wanted);
      }
      continue;
    }
    const enum session_kind kind = session_kind(&frame, &open);
    if (open && kind != KIND_STRANGE && kind != KIND_OLD) {
      open = send_wanted(wanted);
    }
  }
  ended = true;
  return NULL;
}

int host_rows_fetch(uint32_t source, uint32_t row, uint32_t offset, uint32_t bytes, int8_t *to) {
  clock_pause();
  if (ended) {
    return ROWS_ERROR_LINK;
  }
  uint8_t wanted[WANTED_BYTES];
  const uint32_t values[WANTED_BYTES / 4] = {++serial, source, row, offset, bytes};
  for (uint32_t i = 0; i < WANTED_BYTES / 4; ++i) {
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
  rows_copy(to, (const int8_t *)frame->body + HEAD_BYTES, bytes);
  return 0;
}
