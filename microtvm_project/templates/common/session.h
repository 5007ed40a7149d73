/* Run a model over sets of inputs that come from the platform's transport, and report.
 *
 * The job, little-endian: "TVMPJOB1", u32 number of sets, u32 bytes per set, then the sets; a set is the model's
 * inputs one after the other.
 * The answer: "TVMPRES1", then records {u32 tag, u32 length, payload}: MODL (u32 arena bytes, u32 operators) once;
 * OUTP (a set's outputs one after the other), ROWS (u32 rows fetched, where inputs are) and COUN (u64 instructions,
 * where there is a counter) per set; OPER
 * (u64 instructions per operator) when the library was built with TVM_PATCH_PROFILE; STAK (u32 bytes) where measured;
 * FAIL (i32 code, text) instead of the rest when something went wrong; and last END (u32 Adler-32 of all
 * before this record).
 */
#ifndef SESSION_H
#define SESSION_H

#include <stdint.h>

#include "tvm_patch_runtime.h"

/* Returns 0, or 1 after a failure, which is also in the answer. */
int session_run(const struct tvm_patch_model *model);

#endif
