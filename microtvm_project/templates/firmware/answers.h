/* Answers to requests. The last one is kept in case that it is lost. */
#ifndef ANSWERS_H
#define ANSWERS_H

#include <stdbool.h>
#include <stdint.h>

#include "frame.h"
#include "service.h"

/* Begin the answer to a request of the session; returns where its body goes. Nothing is sent yet. */
uint8_t *answer_begin(const struct frame *request, uint32_t bytes);

/* Append text to the answer, as much of it as there is room for. */
void answer_text(const char *text);

/* Make the answer an error. */
void answer_refuse(const struct frame *request, enum service_error code, const char *text);

/* Send the answer, now or again. Returns false when the link is closed. */
bool answer_send(void);

/* The number of the request that was answered last. */
uint16_t answer_sequence(void);

/* Refuse a frame that is none of the session's: the session's last answer stays as it is. */
bool answer_stranger(const struct frame *request, enum service_error code);

#endif
