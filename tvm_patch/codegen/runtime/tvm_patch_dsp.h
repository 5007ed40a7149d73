/* Arithmetic helpers that generated kernels call.
 *
 * On cores with the Arm DSP extension (Cortex-M4, M7, M33, ...) they are one or two instructions; elsewhere they are
 * portable C with the same results, bit for bit.  Packed words hold four int8 (lowest address in the lowest byte)
 * or two int16.  Additions wrap modulo 2^32, as the instructions do.
 */
#ifndef TVM_PATCH_DSP_H
#define TVM_PATCH_DSP_H

#include <stdint.h>
#include <string.h>

#if defined(__ARM_FEATURE_DSP) && defined(__GNUC__) && !defined(TVMP_NO_DSP)
#include <arm_acle.h>
#define TVMP_HAVE_DSP 1
#else
#define TVMP_HAVE_DSP 0
#endif

/* Functions of Thumb-2 code, which use r0 to r12 and lr.  They are left out with TVMP_NO_ASM: define it in builds that
 * reserve one of these registers (-ffixed-r9, position-independent data in r9), which gcc does not tell.
 *
 * - aligned: ADR counts from a multiple of four, so the code must begin at one; compilers begin functions anywhere.
 * - noipa: a compiler that trusts the body that it sees may leave out arguments, or keep values in registers.
 * - Nothing may come before the code: no hooks, counters or guards of options that instrument functions.
 * - A body is one string, longer than standard C promises to accept; gcc and clang take any length. */
#if TVMP_HAVE_DSP && defined(__thumb2__) && !defined(TVMP_NO_ASM) && !defined(__ARM_RWPI)
#define TVMP_HAVE_ASM 1
#if __has_attribute(noipa)
#define TVMP_NO_IPA , noipa
#else
#define TVMP_NO_IPA , noinline
#endif
#if __has_attribute(no_profile_instrument_function)
#define TVMP_NO_COUNTERS , no_profile_instrument_function
#else
#define TVMP_NO_COUNTERS
#endif
#if __has_attribute(no_sanitize_coverage)
#define TVMP_NO_COVERAGE , no_sanitize_coverage
#else
#define TVMP_NO_COVERAGE
#endif
#if __has_attribute(no_stack_protector)
#define TVMP_NO_GUARD , no_stack_protector
#else
#define TVMP_NO_GUARD
#endif
#define TVMP_NAKED                                                                                     \
  __attribute__((naked, unused, aligned(4), no_instrument_function TVMP_NO_IPA TVMP_NO_COUNTERS        \
                     TVMP_NO_COVERAGE TVMP_NO_GUARD))
#define TVMP_UNUSED __attribute__((unused))
#pragma GCC diagnostic ignored "-Woverlength-strings"
#else
#define TVMP_HAVE_ASM 0
#endif

/* Functions that operators share: no copies of them for the arguments of one. */
#if defined(__GNUC__) && !defined(__clang__)
#define TVMP_SHARED __attribute__((noinline, noclone))
#define TVMP_SMALL __attribute__((noinline, noclone, cold))
#elif defined(__clang__)
#define TVMP_SHARED __attribute__((noinline))
#define TVMP_SMALL __attribute__((noinline, cold))
#else
#define TVMP_SHARED
#define TVMP_SMALL
#endif

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define TVMP_INLINE static inline __attribute__((always_inline, unused))
#else
#define TVMP_INLINE static inline
#endif

/* The lower and the upper int16 of a word. */
TVMP_INLINE int32_t tvmp_low16(uint32_t pair) { return (int32_t)(int16_t)(pair & 0xFFFFu); }
TVMP_INLINE int32_t tvmp_high16(uint32_t pair) { return (int32_t)(int16_t)(pair >> 16); }

/* Two int16 as a word. */
TVMP_INLINE uint32_t tvmp_pair(int32_t low, int32_t high) {
  return ((uint32_t)low & 0xFFFFu) | ((uint32_t)high << 16);
}

/* Addition modulo 2^32. */
TVMP_INLINE int32_t tvmp_wrapping_add(int32_t a, int32_t b) { return (int32_t)((uint32_t)a + (uint32_t)b); }

