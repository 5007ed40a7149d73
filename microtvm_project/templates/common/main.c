#include "platform.h"
#include "session.h"

/* TVM_PATCH_MODEL is the model's symbol, given by the build. */
extern const struct tvm_patch_model TVM_PATCH_MODEL;

int main(int argc, char **argv) {
  if (!platform_open(argc, argv)) {
    platform_log("the transport cannot be opened");
    return 1;
  }
  return session_run(&TVM_PATCH_MODEL);
}
