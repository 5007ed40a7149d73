/* Whose frames count: one host has the board, until another one says HELLO. */
#ifndef SESSIONS_H
#define SESSIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "frame.h"
#include "service.h"

/* What a frame is to the session. */
enum session_kind { KIND_STRANGE, KIND_OLD, KIND_AGAIN, KIND_NEXT, KIND_NUDGE };

/* Whether a frame is a HELLO that begins another session. */
bool session_begins(const struct frame *frame);

/* End the session for that of such a frame. */
void session_begin(const struct frame *frame);

/* Whether a frame is the session's and of our version. */
bool session_owns(const struct frame *frame);

/* Strange frames are turned away here; *open becomes false when the link is closed. */
enum session_kind session_kind(const struct frame *frame, bool *open);

/* What is sent unasked from now on belongs to the RUN of this number. */
void session_runs(uint16_t sequence);

/* Send something unasked. Returns false when the link is closed. */
bool session_event(enum service_type type, const uint8_t *body, uint32_t bytes);

#endif
