/* Frames over a stream of bytes.
 *
 * A frame is a header of 8 bytes {u8 version, u8 type, u16 sequence, u32 session}, a body, and the CRC-32 (as in zlib)
 * of both, little-endian, encoded with COBS and ended by a zero byte. Bytes may be lost, changed or added on the way:
 * what does not decode to a frame with the right CRC is skipped up to the next zero byte.
 */
#ifndef FRAME_H
#define FRAME_H

#include <stdbool.h>
#include <stdint.h>

#include "firmware_config.h"

enum { FRAME_VERSION = 1, FRAME_HEADER_BYTES = 8, FRAME_CRC_BYTES = 4, FRAME_BODY_MOST = SERVICE_BODY_BYTES };

struct frame {
  uint8_t version, type;
  uint16_t sequence;
  uint32_t session;
  uint32_t bytes; /* of the body */
  const uint8_t *body;
};

/* Wait for a frame; its body is valid until the next call. Returns false when the link is closed. */
bool frame_receive(struct frame *frame);

/* Send a frame of our version. Returns false when the link is closed. */
bool frame_send(const struct frame *frame);

/* Little-endian numbers at any address. */
uint32_t frame_get(const uint8_t *from, uint32_t bytes);
void frame_put(uint8_t *to, uint64_t value, uint32_t bytes);

#endif
