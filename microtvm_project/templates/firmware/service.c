#include "service.h"

#include <stddef.h>

#include "answers.h"
#include "clock.h"
#include "frame.h"
#include "host_rows.h"
#include "profile.h"
#include "requests.h"
#include "sessions.h"

static bool begin_session(const struct frame *hello) {
  session_begin(hello);
  return requests_greet(hello);
}

static bool execute(const struct frame *request) {
  const bool open = requests_execute(request);
  const struct frame *const hello = host_rows_hello();
  return hello == NULL ? open : begin_session(hello);
}

void service_run(const struct tvm_patch_model *model) {
  struct frame frame;
  requests_serve(model);
  clock_calibrate();
  profile_calibrate();
  bool open = session_event(SERVICE_READY, NULL, 0);
  while (open && frame_receive(&frame)) {
    if (session_begins(&frame)) {
      open = begin_session(&frame);
      continue;
    }
    /* A row that is no longer wanted. */
    if (frame.version == FRAME_VERSION && frame.type == SERVICE_ROW) {
      continue;
    }
    switch (session_kind(&frame, &open)) {
      case KIND_AGAIN:
        open = answer_send();
        break;
      case KIND_NUDGE:
        open = requests_finished();
        break;
      case KIND_NEXT:
        open = execute(&frame);
        break;
      default:
        break;
    }
  }
}