/* Four int8 from any address. */
TVMP_INLINE uint32_t tvmp_load4(const int8_t *from) {
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
  uint32_t word;
  memcpy(&word, from, sizeof word); /* one LDR: these cores load words from any address */
  return word;
#else
  return (uint32_t)(uint8_t)from[0] | ((uint32_t)(uint8_t)from[1] << 8) | ((uint32_t)(uint8_t)from[2] << 16) |
         ((uint32_t)(uint8_t)from[3] << 24);
#endif
}

/* Store the four lowest bytes of a word at any address. */
TVMP_INLINE void tvmp_store4(int8_t *to, uint32_t word) {
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
  memcpy(to, &word, sizeof word);
#else
  to[0] = (int8_t)(word & 0xFFu);
  to[1] = (int8_t)((word >> 8) & 0xFFu);
  to[2] = (int8_t)((word >> 16) & 0xFFu);
  to[3] = (int8_t)(word >> 24);
#endif
}

/* Four int8 values as a word, `a` in the lowest byte. */
TVMP_INLINE uint32_t tvmp_pack4(int32_t a, int32_t b, int32_t c, int32_t d) {
  return ((uint32_t)a & 0xFFu) | (((uint32_t)b & 0xFFu) << 8) | (((uint32_t)c & 0xFFu) << 16) | ((uint32_t)d << 24);
}

/* Store two words of two int16 each. */
TVMP_INLINE void tvmp_store_words(int8_t *to, uint32_t first, uint32_t second) {
  tvmp_store4(to, first);
  tvmp_store4(to + 4, second);
}

/* Bytes 0 and 2 of a word as two int16. */
TVMP_INLINE uint32_t tvmp_sxtb16(uint32_t bytes) {
#if TVMP_HAVE_DSP
  return (uint32_t)__sxtb16((int8x4_t)bytes);
#else
  return tvmp_pair((int8_t)(bytes & 0xFFu), (int8_t)((bytes >> 16) & 0xFFu));
#endif
}

/* Bytes 1 and 3 of a word as two int16. */
TVMP_INLINE uint32_t tvmp_sxtb16_ror8(uint32_t bytes) {
#if TVMP_HAVE_DSP
  uint32_t out; /* gcc does not fold a rotation into the intrinsic */
  __asm__("sxtb16 %0, %1, ror #8" : "=r"(out) : "r"(bytes));
  return out;
#else
  return tvmp_sxtb16(bytes >> 8);
#endif
}

/* Two int16 of `add` plus bytes 0 and 2 of a word. */
TVMP_INLINE uint32_t tvmp_sxtab16(uint32_t add, uint32_t bytes) {
#if TVMP_HAVE_DSP
  return (uint32_t)__sxtab16((int16x2_t)add, (int8x4_t)bytes);
#else
  return tvmp_pair(tvmp_low16(add) + (int8_t)(bytes & 0xFFu), tvmp_high16(add) + (int8_t)((bytes >> 16) & 0xFFu));
#endif
}

/* Two int16 of `add` plus bytes 1 and 3 of a word. */
TVMP_INLINE uint32_t tvmp_sxtab16_ror8(uint32_t add, uint32_t bytes) {
#if TVMP_HAVE_DSP
  uint32_t out;
  __asm__("sxtab16 %0, %1, %2, ror #8" : "=r"(out) : "r"(add), "r"(bytes));
  return out;
#else
  return tvmp_sxtab16(add, bytes >> 8);
#endif
}

/* Four int8, widened: bytes 0 and 2, then bytes 1 and 3. */
TVMP_INLINE void tvmp_store_pairs(int8_t *to, uint32_t bytes) {
  tvmp_store_words(to, tvmp_sxtb16(bytes), tvmp_sxtb16_ror8(bytes));
}

/* The odd ones of four inputs, folded: 256 * b - a + 127 and 256 * d - c + 127. */
TVMP_INLINE uint32_t tvmp_folded(int32_t a, int32_t b, int32_t c, int32_t d) {
  return tvmp_pack4(a, b, c, d) ^ 0x7F007Fu;
}

