#include "frame.h"

#include "platform.h"

enum { RAW_MOST = FRAME_HEADER_BYTES + FRAME_BODY_MOST + FRAME_CRC_BYTES, BLOCK_MOST = 254, INPUT_MOST = 256 };

uint32_t frame_get(const uint8_t *from, uint32_t bytes) {
  uint32_t value = 0;
  for (uint32_t i = 0; i < bytes; ++i) {
    value |= (uint32_t)from[i] << (8u * i);
  }
  return value;
}

void frame_put(uint8_t *to, uint64_t value, uint32_t bytes) {
  for (uint32_t i = 0; i < bytes; ++i) {
    to[i] = (uint8_t)(value >> (8u * i) & 0xFFu);
  }
}

/* CRC-32 with the reversed polynomial 0xEDB88320, four bits at a time. */
static uint32_t crc_add(uint32_t crc, const uint8_t *from, uint32_t bytes) {
  static const uint32_t table[16] = {0x00000000, 0x1DB71064, 0x3B6E20C8, 0x26D930AC, 0x76DC4190, 0x6B6B51F4,
                                     0x4DB26158, 0x5005713C, 0xEDB88320, 0xF00F9344, 0xD6D6A3E8, 0xCB61B38C,
                                     0x9B64C2B0, 0x86D3D2D4, 0xA00AE278, 0xBDBDF21C};
  for (uint32_t i = 0; i < bytes; ++i) {
    crc = table[(crc ^ from[i]) & 15u] ^ crc >> 4;
    crc = table[(crc ^ (uint32_t)from[i] >> 4) & 15u] ^ crc >> 4;
  }
  return crc;
}

/* ---- Sending ---- */

static uint8_t block[BLOCK_MOST + 1]; /* its length, then what comes before the next zero */
static uint32_t block_bytes;          /* without the length */

static bool block_end(void) {
  block[0] = (uint8_t)(block_bytes + 1u);
  const bool sent = platform_write(block, block_bytes + 1u);
  block_bytes = 0;
  return sent;
}

static bool encode(const uint8_t *from, uint32_t bytes) {
  bool sent = true;
  for (uint32_t i = 0; i < bytes && sent; ++i) {
    if (block_bytes == BLOCK_MOST) { /* a full block stands for no zero */
      sent = block_end();
    }
    if (from[i] == 0) {
      sent = sent && block_end();
    } else {
      block[++block_bytes] = from[i];
    }
  }
  return sent;
}

bool frame_send(const struct frame *frame) {
  static const uint8_t end = 0;
  uint8_t header[FRAME_HEADER_BYTES], crc[FRAME_CRC_BYTES];
  header[0] = FRAME_VERSION;
  header[1] = frame->type;
  frame_put(header + 2, frame->sequence, 2);
  frame_put(header + 4, frame->session, 4);
  frame_put(crc, ~crc_add(crc_add(UINT32_MAX, header, sizeof header), frame->body, frame->bytes), 4);
  block_bytes = 0;
  return encode(header, sizeof header) && encode(frame->body, frame->bytes) && encode(crc, sizeof crc) && block_end() &&
         platform_write(&end, 1);
}

/* ---- Receiving ---- */

static uint8_t input[INPUT_MOST];
static uint32_t input_bytes, input_next;

static struct {
  _Alignas(4) uint8_t raw[RAW_MOST];
  uint32_t bytes;
  uint32_t left;  /* of the present block */
  bool zero;      /* a zero comes before the next block */
  bool too_long;
} incoming;

static void take(uint8_t byte) {
  if (incoming.bytes < RAW_MOST) {
    incoming.raw[incoming.bytes++] = byte;
  } else {
    incoming.too_long = true;
  }
}

static void decode(uint8_t byte) {
  if (incoming.left != 0) {
    take(byte);
    --incoming.left;
    return;
  }
  if (incoming.zero) {
    take(0);
  }
  incoming.left = byte - 1u;
  incoming.zero = byte != BLOCK_MOST + 1;
}

/* Looks at what came before a zero byte. */
static bool is_frame(struct frame *frame) {
  if (incoming.too_long || incoming.left != 0 || incoming.bytes < FRAME_HEADER_BYTES + FRAME_CRC_BYTES) {
    return false;
  }
  const uint32_t checked = incoming.bytes - FRAME_CRC_BYTES;
  if (~crc_add(UINT32_MAX, incoming.raw, checked) != frame_get(incoming.raw + checked, 4)) {
    return false;
  }
  frame->version = incoming.raw[0];
  frame->type = incoming.raw[1];
  frame->sequence = (uint16_t)frame_get(incoming.raw + 2, 2);
  frame->session = frame_get(incoming.raw + 4, 4);
  frame->bytes = checked - FRAME_HEADER_BYTES;
  frame->body = incoming.raw + FRAME_HEADER_BYTES;
  return true;
}

bool frame_receive(struct frame *frame) {
  for (;;) {
    while (input_next < input_bytes) {
      const uint8_t byte = input[input_next++];
      if (byte != 0) {
        decode(byte);
        continue;
      }
      const bool found = is_frame(frame);
      incoming.bytes = incoming.left = 0;
      incoming.zero = incoming.too_long = false;
      if (found) {
        return true;
      }
    }
    input_next = 0;
    input_bytes = platform_read(input, sizeof input);
    if (input_bytes == 0) {
      return false;
    }
  }
}
