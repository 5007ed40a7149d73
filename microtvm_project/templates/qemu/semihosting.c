#include "semihosting.h"

enum {
  SYS_OPEN = 0x01,
  SYS_CLOSE = 0x02,
  SYS_WRITE0 = 0x04,
  SYS_WRITE = 0x05,
  SYS_READ = 0x06,
  SYS_EXIT_EXTENDED = 0x20,
  APPLICATION_EXIT = 0x20026
};

static uint32_t call(uint32_t operation, const void *argument) {
  register uint32_t r0 __asm("r0") = operation;
  register const void *r1 __asm("r1") = argument;
  __asm volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
  return r0;
}

static uint32_t length(const char *text) {
  uint32_t n = 0;
  while (text[n] != '\0') {
    ++n;
  }
  return n;
}

int32_t semihosting_open(const char *path, uint32_t mode) {
  const uint32_t block[3] = {(uint32_t)path, mode, length(path)};
  return (int32_t)call(SYS_OPEN, block);
}

uint32_t semihosting_read(int32_t handle, void *to, uint32_t bytes) {
  const uint32_t block[3] = {(uint32_t)handle, (uint32_t)to, bytes};
  return bytes == 0 ? 0 : call(SYS_READ, block);
}

uint32_t semihosting_write(int32_t handle, const void *from, uint32_t bytes) {
  const uint32_t block[3] = {(uint32_t)handle, (uint32_t)from, bytes};
  return bytes == 0 ? 0 : call(SYS_WRITE, block);
}

void semihosting_close(int32_t handle) {
  const uint32_t block[1] = {(uint32_t)handle};
  (void)call(SYS_CLOSE, block);
}

void semihosting_print(const char *text) { (void)call(SYS_WRITE0, text); }

void semihosting_exit(uint32_t status) {
  const uint32_t block[2] = {APPLICATION_EXIT, status};
  (void)call(SYS_EXIT_EXTENDED, block);
  for (;;) {
  }
}