/* acc + a.low * b.low + a.high * b.high */
TVMP_INLINE int32_t tvmp_smlad(uint32_t a, uint32_t b, int32_t acc) {
#if TVMP_HAVE_DSP
  return __smlad((int16x2_t)a, (int16x2_t)b, acc);
#else
  const int32_t low = tvmp_low16(a) * tvmp_low16(b), high = tvmp_high16(a) * tvmp_high16(b);
  return tvmp_wrapping_add(tvmp_wrapping_add(acc, low), high);
#endif
}

/* a.low * b.low and a.high * b.high: gcc and clang know the instructions. */
TVMP_INLINE int32_t tvmp_smulbb(uint32_t a, uint32_t b) { return tvmp_low16(a) * tvmp_low16(b); }
TVMP_INLINE int32_t tvmp_smultt(uint32_t a, uint32_t b) { return tvmp_high16(a) * tvmp_high16(b); }

/* Sums of two int16 each, modulo 2^16. */
TVMP_INLINE uint32_t tvmp_sadd16(uint32_t a, uint32_t b) {
#if TVMP_HAVE_DSP
  return (uint32_t)__sadd16((int16x2_t)a, (int16x2_t)b);
#else
  return tvmp_pair(tvmp_low16(a) + tvmp_low16(b), tvmp_high16(a) + tvmp_high16(b));
#endif
}

/* acc + a.low * b.low, a.low * b.high, a.high * b.low, a.high * b.high */
TVMP_INLINE int32_t tvmp_smlabb(uint32_t a, uint32_t b, int32_t acc) {
#if TVMP_HAVE_DSP
  return __smlabb((int32_t)a, (int32_t)b, acc);
#else
  return tvmp_wrapping_add(acc, tvmp_low16(a) * tvmp_low16(b));
#endif
}
TVMP_INLINE int32_t tvmp_smlabt(uint32_t a, uint32_t b, int32_t acc) {
#if TVMP_HAVE_DSP
  return __smlabt((int32_t)a, (int32_t)b, acc);
#else
  return tvmp_wrapping_add(acc, tvmp_low16(a) * tvmp_high16(b));
#endif
}
TVMP_INLINE int32_t tvmp_smlatb(uint32_t a, uint32_t b, int32_t acc) {
#if TVMP_HAVE_DSP
  return __smlatb((int32_t)a, (int32_t)b, acc);
#else
  return tvmp_wrapping_add(acc, tvmp_high16(a) * tvmp_low16(b));
#endif
}
TVMP_INLINE int32_t tvmp_smlatt(uint32_t a, uint32_t b, int32_t acc) {
#if TVMP_HAVE_DSP
  return __smlatt((int32_t)a, (int32_t)b, acc);
#else
  return tvmp_wrapping_add(acc, tvmp_high16(a) * tvmp_high16(b));
#endif
}

/* The upper half of a 64-bit product, rounded: (a * b + 2^31) >> 32 */
TVMP_INLINE int32_t tvmp_smmulr(int32_t a, int32_t b) {
#if TVMP_HAVE_DSP
  int32_t out; /* no ACLE name for it */
  __asm__("smmulr %0, %1, %2" : "=r"(out) : "r"(a), "r"(b));
  return out;
#else
  return (int32_t)(((int64_t)a * b + ((int64_t)1 << 31)) >> 32);
#endif
}

/* The same added to a number. */
TVMP_INLINE int32_t tvmp_smmlar(int32_t a, int32_t b, int32_t add) {
#if TVMP_HAVE_DSP
  int32_t out;
  __asm__("smmlar %0, %1, %2, %3" : "=r"(out) : "r"(a), "r"(b), "r"(add));
  return out;
#else
  return add + tvmp_smmulr(a, b);
#endif
}

/* One less where `sign` is negative. */
TVMP_INLINE int32_t tvmp_add_sign(int32_t value, int32_t sign) {
#if TVMP_HAVE_DSP
  int32_t out; /* gcc adds the constant that `value` mostly is by an instruction of its own */
  __asm__("add %0, %1, %2, asr #31" : "=r"(out) : "r"(value), "r"(sign));
  return out;
#else
  return value + (sign >> 31);
#endif
}

