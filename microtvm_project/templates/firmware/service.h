/* The firmware's loop: a host writes a model's inputs, has it run and reads its outputs, over frames.
 *
 * The host asks, the firmware answers each request once; it sends nothing unasked but SERVICE_READY when it starts,
 * SERVICE_FINISHED after a run and SERVICE_WANTED while a run waits for a row. It keeps no time: whoever waits for an
 * answer that was lost asks again. A request has the number of the one before it plus 1; the same number again means
 * that its answer was lost and gets the same answer, without anything being done twice. Others are ignored.
 *
 * A session starts with HELLO, whose header brings the session's number. Requests of another session are refused, so
 * that two hosts cannot mix their inputs; a new HELLO ends the session before it, and a run of it that waits for rows.
 *
 * Numbers are little-endian. {} is empty.
 *
 *   request      body                                  answer
 *   HELLO        {}                                    u32 artifact, u32 arena bytes, u32 operators, u32 clock in Hz,
 *                                                      u16 most bytes of a body, u8 unit of the counter, u8 profile,
 *                                                      u16 inputs, u16 outputs, name
 *   BEGIN        u32 salt                              {}        forgets all inputs, fills the arena with a pattern
 *   WRITE        u32 input, u32 offset, bytes          {}        offsets follow each other, or start again at 0
 *   RUN          u32 profile                           {}        and after the run FINISHED, with RUN's number
 *   READ         u32 output, u32 offset, u32 bytes     bytes
 *   PROFILE      u32 first, u32 count                  u64 per operator
 *   RESET        {}                                    {}        then starts again
 *   ROW          u32 serial, i32 status, bytes         none; the run that asked goes on
 *   NUDGE        {}                                    none; what was sent unasked since RUN is sent again
 *   any          -                                     ERROR: u32 code, text
 *
 *   ROW and NUDGE stand outside the numbering.
 *
 *   FINISHED is i32 status, u32 flags (1: the arena's borders are intact), u64 cost, u32 rows that were fetched, u32 most
 *   bytes of stack, with RUN's number.
 *
 *   WANTED is u32 serial, u32 source, u32 row, u32 offset, u32 bytes, with RUN's number. The run waits until a ROW with
 *   this serial comes; any other request of the session makes it ask once more. A status other than 0 ends the run.
 */
#ifndef SERVICE_H
#define SERVICE_H

#include <stdint.h>

#include "tvm_patch_runtime.h"

enum service_type {
  SERVICE_HELLO = 0x01,
  SERVICE_BEGIN = 0x02,
  SERVICE_WRITE = 0x03,
  SERVICE_RUN = 0x04,
  SERVICE_NUDGE = 0x05,
  SERVICE_READ = 0x06,
  SERVICE_PROFILE = 0x07,
  SERVICE_RESET = 0x08,
  SERVICE_ROW = 0x09,
  SERVICE_READY = 0x40,
  SERVICE_FINISHED = 0x41,
  SERVICE_WANTED = 0x42,
  SERVICE_ANSWER = 0x80, /* added to the request's type */
  SERVICE_ERROR = 0xFF
};

enum service_error {
  SERVICE_ERROR_VERSION = 1,  /* the frame's version is not ours */
  SERVICE_ERROR_SESSION = 2,  /* there is no session: the firmware has started again */
  SERVICE_ERROR_TAKEN = 3,    /* another host has begun a session since */
  SERVICE_ERROR_REQUEST = 4,  /* no such request, or a body of the wrong length */
  SERVICE_ERROR_RANGE = 5,    /* no such input, output or operator, or not so many bytes of it */
  SERVICE_ERROR_INPUTS = 6,   /* an input has not been written since the last run */
  SERVICE_ERROR_NO_RUN = 7,   /* nothing has been run, or inputs were written since */
  SERVICE_ERROR_MEMORY = 8,   /* no memory for the arena */
  SERVICE_ERROR_ROWS = 9      /* the firmware was built for other fetched inputs */
};

/* Serve until the link is closed. */
void service_run(const struct tvm_patch_model *model);

#endif
