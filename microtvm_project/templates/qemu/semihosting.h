/* The few semihosting calls that a test needs; QEMU answers them without running any guest instruction. */
#ifndef SEMIHOSTING_H
#define SEMIHOSTING_H

#include <stdint.h>

enum { SEMIHOSTING_READ = 1, SEMIHOSTING_WRITE = 5 }; /* modes of fopen: "rb", "wb" */

/* A handle, or -1. The path is relative to the folder in which QEMU was started. */
int32_t semihosting_open(const char *path, uint32_t mode);

/* Bytes *not* transferred: 0 when all was well. */
uint32_t semihosting_read(int32_t handle, void *to, uint32_t bytes);
uint32_t semihosting_write(int32_t handle, const void *from, uint32_t bytes);

void semihosting_close(int32_t handle);
void semihosting_print(const char *text);
_Noreturn void semihosting_exit(uint32_t status);

#endif