/* Saturate to int8. */
#if TVMP_HAVE_DSP
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wsign-conversion" /* inside of gcc's own __ssat */
TVMP_INLINE int32_t tvmp_ssat8(int32_t value) { return __ssat(value, 8); }
#pragma GCC diagnostic pop
#else
TVMP_INLINE int32_t tvmp_ssat8(int32_t value) { return value < -128 ? -128 : (value > 127 ? 127 : value); }
#endif

/* Rescale an accumulator in [-2^30, 2^30) and saturate to int8: round(round(acc * multiplier / 2^31) / 2^(s + 1)) + zp,
 * where s is `shift` and `round_and_zp` is 2 * zp + 1.  Both roundings are TFLite's; the caller has proved that no
 * sum overflows.  Adding h >> 31 turns "half up" into "half away from zero". */
TVMP_INLINE int32_t tvmp_requantize(int32_t acc, int32_t multiplier, int32_t shift, int32_t round_and_zp) {
  int32_t h = tvmp_smmulr((int32_t)((uint32_t)acc << 1), multiplier);
  h += h >> 31;
  h += (int32_t)((uint32_t)round_and_zp << shift);
  return tvmp_ssat8((h >> shift) >> 1);
}

TVMP_INLINE int32_t tvmp_min(int32_t a, int32_t b) { return a < b ? a : b; }
TVMP_INLINE int32_t tvmp_max(int32_t a, int32_t b) { return a > b ? a : b; }

/* A channel's word holds its bias above some bits. */
TVMP_INLINE int32_t tvmp_step_bias(int32_t word, int32_t bits) { return word >> bits; }

/* Left shift of an accumulator of which the caller has proved that no bit is lost. */
TVMP_INLINE int32_t tvmp_raised(int32_t acc, int32_t bits) { return (int32_t)((uint32_t)acc << bits); }

/* The same in fewer steps: a constant, whose bits are in the word and lowest in the multiplier, corrects the rounding.
 * The caller has proved, accumulator by accumulator, that one rounding gives what two give. */
TVMP_INLINE int32_t tvmp_step(int32_t acc, int32_t word, int32_t multiplier, int32_t shift) {
  const int32_t constant = (word & 1023) + (multiplier & 15) * 1024;
  return tvmp_ssat8((constant + tvmp_smmulr(acc, multiplier)) >> shift);
}

/* One rounding of a sum that began at the right number. */
TVMP_INLINE int32_t tvmp_step_line(int32_t sum, int32_t multiplier, int32_t shift) {
  return tvmp_ssat8(tvmp_smmulr(sum, multiplier) >> shift);
}

/* Both roundings, halves away from zero on both sides; the lowest byte of the word is the channel's part of the shift,
 * `base` the constant before it. */
TVMP_INLINE int32_t tvmp_step_signed(int32_t acc, int32_t word, int32_t multiplier, int32_t shift, int32_t base) {
  const int32_t doubled = (int32_t)((uint32_t)acc << 1), own = word & 255;
  const int32_t constant = (int32_t)((uint32_t)base << own);
  return tvmp_ssat8(((constant + (acc >> 31) + tvmp_smmulr(doubled, multiplier)) >> own) >> shift);
}

/* Two roundings for any accumulator and any `shift` of TFLite (positive goes left); not saturated. */
TVMP_INLINE int32_t tvmp_rescale(int32_t acc, int32_t multiplier, int32_t shift) {
  const int32_t left = shift > 0 ? shift : 0, right = shift > 0 ? 0 : -shift;
  const int32_t shifted = (int32_t)((uint32_t)acc << left);
  const int64_t high = ((int64_t)shifted * multiplier + ((int64_t)1 << 30)) >> 31;
  const int32_t h = high > INT32_MAX ? INT32_MAX : (int32_t)high; /* -2^31 times -2^31 saturates */
  const int32_t mask = (int32_t)((1u << right) - 1u);
  return (h >> right) + ((h & mask) > (mask >> 1) + (h < 0) ? 1 : 0);
}

