#include "firmware_config.h"
#include "platform.h"
#include "service.h"

extern const struct tvm_patch_model TVM_PATCH_MODEL;

int main(int argc, char **argv) {
  if (!platform_open(argc, argv)) {
    platform_log("the link to the host cannot be opened");
    return 1;
  }
  service_run(&TVM_PATCH_MODEL);
  return 0;
}
