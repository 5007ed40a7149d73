/* What a host asks for: the model's inputs, runs, outputs and profiles. */
#ifndef REQUESTS_H
#define REQUESTS_H

#include <stdbool.h>

#include "frame.h"
#include "tvm_patch_runtime.h"

/* The model that is asked for. Once, before anything else. */
void requests_serve(const struct tvm_patch_model *served);

/* Answer the HELLO of a session that begins. Like the next two, returns false when the link is closed. */
bool requests_greet(const struct frame *request);

/* Do what the session's next request wants, and answer it. */
bool requests_execute(const struct frame *request);

/* Say that a run has ended, if one has. */
bool requests_finished(void);

#endif