/* The same with one rounding, for operators that TFLite rescales with doubles: multipliers for it are chosen such that
 * "half up" never meets a negative half. */
TVMP_INLINE int32_t tvmp_requantize_once(int32_t acc, int32_t multiplier, int32_t shift, int32_t round_and_zp) {
  int32_t h = (int32_t)(((int64_t)(int32_t)((uint32_t)acc << 1) * multiplier) >> 32);
  h += (int32_t)((uint32_t)round_and_zp << shift);
  return tvmp_ssat8((h >> shift) >> 1);
}

/* Any accumulator, rescaled by all 53 bits of a double, rounded once, halves away from zero.  The mantissa's upper 31
 * bits carry its sign; `low_and_shift` holds the lower 22 bits, then six bits of right shift. */
TVMP_INLINE int32_t tvmp_requantize_double(int32_t acc, int32_t high, int32_t low_and_shift, int32_t zero_point) {
  const uint64_t size = acc < 0 ? 0u - (uint32_t)acc : (uint32_t)acc;
  const uint64_t upper = high < 0 ? 0u - (uint32_t)high : (uint32_t)high;
  const uint64_t lower = (uint32_t)low_and_shift >> 6;
  const uint32_t right = (uint32_t)low_and_shift & 63u;
  const uint64_t scaled = size * upper + ((size * lower) >> 22);
  const uint64_t rounded = (scaled + (((uint64_t)1 << right) >> 1)) >> right;
  const int32_t value = rounded > 512u ? 512 : (int32_t)rounded; /* as below */
  return tvmp_ssat8(((acc < 0) != (high < 0) ? -value : value) + zero_point);
}

/* tvmp_rescale, the zero point and saturation to int8. */
TVMP_INLINE int32_t tvmp_requantize_any(int32_t acc, int32_t multiplier, int32_t shift, int32_t zero_point) {
  const int32_t value = tvmp_rescale(acc, multiplier, shift);
  /* Beyond +-512 the result is saturated whatever the zero point is, and the sum must not overflow. */
  return tvmp_ssat8((value < -512 ? -512 : (value > 512 ? 512 : value)) + zero_point);
}

/* ---- Element-wise operators ---- */

/* Byte `index` of a word as a number: one SXTB. */
TVMP_INLINE int32_t tvmp_byte(uint32_t word, int32_t index) {
  return (int32_t)(int8_t)((word >> (8 * index)) & 0xFFu);
}

/* The entries of a table, whose middle is that of 0, for four int8. */
TVMP_INLINE uint32_t tvmp_lookup4(const int8_t *middle, uint32_t word) {
  const uint8_t *table = (const uint8_t *)middle;
  return (uint32_t)table[tvmp_byte(word, 0)] | ((uint32_t)table[tvmp_byte(word, 1)] << 8) |
         ((uint32_t)table[tvmp_byte(word, 2)] << 16) | ((uint32_t)table[tvmp_byte(word, 3)] << 24);
}

/* The greater of each pair of int8 in two words. */
TVMP_INLINE uint32_t tvmp_max4(uint32_t a, uint32_t b) {
#if TVMP_HAVE_DSP
  uint32_t out; /* SSUB8 sets a flag for every byte that SEL reads: they must not be taken apart */
  __asm__("ssub8 %0, %1, %2\n\tsel %0, %1, %2" : "=&r"(out) : "r"(a), "r"(b) : "cc");
  return out;
#else
  int32_t lanes[4], i;
  for (i = 0; i < 4; ++i) {
    const int32_t left = tvmp_byte(a, i), right = tvmp_byte(b, i);
    lanes[i] = left > right ? left : right;
  }
  return tvmp_pack4(lanes[0], lanes[1], lanes[2], lanes[3]);
#endif
}

/* acc + a * b, in this order: one MLA.  The caller has proved that nothing overflows. */
TVMP_INLINE int32_t tvmp_mla(int32_t a, int32_t b, int32_t acc) { return acc + a * b; }

#ifdef __cplusplus
}
#endif

#endif
